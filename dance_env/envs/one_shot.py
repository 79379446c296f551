"""One-shot episodes: an action is a whole design, and the episode ends with its evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium
import numpy as np

from dance_env.envs.episode import Episode, State, one_hot


@dataclass(frozen=True)
class OneShot(Episode):
    """A contextual bandit without context: D options at once, one evaluation, done.

    Observation, (O,): zeros at the start, the one-hot design at the end.
    """

    name: ClassVar[str] = "one-shot"

    @property
    def action_space(self) -> gymnasium.spaces.MultiDiscrete:
        """MultiDiscrete: the option of each choice."""
        return gymnasium.spaces.MultiDiscrete(self.space.option_counts)

    @property
    def observation_space(self) -> gymnasium.spaces.Box:
        """Box in [0, 1] of shape (O,)."""
        return gymnasium.spaces.Box(0.0, 1.0, (self.space.num_options,), np.float32)

    def start(self, batch: int, rng: np.random.Generator) -> State:
        """Return states in which no choice is made."""
        return State(np.zeros((batch, 0), dtype=np.int64), step=0)

    def act(self, state: State, actions: Any) -> np.ndarray:
        """Return the actions: they are the designs."""
        array = np.asarray(actions)
        expected = (len(state.designs), self.space.num_choices)
        if array.shape != expected:
            raise ValueError(
                f"expected actions of shape {expected}, one design of {expected[1]} options for each environment; "
                f"got shape {array.shape}"
            )
        return np.array(self.space.check(array))

    def observe(self, state: State) -> np.ndarray:
        """Return `(B, O)`: the design so far."""
        return one_hot(self.space, state.designs)

    def masks(self, state: State) -> np.ndarray:
        """Return `(B, O)`, all True: the options of all choices side by side, as MaskablePPO expects for MultiDiscrete."""
        return np.ones((len(state.designs), self.space.num_options), dtype=np.bool_)
