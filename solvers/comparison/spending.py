"""What a run had spent when each row of its trace was known: the axes that the best so far is shown against."""

from __future__ import annotations

from typing import Literal

import numpy as np

from solvers.contract.result import Result

Axis = Literal["queries", "networks", "gpu_hours", "cost_pairs", "seconds"]

AXES: dict[Axis, str] = {
    "queries": "evaluations + gradient queries",
    "networks": "trained networks (a supernet counts as its price in trainings)",
    "gpu_hours": "GPU-hours of training (networks and supernet)",
    "cost_pairs": "distinct (layer, accelerator) pairs whose cost was asked for",
    "seconds": "seconds (search, problem and training)",
}
"""What a curve can be drawn against, and the label of that axis."""


def spent(result: Result, axis: Axis) -> np.ndarray:
    """Return what had been spent when each row of the trace was known `(rows,)`; NaN where that is not known."""
    trace = result.trace
    if axis == "queries":
        return (np.arange(1, len(trace) + 1) + trace.gradient_queries).astype(np.float64)
    if axis == "seconds":
        return trace.seconds + result.ledger.evaluator_seconds
    columns = {"networks": trace.trained_networks, "gpu_hours": trace.gpu_hours, "cost_pairs": trace.cost_pairs}
    return np.asarray(columns[axis], np.float64)


def spent_in_all(result: Result, axis: Axis) -> float:
    """Return what a run spent until its end; NaN where that is not known."""
    ledger = result.ledger
    hours = ledger.gpu_hours
    return float(
        {
            "queries": ledger.spent,
            "networks": trained_networks(result),
            "gpu_hours": np.nan if hours is None else hours,
            "cost_pairs": ledger.cost_pairs,
            "seconds": ledger.seconds,
        }[axis]
    )


def trained_networks(result: Result) -> float:
    """Return the trainings of a run until its end; a supernet counts as its price in trainings.

    They are the distinct networks that it evaluated, each as often as it was trained; every network of the space where it
    read the accuracies as a table.
    """
    ledger, trace = result.ledger, result.trace
    if not len(trace) or np.isnan(trace.trained_networks[-1]):  # a record of an earlier version
        return ledger.networks + ledger.supernet_trainings
    asked_later = not trace.gradient_queries[-1]
    return float(trace.trained_networks[-1]) + (ledger.supernet_trainings if asked_later else 0.0)
