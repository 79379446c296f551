"""Sequential episodes: one choice a step, in the order of the space; the complete design is evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium
import numpy as np

from dance_env.envs.episode import Episode, State, check_actions, one_hot


@dataclass(frozen=True)
class Sequential(Episode):
    """Choice by choice, as an autoregressive controller samples a design (Zoph & Le 2017); D steps.

    The action space is that of the choice with the most options. For a choice of n options, action a means option
    a mod n, so that every action is valid and learners without masks work too. Actions drawn uniformly from the action
    space are therefore not uniform over designs: of 17 actions on 3 options, 6, 6 and 5 mean each option. `masks` marks
    the actions below n; drawn uniformly among these, designs are uniform.

    Observation, (O + D): the one-hot options chosen so far, then which choice is next (zeros at the end).
    """

    name: ClassVar[str] = "sequential"

    @property
    def action_space(self) -> gymnasium.spaces.Discrete:
        """Discrete: an option of the choice at hand."""
        return gymnasium.spaces.Discrete(int(self.space.option_counts.max()))

    @property
    def observation_space(self) -> gymnasium.spaces.Box:
        """Box in [0, 1] of shape (O + D,)."""
        return gymnasium.spaces.Box(0.0, 1.0, (self.space.num_options + self.space.num_choices,), np.float32)

    def start(self, batch: int, rng: np.random.Generator) -> State:
        """Return states in which no choice is made."""
        return State(np.zeros((batch, 0), dtype=np.int64), step=0)

    def act(self, state: State, actions: Any) -> np.ndarray:
        """Append the option of the next choice; an action beyond its options wraps around."""
        made = state.designs.shape[1]
        choice, count = self.space.choices[made], int(self.space.option_counts[made])
        options = check_actions(
            actions,
            shape=(len(state.designs),),
            count=int(self.space.option_counts.max()),
            what=f"an option of choice {made}, {choice.name!r}, which has {count}",
        )
        return np.column_stack([state.designs, options % count])

    def observe(self, state: State) -> np.ndarray:
        """Return `(B, O + D)`: the options so far and the choice at hand."""
        made = state.designs.shape[1]
        observation = one_hot(self.space, state.designs, extra=self.space.num_choices)
        if made < self.space.num_choices:
            observation[:, self.space.num_options + made] = 1.0
        return observation

    def masks(self, state: State) -> np.ndarray:
        """Return `(B, max options)`: True for the options of the choice at hand; after the last choice, all True."""
        made = state.designs.shape[1]
        counts = self.space.option_counts
        allowed = counts[made] if made < self.space.num_choices else counts.max()
        return np.tile(np.arange(counts.max()) < allowed, (len(state.designs), 1))
