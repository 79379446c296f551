"""A weighted sum of latency, energy and area."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any

from dance_env.objective.quantities import METRIC_LABELS, quantity


@dataclass(frozen=True)
class Linear:
    """`sum of weight x metric`, the paper's second cost function ("lambda_E E + lambda_L L + lambda_A A").

    Attributes:
        latency_s: Weight of a second.
        energy_j: Weight of a joule.
        area_mm2: Weight of a square millimeter.

    Raises:
        ValueError: If a weight is negative or not finite, or all weights are zero.
    """

    latency_s: float = 0.0
    energy_j: float = 0.0
    area_mm2: float = 0.0

    def __post_init__(self) -> None:
        weights: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        for metric, weight in weights.items():
            if not (isinstance(weight, Real) and math.isfinite(weight) and float(weight) >= 0):
                raise ValueError(f"the weight of {metric} must be a finite number >= 0; got {weight!r}")
            object.__setattr__(self, metric, float(weight))
        if not any(weights.values()):
            raise ValueError("a linear cost needs a weight above zero for at least one of " + ", ".join(weights))

    def __call__(self, cost: Any) -> Any:
        """Return the weighted sum, in the broadcast shape of the metrics that have a weight."""
        # A metric without weight is left out rather than multiplied by zero: 0 x inf would be NaN.
        weights = {field.name: getattr(self, field.name) for field in fields(self)}
        terms = [getattr(cost, metric) * weight for metric, weight in weights.items() if weight]
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total

    def fingerprint(self) -> str:
        """Return the name of the formula, and its weights."""
        weights = ", ".join(f"{field.name} {getattr(self, field.name)!r}" for field in fields(self))
        return f"weighted sum: {weights}"

    def __str__(self) -> str:
        weights = {field.name: getattr(self, field.name) for field in fields(self)}
        return " + ".join(
            f"{METRIC_LABELS[name]} / {quantity(name, 1 / weight)}" for name, weight in weights.items() if weight
        )
