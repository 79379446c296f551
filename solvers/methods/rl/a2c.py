"""Advantage actor-critic through stable-baselines3."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from stable_baselines3 import A2C as StableA2C

from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.solver import Solver
from solvers.contract.tunable import Tunable, TunableRange, TunableValues
from solvers.methods.rl.learn import Plan, Setup, check_plan, falling, learn


@dataclass(frozen=True)
class A2C(Solver):
    """A policy over designs, improved by one policy gradient step after each batch (Mnih et al. 2016).

    Attributes:
        episode: the episode style that the policy acts in.
        updates: how many times the policy is updated over the budget; a batch of episodes is played before each.
        smallest_batch: the least episodes of a batch, however small the budget.
        learning_rate: RMSprop's, falling linearly to a tenth over the budget.
        entropy: weight of the entropy bonus.
        gae_lambda: trade-off between bias and variance of the advantage estimate; 1 takes returns as they are.
        hidden: widths of the policy's and the value function's hidden layers.
        normalize: whether advantages are standardized within a batch.
        penalty: first weight of the violation in the reward, in spreads of the objective for a violation of 1.
        penalty_growth: factor on that weight after every batch in which less than half of the designs are feasible.

    Raises:
        ValueError: If the style is unknown, or a count is below one.
    """

    name: ClassVar[str] = "a2c"
    tunable: ClassVar[Mapping[str, Tunable]] = {
        "smallest_batch": TunableRange(2, 16, log=True),
        "learning_rate": TunableRange(1e-3, 0.2, log=True),
        "entropy": TunableRange(1e-3, 0.3, log=True),
        "normalize": TunableValues((True, False)),
    }
    episode: str = "one-shot"
    updates: int = 128
    smallest_batch: int = 8
    learning_rate: float = 0.03
    entropy: float = 0.03
    gae_lambda: float = 1.0
    hidden: tuple[int, ...] = ()
    normalize: bool = True
    penalty: float = 10.0
    penalty_growth: float = 1.05

    def __post_init__(self) -> None:
        check_plan(self.episode, updates=self.updates)
        if self.smallest_batch < 2:
            raise ValueError(f"smallest_batch is at least 2, so that advantages vary; not {self.smallest_batch}")

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Roll out and update until the budget is spent."""
        plan = Plan(self.episode, self.updates, self.smallest_batch, self.penalty, self.penalty_growth)
        learn(problem, rng, plan, self._learner)

    def _learner(self, setup: Setup) -> Any:
        return StableA2C(
            "MlpPolicy",
            setup.envs,
            learning_rate=falling(self.learning_rate),
            n_steps=setup.steps,
            gamma=1.0,
            gae_lambda=self.gae_lambda,
            ent_coef=self.entropy,
            normalize_advantage=self.normalize,
            policy_kwargs={"net_arch": list(self.hidden)},
            seed=setup.seed,
            device="cpu",
        )
