"""A hard upper limit on one metric of a design."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal, get_args

from dance_env.objective.quantities import label_of, quantity

Metric = Literal["latency_s", "energy_j", "area_mm2", "error_pct"]
_OF_A_WORKLOAD = ("latency_s", "energy_j")


@dataclass(frozen=True)
class Constraint:
    """`metric <= limit`, in the unit that the metric's name ends with.

    Attributes:
        metric: What is limited: a metric of the cost, or the classification error in percentage points. Where a network
            has several workloads, a metric of one of them is written `"decode.latency_s"`.
        limit: The largest value allowed, above zero.

    Raises:
        ValueError: If the metric is unknown, or the limit is not a positive finite number.
    """

    metric: Metric | str
    limit: float

    def __post_init__(self) -> None:
        workload, _, metric = self.metric.rpartition(".") if isinstance(self.metric, str) else ("", "", self.metric)
        known = [each for each in get_args(Metric) if each in _OF_A_WORKLOAD or not workload]
        if metric not in known:
            raise ValueError(f"a constraint limits one of {', '.join(known)}; got {self.metric!r}")
        if not (isinstance(self.limit, Real) and math.isfinite(self.limit) and self.limit > 0):
            raise ValueError(f"the limit on {self.metric} must be a positive finite number; got {self.limit!r}")
        object.__setattr__(self, "limit", float(self.limit))

    def __str__(self) -> str:
        return f"{label_of(self.metric)} <= {quantity(self.metric, self.limit)}"

    def excess(self, error_pct: Any, cost: Any) -> Any:
        """Return `value / limit - 1`: the relative amount by which a design is over (positive) or under its limit.

        Args:
            error_pct: Classification error, percentage points, any shape (numpy or torch).
            cost: A `dance_env.cost.Cost`, of shapes that broadcast with it; for a metric of the whole, anything with its
                attributes.

        Returns:
            The excess, dimensionless, in the broadcast shape of the metric.
        """
        if self.metric == "error_pct":
            value = error_pct
        else:
            value = cost.metric(self.metric) if "." in self.metric else getattr(cost, self.metric)
        return value / self.limit - 1.0
