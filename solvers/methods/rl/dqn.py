"""Deep Q-learning through stable-baselines3."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from stable_baselines3 import DQN as StableDQN

from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.solver import Solver
from solvers.contract.tunable import Tunable, TunableRange
from solvers.methods.rl.learn import Plan, Setup, check_plan, falling, learn


@dataclass(frozen=True)
class DQN(Solver):
    """Values of actions, learned from replayed steps (Mnih et al. 2015); one choice a step.

    Attributes:
        episode: the episode style; "sequential" or "refine", whose actions are a single number.
        updates: batches of episodes over the budget. After each step of a batch, values are learned from memory.
        smallest_batch: the least episodes of a batch, however small the budget.
        replays: gradient steps after each step of a batch.
        batch: remembered steps of a gradient step.
        learning_rate: Adam's, falling linearly to a tenth over the budget.
        random: share of the budget that is played at random before anything is learned.
        exploration: share of the budget over which the probability of a random action falls to `end`.
        end: last probability of a random action.
        target: steps of a batch after which the target network is renewed.
        hidden: widths of the hidden layers.
        penalty: first weight of the violation in the reward, in spreads of the objective for a violation of 1.
        penalty_growth: factor on that weight after every batch in which less than half of the designs are feasible.

    Raises:
        ValueError: If the style is one-shot or unknown, a count is below one, or a share is not between 0 and 1.
    """

    name: ClassVar[str] = "dqn"
    tunable: ClassVar[Mapping[str, Tunable]] = {
        "smallest_batch": TunableRange(2, 16, log=True),
        "replays": TunableRange(1, 4),
        "learning_rate": TunableRange(1e-4, 1e-2, log=True),
        "exploration": TunableRange(0.2, 0.9),
    }
    episode: str = "sequential"
    updates: int = 32
    smallest_batch: int = 8
    replays: int = 1
    batch: int = 64
    learning_rate: float = 1e-3
    random: float = 0.1
    exploration: float = 0.5
    end: float = 0.02
    target: int = 50
    hidden: tuple[int, ...] = (64, 64)
    penalty: float = 10.0
    penalty_growth: float = 1.05

    def __post_init__(self) -> None:
        check_plan(
            self.episode,
            styles=("sequential", "refine"),
            updates=self.updates,
            smallest_batch=self.smallest_batch,
            replays=self.replays,
            batch=self.batch,
            target=self.target,
        )
        for name in ("random", "exploration", "end"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share between 0 and 1, not {getattr(self, name)}")

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Play and learn until the budget is spent."""
        plan = Plan(self.episode, self.updates, self.smallest_batch, self.penalty, self.penalty_growth)
        learn(problem, rng, plan, self._learner)

    def _learner(self, setup: Setup) -> Any:
        return StableDQN(
            "MlpPolicy",
            setup.envs,
            learning_rate=falling(self.learning_rate),
            buffer_size=min(setup.timesteps, _MOST_REMEMBERED),
            learning_starts=int(self.random * setup.timesteps),
            batch_size=self.batch,
            gamma=1.0,
            train_freq=1,
            gradient_steps=self.replays,
            target_update_interval=self.target * setup.envs.num_envs,
            exploration_fraction=self.exploration,
            exploration_final_eps=self.end,
            policy_kwargs={"net_arch": list(self.hidden)},
            seed=setup.seed,
            device="cpu",
        )


_MOST_REMEMBERED = 100_000
"""Steps that are remembered: an observation has some hundred numbers."""
