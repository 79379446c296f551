"""One metric of a cost as a cost function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dance_env.objective.quantities import METRIC_LABELS, quantity
from dance_env.suggest import nearest

SINGLE_COSTS = ("latency_s", "energy_j", "area_mm2", "edp_js", "edap_js_mm2")
"""Attributes of `dance_env.cost.Cost`: seconds, joules, square millimeters, and their products."""


@dataclass(frozen=True)
class SingleCost:
    """A metric of the cost by itself, in the unit of its name.

    Attributes:
        metric: One of `SINGLE_COSTS`.

    Raises:
        ValueError: If there is no such metric.
    """

    metric: str

    def __post_init__(self) -> None:
        if self.metric not in SINGLE_COSTS:
            raise ValueError(f"there is no cost {self.metric!r}. {nearest(str(self.metric), SINGLE_COSTS)}")

    def __call__(self, cost: Any) -> Any:
        """Return the metric, in the broadcast shape of the cost's leaves."""
        return getattr(cost, self.metric)

    def fingerprint(self) -> str:
        """Return the metric."""
        return self.metric

    def __str__(self) -> str:
        return self.metric


def cost_label(metric: str) -> str:
    """Return what to call a cost: "EDP" for `edp_js`."""
    return "EDP" if metric == "edp_js" else METRIC_LABELS[metric]


def cost_quantity(metric: str, value: float) -> str:
    """Return a cost with its unit, such as "1.234 ms" for `latency_s`."""
    if metric == "edp_js":  # the prefixes of seconds
        return f"{quantity('latency_s', value).removesuffix('s')}J·s"
    return quantity(metric, value)
