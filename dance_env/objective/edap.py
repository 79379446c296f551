"""The energy-delay-area product."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

from dance_env.objective.quantities import quantity


@dataclass(frozen=True)
class EDAP:
    """Energy x delay x area, the cost function of the paper's main results (arXiv 2009.06237, "Cost_HW = E L A").

    Attributes:
        reference_js_mm2: The EDAP, in J s mm2, that counts as 1, so that the weight of the objective reads in
            percentage points of error per reference EDAP.

    Raises:
        ValueError: If the reference is not a positive finite number.
    """

    reference_js_mm2: float = 1.0

    def __post_init__(self) -> None:
        reference = self.reference_js_mm2
        if not (isinstance(reference, Real) and math.isfinite(reference) and reference > 0):
            raise ValueError(f"reference_js_mm2 must be a positive finite number; got {self.reference_js_mm2!r}")
        object.__setattr__(self, "reference_js_mm2", float(reference))

    def __call__(self, cost: Any) -> Any:
        """Return energy x latency x area over the reference, dimensionless, in the broadcast shape of the cost's leaves."""
        return cost.energy_j * cost.latency_s * cost.area_mm2 / self.reference_js_mm2

    def fingerprint(self) -> str:
        """Return the name of the formula, and its reference."""
        return f"energy x delay x area / {self.reference_js_mm2!r}"

    def __str__(self) -> str:
        return f"EDAP / {quantity('edap_js_mm2', self.reference_js_mm2)}"
