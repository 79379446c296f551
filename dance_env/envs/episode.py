"""What an episode is: a pure transition from one state of a batch of designs to the next, and how rewards add up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, final

import gymnasium
import numpy as np

from dance_env.envs.metrics import metrics
from dance_env.envs.reward import Reward
from dance_env.problem import Evaluation
from dance_env.space import DesignSpace


@dataclass(frozen=True, eq=False)
class State:
    """Where a batch of episodes stands. All episodes of a batch are at the same step, since all are equally long.

    Attributes:
        designs: `(B, k)` int64, the options of the first `k` choices; `k` = D once every choice is made.
        step: how many actions the episodes have taken.
        evaluation: leaves `(B,)`, of these very designs; None until a complete design was evaluated.
        paid: `(B,)` or `(B, dim)` float64, the sum of each episode's rewards so far; 0.0 before the first evaluation.
    """

    designs: np.ndarray
    step: int
    evaluation: Evaluation | None = None
    paid: np.ndarray | float = 0.0


@dataclass(frozen=True)
class Episode(ABC):
    """One style of episode over a design space. It holds no state: every method is a function of the `State` given.

    Attributes:
        space: the choices that a design makes.
        horizon: actions in an episode.
        name: what a user calls the style.
        takes_horizon: whether a user may set the horizon.
        takes_start: whether an episode can start from a design that the user gives.
        differences: whether an episode evaluates several designs, so that rewards are differences.
    """

    space: DesignSpace
    horizon: int

    name: ClassVar[str]
    takes_horizon: ClassVar[bool] = False
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
        """Return the starting state of `batch` episodes."""

    @abstractmethod
    def act(self, state: State, actions: Any) -> np.ndarray:
        """Return the designs `(B, k)` after the actions, checked; the state is left as it is.

        Raises:
            TypeError: If the actions are not integers.
            ValueError: If the actions have a wrong shape or are out of range.
        """

    @abstractmethod
    def observe(self, state: State) -> np.ndarray:
        """Return the observations, `(B, size)` float32, fresh memory, finite."""

    @abstractmethod
    def masks(self, state: State) -> np.ndarray:
        """Return `(B, actions)` bool, fresh memory: True where an action is meaningful, in the form of sb3-contrib."""

    @final
    def done(self, state: State) -> bool:
        """Return whether the episodes are over."""
        return state.step >= self.horizon

    @final
    def advance(
        self, state: State, actions: Any, *, evaluate: Callable[[np.ndarray], Evaluation], reward: Reward
    ) -> tuple[State, np.ndarray]:
        """Take one action in every episode.

        A step that evaluates a design is paid what the design is worth, less what the episode was paid before. So the
        rewards of an episode add up to the worth of its last design; where a single step is evaluated, as in one-shot
        and sequential, its reward is that worth to the bit. A step that evaluates nothing is paid zero.

        Args:
            state: the states before.
            actions: one for each episode.
            evaluate: from complete designs `(B, D)` to their evaluation; called once, and only if they are complete.
            reward: what a design is worth.

        Returns:
            The states after, and the rewards, `(B,)` or `(B, dim)` float64.

        Raises:
            TypeError: If the actions are not integers.
            ValueError: If the actions have a wrong shape or are out of range; if the evaluation or the reward holds
                NaN; if the reward is infinite and rewards are differences.
        """
        designs = self.act(state, actions)
        step = state.step + 1
        if designs.shape[1] < self.space.num_choices:
            return State(designs, step), np.zeros(reward.shape(len(designs)))
        evaluation = evaluate(designs)
        worth = reward.of(evaluation)
        self._check_numbers(designs, evaluation, worth, reward)
        return State(designs, step, evaluation, paid=worth), worth - state.paid

    def _check_numbers(self, designs: np.ndarray, evaluation: Evaluation, worth: np.ndarray, reward: Reward) -> None:
        """Refuse NaN wherever it could leave the environment, and infinite rewards that would be subtracted."""
        with np.errstate(invalid="ignore"):
            # NaN wherever a metric is NaN. It can be NaN elsewhere too (inf - inf), so the metrics decide.
            total = evaluation.objective + evaluation.violation + evaluation.accuracy + evaluation.cost.edap_js_mm2
            if np.isnan(total).any():
                self._refuse_nan(designs, evaluation)
        if np.shape(worth) != reward.shape(len(designs)):
            raise ValueError(
                f"{reward!r} must give rewards of shape {reward.shape(len(designs))} for {len(designs)} designs; got "
                f"shape {np.shape(worth)}"
            )
        wrong = ~np.isfinite(worth) if self.differences else np.isnan(worth)
        if not wrong.any():
            return
        if np.isnan(worth).any():
            raise ValueError(f"{self.name}: {reward!r} gives NaN for {_first(designs, np.isnan(worth))}")
        raise ValueError(
            f"{self.name}: {reward!r} is infinite for {_first(designs, wrong)}, and rewards of this style are "
            f"differences. Use a style with one evaluation an episode (one-shot, sequential), or a problem in which "
            f"every layer has a mapping."
        )

    def _refuse_nan(self, designs: np.ndarray, evaluation: Evaluation) -> None:
        for name, values in metrics(evaluation).items():
            if np.isnan(values).any():
                raise ValueError(
                    f"{self.name}: the evaluation's {name} is NaN for {_first(designs, np.isnan(values))}. A layer that "
                    f"cannot be mapped costs inf, never NaN: look at the problem's cost table, accuracy and objective."
                )


def _first(designs: np.ndarray, wrong: np.ndarray) -> str:
    """The first wrong design in words; `wrong` is `(B,)` or `(B, dim)`."""
    row = int(np.flatnonzero(wrong.reshape(len(designs), -1).any(axis=1))[0])
    return f"design {designs[row].tolist()} (environment {row})"


def check_actions(actions: Any, *, shape: tuple[int, ...], count: int, what: str) -> np.ndarray:
    """Return integer actions in [0, count) as a fresh int64 array of the given shape.

    Args:
        actions: what the user gave.
        shape: the shape that is expected.
        count: how many actions there are.
        what: what an action means, for the message.

    Raises:
        TypeError: If the actions are not integers. Floats are refused too: rounding is the caller's decision.
        ValueError: If the shape is wrong, or a value is out of range.
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
    """Return `(B, O + extra)` float32: one-hot blocks of the choices made, zeros elsewhere.

    Args:
        space: the choices.
        designs: `(B, k)` checked options of the first `k` choices.
        extra: columns to leave room for, after the O options.
    """
    batch, made = designs.shape
    width = space.num_options + extra
    flat = np.zeros(batch * width, dtype=np.float32)
    if not made:
        return flat.reshape(batch, width)
    ones = designs + space.offsets[:made]
    ones += np.arange(0, batch * width, width)[:, None]  # in place: this runs in every step
    flat[ones.ravel()] = 1.0
    return flat.reshape(batch, width)
