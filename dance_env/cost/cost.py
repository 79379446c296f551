"""What running a network on an accelerator costs: time, energy and silicon."""

from __future__ import annotations

from dataclasses import dataclass
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
    """

    latency_s: Any
    energy_j: Any
    area_mm2: Any

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
        return Cost(self.latency_s[index], self.energy_j[index], self.area_mm2[index])
