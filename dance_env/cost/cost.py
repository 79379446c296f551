"""What running a network on an accelerator costs: time, energy and silicon."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Cost:
    """Latency, energy and area of one or many designs.

    The leaves may be NumPy arrays or torch tensors of one common (or broadcastable) shape: the products below are
    plain arithmetic. An unmappable layer costs ``inf`` seconds and joules.

    Attributes:
        latency_s: seconds for one inference, any shape.
        energy_j: joules for one inference, same shape.
        area_mm2: square millimeters of accelerator, same shape.
        workloads: where a network has several workloads, the cost of each by name; latency and energy are then their
            weighted sums. Empty where there is one.
    """

    latency_s: Any
    energy_j: Any
    area_mm2: Any
    workloads: Mapping[str, Cost] = field(default_factory=dict)

    @property
    def edp_js(self) -> Any:
        """Energy-delay product, J s."""
        return self.energy_j * self.latency_s

    @property
    def edap_js_mm2(self) -> Any:
        """Energy-delay-area product, J s mm2, the cost function of DANCE (arXiv 2009.06237)."""
        return self.energy_j * self.latency_s * self.area_mm2

    @property
    def shape(self) -> tuple[int, ...]:
        """Common shape of the three leaves."""
        return np.broadcast_shapes(
            tuple(np.shape(self.latency_s)), tuple(np.shape(self.energy_j)), tuple(np.shape(self.area_mm2))
        )

    def __getitem__(self, index: Any) -> Cost:
        """The cost of the designs at ``index`` (an index, slice or mask that fits every leaf)."""
        return self.map(lambda leaf: leaf[index])

    def map(self, function: Callable[[Any], Any]) -> Cost:
        """Return the cost with `function` applied to every leaf, those of the workloads included."""
        workloads = {name: cost.map(function) for name, cost in self.workloads.items()}
        return Cost(function(self.latency_s), function(self.energy_j), function(self.area_mm2), workloads)

    def metric(self, name: str) -> Any:
        """Return a metric by name: of the whole (`"latency_s"`), or of one workload (`"decode.latency_s"`).

        Raises:
            ValueError: If there is no such workload.
        """
        workload, _, metric = name.rpartition(".")
        if not workload:
            return getattr(self, metric)
        if workload not in self.workloads:
            known = ", ".join(self.workloads) or "none, costs of single workloads are not known here"
            raise ValueError(f"{name}: there is no workload {workload!r}; known: {known}")
        return getattr(self.workloads[workload], metric)


def weighted_cost(costs: Mapping[str, Cost], weights: Mapping[str, float]) -> Cost:
    """Return the weighted sum of workloads' costs, which holds each of them as well (numpy or torch)."""
    names = list(costs)
    latency, energy = (
        weights[names[0]] * costs[names[0]].latency_s,
        weights[names[0]] * costs[names[0]].energy_j,
    )
    for name in names[1:]:
        latency = latency + weights[name] * costs[name].latency_s
        energy = energy + weights[name] * costs[name].energy_j
    return Cost(latency, energy, costs[names[0]].area_mm2, costs)
