"""Proximal policy optimisation through stable-baselines3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from stable_baselines3 import PPO as StablePPO
from stable_baselines3.common.callbacks import BaseCallback

from dance_env.envs import EPISODE_NAMES
from dance_env.envs.constraint_penalty import VectorConstraintPenalty
from dance_env.suggest import nearest
from solvers.isolation import isolated_global_state
from solvers.rl.vec_env import CoDesignVecEnv
from solvers.solver import Solver

if TYPE_CHECKING:
    from dance_env.envs import CoDesignEnv
    from solvers.meter import Meter


@dataclass(frozen=True)
class PPO(Solver):
    """A policy over designs, improved by clipped policy gradients (Schulman et al. 2017).

    Attributes:
        episode: the episode style that the policy acts in.
        num_envs: episodes in a batch.
        rollout: episodes of each env between two updates.
        epochs: passes over a rollout in an update.
        minibatches: parts that a rollout is split into in each pass.
        learning_rate: Adam's, falling linearly to a tenth over the budget.
        entropy: weight of the entropy bonus.
        clip: how far a probability ratio may move in an update.
        gae_lambda: trade-off of the advantage estimate; 1 takes returns as they are.
        hidden: widths of the policy's and the value function's hidden layers.
        penalty: weight of the violation in the reward, in percentage points of objective for a violation of 1.
    """

    name: ClassVar[str] = "ppo"
    episode: str = "one-shot"
    num_envs: int = 32
    rollout: int = 1
    epochs: int = 4
    minibatches: int = 1
    learning_rate: float = 0.05
    entropy: float = 0.01
    clip: float = 0.2
    gae_lambda: float = 1.0
    hidden: tuple[int, ...] = ()
    penalty: float = 100.0

    def __post_init__(self) -> None:
        if self.episode not in EPISODE_NAMES:
            raise ValueError(f"there is no episode style {self.episode!r}. {nearest(self.episode, EPISODE_NAMES)}")
        for name in ("num_envs", "rollout", "epochs", "minibatches"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1, not {getattr(self, name)}")
        if self.num_envs * self.rollout < 2 * self.minibatches:
            raise ValueError(
                f"a minibatch needs two episodes at least: num_envs x rollout = {self.num_envs * self.rollout} "
                f"cannot be split into {self.minibatches}"
            )

    def search(self, env: CoDesignEnv, rng: np.random.Generator) -> None:
        """Roll out, update, until the budget is spent."""
        meter: Meter = env.problem.meter  # type: ignore[attr-defined]
        seed = int(rng.integers(2**31))
        batch = env.vector(self.num_envs, episode=self.episode)
        horizon = batch.episode.horizon
        steps = self.rollout * horizon
        evaluations_per_step = 1.0 if batch.episode.truncates else 1.0 / horizon
        with isolated_global_state(seed):
            wrapped: Any = batch
            if env.problem.objective.constraints:
                wrapped = VectorConstraintPenalty(batch, weight=self.penalty)
            model = StablePPO(
                "MlpPolicy",
                CoDesignVecEnv(wrapped, seed=seed),
                learning_rate=lambda left: self.learning_rate * max(0.1, left),
                n_steps=steps,
                batch_size=self.num_envs * steps // self.minibatches,
                n_epochs=self.epochs,
                gamma=1.0,
                gae_lambda=self.gae_lambda,
                clip_range=self.clip,
                ent_coef=self.entropy,
                policy_kwargs={"net_arch": list(self.hidden)},
                seed=seed,
                device="cpu",
            )
            # In timesteps of stable-baselines3, and a rollout more than the budget allows: the meter ends the run.
            total = int(meter.budget / evaluations_per_step) + self.num_envs * steps
            model.learn(total, callback=_StopWhenSpent(meter), log_interval=None)  # type: ignore[arg-type]


class _StopWhenSpent(BaseCallback):
    """Ends learning with the step that spends the budget, rather than training once more for nothing."""

    def __init__(self, meter: Meter) -> None:
        super().__init__()
        self._meter = meter

    def _on_step(self) -> bool:
        return self._meter.left > 0
