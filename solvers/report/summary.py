"""The numbers of a comparison: one row per solver, mean and spread over its seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from solvers.comparison.table import spent_to_close
from solvers.contract.result import Result, Status

REFERENCE = "exhaustive"
"""The solver that looks at every design: it stands for the optimum, and its queries do not tell what it used."""


@dataclass(frozen=True)
class Spread:
    """A figure over seeds.

    Attributes:
        mean: mean over the seeds that have the figure; NaN where none has.
        std: sample standard deviation over those seeds; 0 for one seed.
        seeds: how many seeds have the figure.
    """

    mean: float
    std: float
    seeds: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of some values; infinite and NaN ones (a seed without the figure) are left out, and counted so."""
        finite = np.asarray([value for value in values if np.isfinite(value)], dtype=float)
        if not finite.size:
            return cls(float("nan"), float("nan"), 0)
        return cls(float(finite.mean()), float(finite.std(ddof=1)) if finite.size > 1 else 0.0, int(finite.size))


@dataclass(frozen=True)
class Row:
    """One solver's figures; each a `Spread` over its seeds, of the best feasible design of each run.

    Attributes:
        solver: the solver's name.
        runs: runs gathered.
        without_design: runs that ended without a feasible design.
        failed: runs that failed, whatever they had found until then.
        tables_read: runs that read the problem's tables behind the meter, so that their counts do not tell all.
        objective: percentage points of error plus weighted cost.
        regret: objective less the exact optimum's.
        regret_pct: regret as a share of the optimum.
        accuracy_pct: per cent of images classified correctly.
        latency_ms: of one inference.
        energy_mj: of one inference.
        area_mm2: of the accelerator.
        edap_njs_mm2: energy x latency x area, in nJ s mm2.
        evaluations: designs evaluated exactly.
        gradient_queries: rows asked of the differentiable view.
        cost_pairs: distinct (layer, accelerator) pairs whose cost was asked for.
        evaluator_samples: samples that an evaluator was trained on.
        spent_to_close: evaluations + gradient queries until the regret was at most `CLOSE_PCT` of the optimum,
            over the seeds that got there.
        solver_s: seconds of search.
        oracle_s: seconds inside the problem.
        evaluator_s: seconds of training an evaluator, in full for every seed.
    """

    solver: str
    runs: int
    without_design: int
    failed: int
    tables_read: int
    objective: Spread
    regret: Spread
    regret_pct: Spread
    accuracy_pct: Spread
    latency_ms: Spread
    energy_mj: Spread
    area_mm2: Spread
    edap_njs_mm2: Spread
    evaluations: Spread
    gradient_queries: Spread
    cost_pairs: Spread
    evaluator_samples: Spread
    spent_to_close: Spread
    solver_s: Spread
    oracle_s: Spread
    evaluator_s: Spread


def spread_columns() -> list[str]:
    """Names of the figures of a row."""
    return [each.name for each in fields(Row) if each.type == "Spread"]


def summarise(results: Mapping[str, Sequence[Result]], optimum: float) -> list[Row]:
    """One row per solver: those that found a feasible design in most of their runs first, then the lowest mean objective.

    Args:
        results: each solver's results.
        optimum: the exact lowest objective.
    """
    rows = [_row(solver, runs, optimum) for solver, runs in results.items()]
    # By its mean alone, a solver that seldom finds anything would be judged by its lucky runs.
    return sorted(rows, key=lambda row: (row.without_design / row.runs, np.nan_to_num(row.objective.mean)))


def _row(solver: str, runs: Sequence[Result], optimum: float) -> Row:
    figures = [_figures(result, optimum) for result in runs]
    return Row(
        solver=solver,
        runs=len(runs),
        without_design=sum(not np.isfinite(result.best_objective) for result in runs),
        failed=sum(result.status is Status.FAILED for result in runs),
        tables_read=sum(result.ledger.tables_read for result in runs),
        **{name: Spread.of([each[name] for each in figures]) for name in spread_columns()},
    )


def _figures(result: Result, optimum: float) -> dict[str, float]:
    ledger = result.ledger
    figures = {
        "evaluations": ledger.evaluations,
        "gradient_queries": ledger.gradient_queries,
        "cost_pairs": ledger.cost_pairs,
        "evaluator_samples": ledger.evaluator_samples,
        "solver_s": ledger.solver_seconds,
        "oracle_s": ledger.oracle_seconds,
        "evaluator_s": ledger.evaluator_seconds,
        "spent_to_close": float("nan") if result.solver == REFERENCE else spent_to_close(result, optimum),
    }
    best = result.best
    feasible = best is not None and bool(result.trace.feasible[best])
    row = result.trace[np.array([best])] if feasible else None
    nan = float("nan")
    return figures | {
        "objective": result.best_objective if feasible else nan,
        "regret": result.best_objective - optimum if feasible else nan,
        "regret_pct": 100.0 * (result.best_objective - optimum) / abs(optimum) if feasible and optimum else nan,
        "accuracy_pct": 100.0 * float(row.accuracy[0]) if row is not None else nan,
        "latency_ms": 1e3 * float(row.latency_s[0]) if row is not None else nan,
        "energy_mj": 1e3 * float(row.energy_j[0]) if row is not None else nan,
        "area_mm2": float(row.area_mm2[0]) if row is not None else nan,
        "edap_njs_mm2": 1e9 * float(row.edap_js_mm2[0]) if row is not None else nan,
    }
