"""Which limit decides the choice of an accelerator, and what a less strict one would give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dance_env.objective import Constraint
from dance_env.problem import Evaluation

RELAXED = 1.1
"""By how much a limit is relaxed, to say what that would give."""


@dataclass(frozen=True)
class LimitReport:
    """What one limit does to the choice.

    Attributes:
        limit: The limit.
        value: What the chosen accelerator has of the metric.
        binds: Whether a better accelerator would be chosen without this limit alone.
        relaxed: The best accelerator's index if the limit were 10 % larger; None where none is feasible then.
        relaxed_objective: Its objective; infinite where there is none.
        lifted: The best accelerator's index without this limit; None where none is feasible then.
        lifted_objective: Its objective.
        least_possible: The least of the metric that an accelerator has which keeps all other limits; None where none
            keeps them.
    """

    limit: Constraint
    value: float
    binds: bool
    relaxed: int | None
    relaxed_objective: float
    lifted: int | None
    lifted_objective: float
    least_possible: float | None

    @property
    def used(self) -> float:
        """The value as a share of the limit; above 1 it is exceeded."""
        return self.value / self.limit.limit


def limit_reports(evaluation: Evaluation, constraints: Sequence[Constraint], chosen: int) -> tuple[LimitReport, ...]:
    """Return a report of each limit.

    Args:
        evaluation: Of every accelerator, leaves (H,).
        constraints: The limits.
        chosen: The accelerator chosen under them, by index.
    """
    kept = [_kept(evaluation, each) for each in constraints]
    mapped = np.isfinite(evaluation.cost.latency_s)
    reports = []
    for number, limit in enumerate(constraints):
        others = np.logical_and.reduce([mapped, *(mask for each, mask in enumerate(kept) if each != number)])
        larger = replace(limit, limit=limit.limit * RELAXED)
        relaxed = best_where(evaluation, others & _kept(evaluation, larger))
        lifted = best_where(evaluation, others)
        values = np.asarray(evaluation.cost.metric(limit.metric))
        reports.append(
            LimitReport(
                limit,
                float(values[chosen]),
                lifted is not None and _objective(evaluation, lifted) < _feasible_objective(evaluation, chosen),
                relaxed,
                _objective(evaluation, relaxed),
                lifted,
                _objective(evaluation, lifted),
                float(values[others].min()) if others.any() else None,
            )
        )
    return tuple(reports)


def best_where(evaluation: Evaluation, allowed: np.ndarray) -> int | None:
    """Return the index of the least objective among the accelerators allowed `(H,)`; None where none is."""
    if not allowed.any():
        return None
    return int(np.where(allowed, evaluation.objective, np.inf).argmin())


def _kept(evaluation: Evaluation, limit: Constraint) -> np.ndarray:
    return np.asarray(limit.excess(0.0, evaluation.cost) <= 0.0)


def _objective(evaluation: Evaluation, index: int | None) -> float:
    return float("inf") if index is None else float(evaluation.objective[index])


def _feasible_objective(evaluation: Evaluation, index: int) -> float:
    return float(evaluation.objective[index]) if evaluation.feasible[index] else float("inf")
