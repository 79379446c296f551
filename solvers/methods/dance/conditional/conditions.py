"""What a design is asked for: factors on the objective's lambda2 and on its deadline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dance_env.objective import Constraint, Objective

Range = tuple[float, float]
"""Least and largest factor, both above zero."""


@dataclass(frozen=True, eq=False)
class Conditions:
    """B conditions.

    Attributes:
        lambdas: factor on the objective's weight, above zero (B,).
        deadlines: factor on the limit of its latency, above zero (B,); ones where latency is not limited.
    """

    lambdas: np.ndarray
    deadlines: np.ndarray

    def __len__(self) -> int:
        return len(self.lambdas)


def deadline_of(objective: Objective) -> Constraint | None:
    """Return the objective's limit on latency, the first where several workloads have one each; None without any."""
    latency = (each for each in objective.constraints if each.metric.split(".")[-1] == "latency_s")
    return next(latency, None)


def violation(objective: Objective, error_pct: Any, cost: Any, deadlines: Any) -> Any:
    """Return the sum of the positive excesses over all limits, the limit of latency multiplied by factors.

    Args:
        objective: whose limits count.
        error_pct: percentage points, NumPy or torch.
        cost: of shapes that broadcast with the error.
        deadlines: factors, likewise.

    Returns:
        Dimensionless, >= 0; 0.0 without limits.
    """
    total: Any = 0.0
    for limit in objective.constraints:
        excess = limit.excess(error_pct, cost)
        if limit is deadline_of(objective):
            excess = (excess + 1.0) / deadlines - 1.0
        total = total + (excess + abs(excess)) * 0.5
    return total


def drawn(count: int, lambdas: Range, deadlines: Range, rng: np.random.Generator) -> Conditions:
    """Return conditions that are uniform on logarithmic scales, stratified: one in each of `count` intervals."""
    shares = (rng.permutation(count) + rng.random(count)) / count, (rng.permutation(count) + rng.random(count)) / count
    return Conditions(_between(lambdas, shares[0]), _between(deadlines, shares[1]))


def evenly_spaced(count: int, lambdas: Range, deadlines: tuple[float, ...]) -> Conditions:
    """Return `count` lambdas, evenly spaced on a logarithmic scale, for each of the deadlines in turn."""
    spaced = _between(lambdas, np.linspace(0.0, 1.0, count) if count > 1 else np.full(count, 0.5))
    return Conditions(np.tile(spaced, len(deadlines)), np.repeat(np.array(deadlines, dtype=np.float64), count))


def features(conditions: Conditions, lambdas: Range, deadlines: Range) -> np.ndarray:
    """Return the logarithms of both factors (B, 2), from -1 to 1 within their ranges."""
    columns = ((conditions.lambdas, lambdas), (conditions.deadlines, deadlines))
    return np.stack([_scaled(values, ends) for values, ends in columns], axis=1)


def _between(ends: Range, shares: np.ndarray) -> np.ndarray:
    return ends[0] * (ends[1] / ends[0]) ** shares


def _scaled(values: np.ndarray, ends: Range) -> np.ndarray:
    if ends[0] == ends[1]:
        return np.zeros(len(values))
    return 2.0 * np.log(values / ends[0]) / np.log(ends[1] / ends[0]) - 1.0
