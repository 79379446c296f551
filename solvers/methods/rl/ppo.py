"""Proximal policy optimization through stable-baselines3."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from stable_baselines3 import PPO as StablePPO

from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.solver import Solver
from solvers.contract.tunable import Tunable, TunableRange
from solvers.methods.rl.learn import Plan, Setup, check_plan, falling, learn


@dataclass(frozen=True)
class PPO(Solver):
    """A policy over designs, improved by clipped policy gradients (Schulman et al. 2017).

    Attributes:
        episode: the episode style that the policy acts in.
        updates: how many times the policy is updated over the budget. Between two updates a batch of episodes is played,
            of as many evaluations as the budget divided by `updates`.
        smallest_batch: the least episodes of a batch, however small the budget.
        epochs: passes over a rollout in an update.
        minibatches: parts that a rollout is split into in each pass.
        learning_rate: Adam's, falling linearly to a tenth over the budget.
        entropy: weight of the entropy bonus.
        clip: how far a probability ratio may move in an update.
        gae_lambda: trade-off between bias and variance of the advantage estimate; 1 takes returns as they are.
        hidden: widths of the policy's and the value function's hidden layers.
        penalty: first weight of the violation in the reward, in spreads of the objective for a violation of 1.
        penalty_growth: factor on that weight after every batch in which less than half of the designs are feasible.

    Raises:
        ValueError: If the style is unknown, a count is below one, or a batch cannot be split into the minibatches.
    """

    name: ClassVar[str] = "ppo"
    tunable: ClassVar[Mapping[str, Tunable]] = {
        "smallest_batch": TunableRange(4, 16, log=True),
        "epochs": TunableRange(2, 16, log=True),
        "learning_rate": TunableRange(1e-3, 0.2, log=True),
        "entropy": TunableRange(1e-3, 0.3, log=True),
    }
    _endless: ClassVar[bool] = True  # as its published records were made
    episode: str = "one-shot"
    updates: int = 128
    smallest_batch: int = 8
    epochs: int = 8
    minibatches: int = 1
    learning_rate: float = 0.03
    entropy: float = 0.03
    clip: float = 0.2
    gae_lambda: float = 1.0
    hidden: tuple[int, ...] = ()
    penalty: float = 10.0
    penalty_growth: float = 1.05

    def __post_init__(self) -> None:
        check_plan(
            self.episode,
            updates=self.updates,
            smallest_batch=self.smallest_batch,
            epochs=self.epochs,
            minibatches=self.minibatches,
        )
        if self.smallest_batch < 2 * self.minibatches:
            raise ValueError(
                f"a minibatch needs two episodes at least: a smallest batch of {self.smallest_batch} cannot be split "
                f"into {self.minibatches}"
            )

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Roll out and update until the budget is spent.

        Where there are constraints, a few random designs are evaluated first, for the scale of the penalty.
        """
        plan = Plan(self.episode, self.updates, self.smallest_batch, self.penalty, self.penalty_growth, self._endless)
        learn(problem, rng, plan, self._learner)

    def _learner(self, setup: Setup) -> Any:
        return StablePPO("MlpPolicy", setup.envs, **self._settings(setup))

    def _settings(self, setup: Setup) -> dict[str, Any]:
        return {
            "learning_rate": falling(self.learning_rate),
            "n_steps": setup.steps,
            "batch_size": setup.envs.num_envs * setup.steps // self.minibatches,
            "n_epochs": self.epochs,
            "gamma": 1.0,
            "gae_lambda": self.gae_lambda,
            "clip_range": self.clip,
            "ent_coef": self.entropy,
            "policy_kwargs": {"net_arch": list(self.hidden)},
            "seed": setup.seed,
            "device": "cpu",
        }
