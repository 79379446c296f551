"""The numbers of an evaluation by name: the vocabulary of infos, of metric rewards and of drawings."""

from __future__ import annotations

import numpy as np

from dance_env.problem import Evaluation

METRIC_UNITS = {
    "objective": "percentage points, minimized",
    "error_pct": "percentage points",
    "latency_s": "seconds per inference",
    "energy_j": "joules per inference",
    "area_mm2": "square millimeters",
    "edap_js_mm2": "joule seconds square millimeters",
    "violation": "sum of relative excesses over the limits, 0 = feasible",
}
"""Names of the metrics, and their units. All are minimized."""


def metrics(evaluation: Evaluation) -> dict[str, np.ndarray]:
    """Return the metrics of `METRIC_UNITS` by name, `(B,)` float64 each, fresh memory."""
    cost = evaluation.cost
    return {
        "objective": np.array(evaluation.objective),
        "error_pct": evaluation.error_pct,  # computed, as is EDAP: fresh already
        "latency_s": np.array(cost.latency_s),
        "energy_j": np.array(cost.energy_j),
        "area_mm2": np.array(cost.area_mm2),
        "edap_js_mm2": cost.edap_js_mm2,
        "violation": np.array(evaluation.violation),
    }
