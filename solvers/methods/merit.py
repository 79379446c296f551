"""One number for a design, for optimizers that take no limits."""

from __future__ import annotations

import numpy as np

from dance_env.problem import Evaluation

_INFEASIBLE = 1e9
"""Merits of infeasible designs begin here: above any objective, which are percentage points plus weighted costs."""


def merit(evaluation: Evaluation) -> np.ndarray:
    """Return finite merits (batch,), less is better: feasible designs by their objective, then the others by violation.

    An infeasible design has 1e9 (1 + v / (1 + v)) for a violation of v, so that an infinite one has a merit as well.
    Objectives above 1e9 count as 1e9.
    """
    violation = np.minimum(evaluation.violation, 1e6)
    return np.where(
        evaluation.feasible,
        np.minimum(evaluation.objective, _INFEASIBLE),
        _INFEASIBLE * (1.0 + violation / (1.0 + violation)),
    )
