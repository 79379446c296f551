"""The reward: what the return of an episode is, as one value that is given to an environment.

A `Reward` says what a design is worth. `Episode.advance` turns that into rewards step by step, so that the rewards of an
episode add up to the worth of its last design. No other place in this package shapes a reward.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, final, get_args

import numpy as np

from dance_env.envs.metrics import METRIC_UNITS, metrics
from dance_env.problem import Evaluation
from dance_env.suggest import nearest

RewardName = Literal["objective", "penalized", "metrics"]
REWARD_NAMES: tuple[RewardName, ...] = get_args(RewardName)

REWARD_METRICS = ("error_pct", "latency_s", "energy_j", "area_mm2")
"""Components of the vector reward unless told otherwise, each in the unit that its name ends with."""


@dataclass(frozen=True)
class Reward(ABC):
    """What the return of an episode is: the worth of the design that it ends with; larger is better."""

    @property
    @abstractmethod
    def dim(self) -> int | None:
        """Components of a vector reward; None for a scalar."""

    @abstractmethod
    def of(self, evaluation: Evaluation) -> np.ndarray:
        """Return what designs are worth.

        Args:
            evaluation: of a batch of designs, leaves `(B,)`.

        Returns:
            `(B,)` for a scalar, `(B, dim)` for a vector, float64. Infinite values are allowed, NaN is not.
        """

    @final
    def shape(self, batch: int) -> tuple[int, ...]:
        """Return the shape of the rewards of `batch` episodes: `(batch,)` or `(batch, dim)`."""
        return (batch,) if self.dim is None else (batch, self.dim)


@dataclass(frozen=True)
class ObjectiveReward(Reward):
    """The negated objective, in percentage points. Hard limits do not count."""

    @property
    def dim(self) -> None:
        """None: a scalar."""
        return None

    def of(self, evaluation: Evaluation) -> np.ndarray:
        """Return `-objective`, `(B,)`."""
        return -evaluation.objective


@dataclass(frozen=True)
class PenalizedReward(Reward):
    """The negated sum of objective and weighted violation: `-(objective + weight x violation)`.

    No single weight suits every problem. Where it is too low, the best return belongs to an infeasible design; where it
    is too high, differences of the objective hardly count beside it.

    Attributes:
        weight: percentage points of objective for a violation of 1, that is for one limit exceeded by 100 %.

    Raises:
        ValueError: If the weight is negative or not finite.
    """

    weight: float = 10.0

    def __post_init__(self) -> None:
        weight = self.weight
        number = isinstance(weight, (int, float, np.integer, np.floating)) and not isinstance(weight, bool)
        if not (number and math.isfinite(weight) and weight >= 0):
            raise ValueError(
                f"weight must be a finite number >= 0, percentage points for a violation of 1; got {weight!r}"
            )
        object.__setattr__(self, "weight", float(weight))

    @property
    def dim(self) -> None:
        """None: a scalar."""
        return None

    def of(self, evaluation: Evaluation) -> np.ndarray:
        """Return `-(objective + weight x violation)`, `(B,)`."""
        if self.weight == 0:  # a violation may be infinite, and 0 x inf is NaN
            return -evaluation.objective
        return -(evaluation.objective + self.weight * evaluation.violation)


@dataclass(frozen=True)
class MetricsReward(Reward):
    """Negated metrics as a vector, for multi-objective reinforcement learning (MO-Gymnasium).

    The components keep their units and differ by orders of magnitude. Scale them before learning, for example with
    `mo_gymnasium.wrappers.MONormalizeReward`.

    Attributes:
        metrics: names of the components, out of `dance_env.envs.METRIC_UNITS`.

    Raises:
        ValueError: If there is no metric, or one is unknown or given twice.
    """

    metrics: tuple[str, ...] = REWARD_METRICS

    def __post_init__(self) -> None:
        names = (self.metrics,) if isinstance(self.metrics, str) else tuple(self.metrics)
        for name in names:
            if name not in METRIC_UNITS:
                raise ValueError(f"there is no metric {name!r}. {nearest(name, METRIC_UNITS)}")
        if not names or len(set(names)) != len(names):
            raise ValueError(f"metrics must be one or more different names; got {names}")
        object.__setattr__(self, "metrics", names)

    @property
    def dim(self) -> int:
        """The number of metrics."""
        return len(self.metrics)

    def of(self, evaluation: Evaluation) -> np.ndarray:
        """Return the negated metrics, `(B, dim)`."""
        by_name = metrics(evaluation)
        return -np.stack([by_name[name] for name in self.metrics], axis=1)


_MAKERS: dict[RewardName, Callable[[], Reward]] = {
    "objective": ObjectiveReward,
    "penalized": PenalizedReward,
    "metrics": MetricsReward,
}


def make_reward(reward: Reward | str) -> Reward:
    """Return the reward of this name with its default settings; a `Reward` is returned as it is.

    Raises:
        ValueError: If there is no reward of this name; the nearest names are offered.
        TypeError: If it is neither a name nor a `Reward`.
    """
    if isinstance(reward, Reward):
        return reward
    if not isinstance(reward, str):
        raise TypeError(
            f"reward must be a name ({', '.join(map(repr, REWARD_NAMES))}) or a dance_env.Reward, such as "
            f"PenalizedReward(weight=5.0); got {reward!r}"
        )
    if reward not in _MAKERS:
        raise ValueError(f"there is no reward {reward!r}. {nearest(reward, REWARD_NAMES)}")
    return _MAKERS[reward]()
