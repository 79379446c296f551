"""The long table as scores: the regret of each run, by task, solver and seed; a failure is the worst score."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from solvers.comparison.table import RunRow

PERCENT, POINTS = "%", "percentage points"
_ROUNDING = 1e-9  # of the reference: two evaluations of the optimum tie


@dataclass(frozen=True, eq=False)
class Scores:
    """The regrets of one task.

    Attributes:
        task: The task.
        unit: "%" of the reference, or "percentage points" where that is 0 or not known.
        by_solver: Label to seed to regret; infinite for a run that failed or found no feasible design.
        deterministic: Labels of solvers whose one run stands for every seed.
    """

    task: str
    unit: str
    by_solver: Mapping[str, Mapping[int, float]]
    deterministic: frozenset[str]

    def common_seeds(self, solvers: Sequence[str]) -> tuple[int, ...]:
        """Return the seeds that these solvers have in common, rising."""
        return tuple(sorted(set.intersection(*(set(self.by_solver[solver]) for solver in solvers))))

    def of(self, solver: str, seeds: Sequence[int] | None = None) -> np.ndarray:
        """Return the regrets of a solver `(runs,)`, by rising seed; of some seeds only, in their order."""
        regrets = self.by_solver[solver]
        return np.array([regrets[seed] for seed in (sorted(regrets) if seeds is None else seeds)], np.float64)

    def failed(self, solver: str) -> int:
        """Return how many runs of a solver have no regret."""
        return int(np.isinf(self.of(solver)).sum())


def scores_of(rows: Sequence[RunRow]) -> list[Scores]:
    """Return the scores of each task, in the order of the rows."""
    tasks: dict[str, list[RunRow]] = {}
    for row in rows:
        tasks.setdefault(row.task, []).append(row)
    return [_scores(task, group) for task, group in tasks.items()]


def regret(objective: np.ndarray, reference: float) -> np.ndarray:
    """Return the regret of objectives, in percent of the reference where that is finite and not 0; never NaN, never below 0.

    Args:
        objective: Any shape; infinite or NaN where there is none.
        reference: The objective to measure from.
    """
    if not math.isfinite(reference):
        return np.full(np.shape(objective), np.inf)
    scale = abs(reference) or 1.0
    share = (np.asarray(objective, np.float64) - reference) / scale
    share = np.where(np.isnan(share), np.inf, np.where(share <= _ROUNDING, 0.0, share))
    return share * 100.0 if reference else share


def unit_of(reference: float) -> str:
    """Return the unit of `regret`."""
    return PERCENT if reference and math.isfinite(reference) else POINTS


def _scores(task: str, rows: Sequence[RunRow]) -> Scores:
    seeds = {row.seed for row in rows}
    by_solver: dict[str, dict[int, float]] = {}
    for row in rows:
        value = float(regret(np.array(row.figures["objective"]), row.reference))
        by_solver.setdefault(row.solver, {})[row.seed] = value
    deterministic = frozenset(row.solver for row in rows if row.deterministic and len(by_solver[row.solver]) == 1)
    for solver in deterministic:
        (value,) = by_solver[solver].values()
        by_solver[solver] = dict.fromkeys(seeds, value)
    return Scores(task, unit_of(rows[0].reference), by_solver, deterministic)
