"""What the learners of stable-baselines3 have in common: batches of episodes, the penalty of limits, the end of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.distributions import MultiCategoricalDistribution
from stable_baselines3.common.logger import Logger

from dance_env.envs import EPISODE_NAMES, CoDesignVectorEnv, ObjectiveReward, PenalizedReward, Reward
from dance_env.suggest import nearest
from solvers.contract.isolation import isolated_global_state
from solvers.contract.meter import Meter
from solvers.contract.metered_problem import MeteredProblem
from solvers.methods.rl.grouped_actions import GroupedCategoricals
from solvers.methods.rl.return_scale import spread
from solvers.methods.rl.vec_env import CoDesignVecEnv
from solvers.methods.stalled import stalled

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm


@dataclass(frozen=True)
class Plan:
    """How a learner spends its budget.

    Attributes:
        episode: The episode style that the policy acts in.
        updates: Batches of episodes over the budget.
        smallest_batch: The least episodes of a batch, however small the budget.
        penalty: First weight of the violation in the reward, in spreads of the objective for a violation of 1.
        penalty_growth: Factor on that weight after every batch in which less than half of the designs are feasible.
        endless: Whether a policy that trains nothing new goes on all the same, until the budget is spent.
    """

    episode: str
    updates: int
    smallest_batch: int
    penalty: float
    penalty_growth: float
    endless: bool = False


@dataclass(frozen=True, eq=False)
class Setup:
    """What a learner is made with.

    Attributes:
        envs: The episodes of a batch, side by side.
        seed: Of the learner's own draws.
        steps: Of an episode.
        timesteps: Of the whole run, over all environments.
    """

    envs: CoDesignVecEnv
    seed: int
    steps: int
    timesteps: int


def learn(
    problem: MeteredProblem, rng: np.random.Generator, plan: Plan, make: Callable[[Setup], BaseAlgorithm]
) -> None:
    """Make a learner and let it play and learn until the budget is spent.

    Where there are constraints, a few random designs are evaluated first, for the scale of the penalty.

    Args:
        problem: The metered problem.
        rng: Source of randomness.
        plan: How the budget is spent.
        make: Makes the learner.
    """
    meter: Meter = problem.meter
    seed = int(rng.integers(2**31))
    steps = problem.vector(1, episode=plan.episode).episode.horizon
    evaluations = steps if plan.episode == "refine" else 1  # of an episode
    num_envs = max(plan.smallest_batch, meter.planned_evaluations // (plan.updates * evaluations))
    reward: Reward = ObjectiveReward()
    if problem.objective.constraints:
        objective = problem.evaluate(problem.space.sample(rng, 4 * plan.smallest_batch)).objective
        reward = PenalizedReward(weight=plan.penalty * spread(objective))
    batch = problem.vector(num_envs, episode=plan.episode, reward=reward)
    with isolated_global_state(seed):
        envs = CoDesignVecEnv(batch, seed=seed)
        # In timesteps, rounded up to whole rollouts: the meter ends the run within the last one.
        total = -(-meter.planned_evaluations // (num_envs * evaluations)) * num_envs * steps
        model = make(Setup(envs, seed, steps, total))
        model.set_logger(Logger(folder=None, output_formats=[]))  # its own makes a folder for each run
        policy: Any = model.policy
        distribution = getattr(policy, "action_dist", None)
        if type(distribution) is MultiCategoricalDistribution:
            policy.action_dist = GroupedCategoricals(distribution.action_dims)
        callbacks: list[BaseCallback] = [_StopWhenSpent(meter)]
        if isinstance(reward, PenalizedReward):
            callbacks.append(_RaisePenalty(envs, batch, growth=plan.penalty_growth, steps=steps))
        model.learn(total, callback=callbacks, log_interval=None)  # type: ignore[arg-type]  # None: no log
        while meter.left and (
            plan.endless or not stalled(meter)
        ):  # the budget counts trained networks, and some episodes trained none
            more = num_envs * steps
            model.learn(more, callback=callbacks, log_interval=None, reset_num_timesteps=False)  # type: ignore[arg-type]  # None: no log


def check_plan(episode: str, *, styles: tuple[str, ...] = EPISODE_NAMES, **counts: int) -> None:
    """Check an episode style, and settings that are counts.

    Raises:
        ValueError: If the style is not among `styles`, or a count is below one.
    """
    if episode not in EPISODE_NAMES:
        raise ValueError(f"there is no episode style {episode!r}. {nearest(episode, EPISODE_NAMES)}")
    if episode not in styles:
        raise ValueError(f"this learner acts in episodes of style {' or '.join(styles)}, not {episode}")
    for name, value in counts.items():
        if value < 1:
            raise ValueError(f"{name} is at least 1, not {value}")


def falling(first: float) -> Callable[[float], float]:
    """Return a learning rate that falls linearly to a tenth, as a function of the share of the run that is left."""
    return lambda left: first * max(0.1, left)


class _StopWhenSpent(BaseCallback):
    """Ends learning with the step that spends the budget: no update follows it."""

    def __init__(self, meter: Meter) -> None:
        super().__init__()
        self._meter = meter

    def _on_step(self) -> bool:
        return self._meter.left > 0


class _RaisePenalty(BaseCallback):
    """Raises the weight of the violation while less than half of a batch is feasible, once after each batch of episodes.

    No single weight suits every problem. If it is too low, the policy converges to designs just outside of the limits;
    if it is too high, differences of the objective hardly count.
    """

    def __init__(self, envs: CoDesignVecEnv, batch: CoDesignVectorEnv, *, growth: float, steps: int) -> None:
        super().__init__()
        self._envs, self._batch, self._growth, self._steps = envs, batch, growth, steps

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        if self.num_timesteps % (self._steps * self._envs.num_envs):
            return  # a learner that updates within episodes: the batch goes on
        reward = self._batch.reward
        if self._envs.feasible_share < 0.5 and isinstance(reward, PenalizedReward):
            self._batch.reward = replace(reward, weight=reward.weight * self._growth)
