"""Refine episodes: start from a random design, change one option a step, see what it does."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import gymnasium
import numpy as np

from dance_env.envs.episode import Episode, State, check_actions, one_hot

HALF_OBJECTIVE = 10.0
"""The objective, in percentage points, that is observed as one half. It is a scale for a policy's input, not a limit:
objectives of trained networks lie around ten points."""


@dataclass(frozen=True)
class Refine(Episode):
    """Local search as an episode: each action sets one choice to one option, each step is one evaluation.

    The action is a flat index over all O options. Setting the option that is set already is allowed and leaves the
    design as it is (and is evaluated again). The episode terminates at the horizon. It is not truncated: the horizon is
    part of the task, since the design of the last step alone counts, and the progress towards it is observed.

    Observation, (O + 4): the one-hot design, then progress step / horizon, error / 100, objective and violation of
    the design, x / (|x| + scale) with scale 10 points and 1; the last three are 0 until the first evaluation, and an
    infinite objective or violation is observed as 1.
    """

    name: ClassVar[str] = "refine"
    takes_horizon: ClassVar[bool] = True
    takes_start: ClassVar[bool] = True
    differences: ClassVar[bool] = True

    @property
    def action_space(self) -> gymnasium.spaces.Discrete:
        """Discrete: flat index of the option to set."""
        return gymnasium.spaces.Discrete(self.space.num_options)

    @property
    def observation_space(self) -> gymnasium.spaces.Box:
        """Box of shape (O + 4,) in [0, 1], but for the objective's column in [-1, 1]."""
        low = np.zeros(self.space.num_options + 4, dtype=np.float32)
        low[self.space.num_options + 2] = -1.0
        return gymnasium.spaces.Box(low, np.ones_like(low), dtype=np.float32)

    def start(self, batch: int, rng: np.random.Generator) -> State:
        """Draw uniformly random designs. They are not evaluated: the first evaluation costs a step."""
        return State(self.space.sample(rng, batch), step=0)

    def act(self, state: State, actions: Any) -> np.ndarray:
        """Set one option in every design."""
        rows = np.arange(len(state.designs))
        flat = check_actions(
            actions, shape=rows.shape, count=self.space.num_options, what="flat index of the option to set"
        )
        choices = self._choice_of_option[flat]
        designs = state.designs.copy()
        designs[rows, choices] = flat - self.space.offsets[choices]
        return designs

    def observe(self, state: State) -> np.ndarray:
        """Return `(B, O + 4)`: the design, the progress, and the last evaluation."""
        observation = one_hot(self.space, state.designs, extra=4)
        end = self.space.num_options
        observation[:, end] = state.step / self.horizon
        if state.evaluation is not None:
            objective, violation = state.evaluation.objective, state.evaluation.violation
            observation[:, end + 1] = state.evaluation.error_pct / 100.0
            observation[:, end + 2] = _squashed(objective, HALF_OBJECTIVE)
            observation[:, end + 3] = _squashed(violation, 1.0)
        return observation

    def masks(self, state: State) -> np.ndarray:
        """Return `(B, O)`: all True."""
        return np.ones((len(state.designs), self.space.num_options), dtype=np.bool_)

    @cached_property
    def _choice_of_option(self) -> np.ndarray:
        """`(O,)` int64: the choice of each flat index; a look-up is ten times faster than a search in the offsets."""
        return np.repeat(np.arange(self.space.num_choices), self.space.option_counts)


def _squashed(values: np.ndarray, half: float) -> np.ndarray:
    """Return x / (|x| + half), `(B,)` in [-1, 1]; an infinite x gives the limit, -1 or 1."""
    finite = np.clip(values, -1e300, 1e300)  # inf / inf would be NaN; 1e300 / (1e300 + half) is 1
    return finite / (np.abs(finite) + half)
