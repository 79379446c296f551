"""Proximal policy optimization through stable-baselines3."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from stable_baselines3 import PPO as StablePPO
from stable_baselines3.common.callbacks import BaseCallback

from dance_env.envs import EPISODE_NAMES, CoDesignVectorEnv, ObjectiveReward, PenalizedReward, Reward
from dance_env.suggest import nearest
from solvers.contract.isolation import isolated_global_state
from solvers.contract.meter import Meter
from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.solver import Solver
from solvers.methods.rl.return_scale import spread
from solvers.methods.rl.vec_env import CoDesignVecEnv


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
        if self.episode not in EPISODE_NAMES:
            raise ValueError(f"there is no episode style {self.episode!r}. {nearest(self.episode, EPISODE_NAMES)}")
        for name in ("updates", "smallest_batch", "epochs", "minibatches"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1, not {getattr(self, name)}")
        if self.smallest_batch < 2 * self.minibatches:
            raise ValueError(
                f"a minibatch needs two episodes at least: a smallest batch of {self.smallest_batch} cannot be split "
                f"into {self.minibatches}"
            )

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Roll out and update until the budget is spent.

        Where there are constraints, a few random designs are evaluated first, for the scale of the penalty.
        """
        meter: Meter = problem.meter
        seed = int(rng.integers(2**31))
        steps = problem.vector(1, episode=self.episode).episode.horizon
        evaluations = steps if self.episode == "refine" else 1  # of an episode
        num_envs = max(self.smallest_batch, meter.planned_evaluations // (self.updates * evaluations))
        reward: Reward = ObjectiveReward()
        if problem.objective.constraints:
            objective = problem.evaluate(problem.space.sample(rng, 4 * self.smallest_batch)).objective
            reward = PenalizedReward(weight=self.penalty * spread(objective))
        batch = problem.vector(num_envs, episode=self.episode, reward=reward)
        with isolated_global_state(seed):
            adapter = CoDesignVecEnv(batch, seed=seed)
            model = StablePPO(
                "MlpPolicy",
                adapter,
                learning_rate=lambda left: self.learning_rate * max(0.1, left),
                n_steps=steps,
                batch_size=num_envs * steps // self.minibatches,
                n_epochs=self.epochs,
                gamma=1.0,
                gae_lambda=self.gae_lambda,
                clip_range=self.clip,
                ent_coef=self.entropy,
                policy_kwargs={"net_arch": list(self.hidden)},
                seed=seed,
                device="cpu",
            )
            # In timesteps, rounded up to whole rollouts: the meter ends the run within the last one.
            rollouts = -(-meter.planned_evaluations // (num_envs * evaluations))
            total = rollouts * num_envs * steps
            callbacks: list[BaseCallback] = [_StopWhenSpent(meter)]
            if isinstance(reward, PenalizedReward):
                callbacks.append(_RaisePenalty(adapter, batch, growth=self.penalty_growth))
            model.learn(total, callback=callbacks, log_interval=None)  # type: ignore[arg-type]
            while meter.left:  # the budget counts trained networks, and some episodes trained none
                more = num_envs * steps
                model.learn(more, callback=callbacks, log_interval=None, reset_num_timesteps=False)  # type: ignore[arg-type]


class _StopWhenSpent(BaseCallback):
    """Ends learning with the step that spends the budget: no update follows it."""

    def __init__(self, meter: Meter) -> None:
        super().__init__()
        self._meter = meter

    def _on_step(self) -> bool:
        return self._meter.left > 0


class _RaisePenalty(BaseCallback):
    """Raises the weight of the violation while less than half of a batch is feasible.

    No single weight suits every problem. If it is too low, the policy converges to designs just outside of the limits;
    if it is too high, differences of the objective hardly count.
    """

    def __init__(self, adapter: CoDesignVecEnv, batch: CoDesignVectorEnv, *, growth: float) -> None:
        super().__init__()
        self._adapter, self._batch, self._growth = adapter, batch, growth

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        reward = self._batch.reward
        if self._adapter.feasible_share < 0.5 and isinstance(reward, PenalizedReward):
            self._batch.reward = replace(reward, weight=reward.weight * self._growth)
