"""What an episode is: a pure transition from one state of a batch of designs to the next, and the one reward rule."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

import gymnasium
import numpy as np

if TYPE_CHECKING:
    from dance_env.problem import Evaluation
    from dance_env.space import DesignSpace


@dataclass(frozen=True, eq=False)
class State:
    """Where a batch of episodes stands. All episodes of a batch are at the same step, since all are equally long.

    Attributes:
        designs: `(B, k)` int64, the options of the first `k` choices; `k` = D once every choice is made.
        step: how many actions the episodes have taken.
        evaluation: leaves `(B,)`, of these very designs; None until a complete design was evaluated.
    """

    designs: np.ndarray
    step: int
    evaluation: Evaluation | None = None


@dataclass(frozen=True)
class Episode(ABC):
    """One style of episode over a design space. It holds no state: every method is a function of the `State` given.

    Attributes:
        space: the choices that a design makes.
        horizon: actions in an episode.
        name: what a user calls the style.
        truncates: whether the last step is a truncation (the episode was cut) rather than a termination.
        takes_start: whether an episode can start from a design that the user gives.
        differences: whether an episode evaluates several designs, so that rewards are differences of objectives.
    """

    space: DesignSpace
    horizon: int

    name: ClassVar[str]
    truncates: ClassVar[bool] = False
    takes_start: ClassVar[bool] = False
    differences: ClassVar[bool] = False

    @property
    @abstractmethod
    def action_space(self) -> gymnasium.Space[Any]:
        """The actions of one environment."""

    @property
    @abstractmethod
    def observation_space(self) -> gymnasium.spaces.Box:
        """The observations of one environment: a flat float32 box."""

    @abstractmethod
    def start(self, batch: int, rng: np.random.Generator) -> State:
        """The starting state of `batch` episodes."""

    @abstractmethod
    def act(self, state: State, actions: Any) -> np.ndarray:
        """The designs `(B, k)` after the actions, checked; the state is left as it is.

        Raises:
            TypeError: actions that are not integers.
            ValueError: actions of the wrong shape or out of range.
        """

    @abstractmethod
    def observe(self, state: State) -> np.ndarray:
        """`(B, size)` float32, fresh memory."""

    @abstractmethod
    def masks(self, state: State) -> np.ndarray:
        """`(B, actions)` bool, fresh memory: True where an action is meaningful, in the form of sb3-contrib."""

    @final
    def done(self, state: State) -> bool:
        """Whether the episodes are over."""
        return state.step >= self.horizon

    @final
    def advance(
        self, state: State, actions: Any, *, evaluate: Callable[[np.ndarray], Evaluation]
    ) -> tuple[State, np.ndarray]:
        """Take one action in every episode.

        The reward is the fall of the objective, where a design that was not evaluated counts zero. So the rewards of
        an episode telescope to the negated objective of its last design; where one step alone is evaluated, as in
        one-shot and sequential, its return is that number to the bit.

        Args:
            state: the states before.
            actions: one for each episode.
            evaluate: from complete designs `(B, D)` to their evaluation; called once, and only if they are complete.

        Returns:
            The states after, and the rewards `(B,)` float64.

        Raises:
            TypeError: actions that are not integers.
            ValueError: actions of the wrong shape or out of range; an infinite objective where rewards are differences.
        """
        designs = self.act(state, actions)
        complete = designs.shape[1] == self.space.num_choices
        after = State(designs, state.step + 1, evaluate(designs) if complete else None)
        now = _objective(after)
        if self.differences and not np.isfinite(now).all():
            row = int(np.flatnonzero(~np.isfinite(now))[0])
            raise ValueError(
                f"{self.name}: the objective of design {designs[row].tolist()} (environment {row}) is {now[row]}, and "
                f"rewards of this style are differences of objectives. Use a style with one evaluation an episode "
                f"(one-shot, sequential), or a problem in which every layer has a mapping."
            )
        return after, _objective(state) - now


def _objective(state: State) -> np.ndarray:
    return np.zeros(len(state.designs)) if state.evaluation is None else state.evaluation.objective


def check_actions(actions: Any, *, shape: tuple[int, ...], count: int, what: str) -> np.ndarray:
    """Integer actions in [0, count), as a fresh int64 array of the given shape.

    Args:
        actions: what the user gave.
        shape: the shape that is wanted.
        count: how many actions there are.
        what: what an action means, for the message.

    Raises:
        TypeError: anything but integers (floats and NaN among them: rounding is the caller's decision).
        ValueError: wrong shape, or a value out of range.
    """
    array = np.asarray(actions)
    if array.dtype.kind not in "iu":
        raise TypeError(
            f"expected integer actions ({what}); got {array.dtype} {_short(array)}. Round or decode them first"
        )
    if array.shape != shape:
        raise ValueError(
            f"expected actions of shape {shape}, one for each environment ({what}); got shape {array.shape}"
        )
    wrong = (array < 0) | (array >= count)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise ValueError(f"expected actions in 0..{count - 1} ({what}); got {array.flat[row]} for environment {row}")
    return array.astype(np.int64)


def _short(array: np.ndarray) -> str:
    text = np.array2string(array, threshold=6, edgeitems=2).replace("\n", "")
    return text if len(text) <= 60 else text[:57] + "..."


def one_hot(space: DesignSpace, designs: np.ndarray, *, extra: int = 0) -> np.ndarray:
    """`(B, O + extra)` float32: one-hot blocks of the choices made, zeros elsewhere.

    Args:
        space: the choices.
        designs: `(B, k)` checked options of the first `k` choices.
        extra: columns to leave room for, after the O options.
    """
    batch, made = designs.shape
    width = space.num_options + extra
    flat = np.zeros(batch * width, dtype=np.float32)
    rows = np.arange(0, batch * width, width)[:, None]
    flat[(rows + space.offsets[:made] + designs).ravel()] = 1.0
    return flat.reshape(batch, width)
