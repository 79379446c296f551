"""The long table of a comparison: one row per run, from which every report is made."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from solvers.comparison.reference import Reference
from solvers.comparison.run import Comparison, Run
from solvers.contract.result import Result, Status

CLOSE_PCT = 1.0
"""A run has come close once its regret is at most this share (%) of the optimum."""

CHECKPOINTS = (20, 40, 80, 160, 250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000)
"""Numbers of evaluations + gradient queries at which regret is read off."""

FIGURES = (
    "objective",
    "regret",
    "regret_pct",
    "accuracy_pct",
    "latency_ms",
    "energy_mj",
    "area_mm2",
    "edap_njs_mm2",
    "spent_to_close",
)
"""What a row says of the best feasible design of its run.

objective: Percentage points of error plus weighted cost. regret: The objective less the reference's. regret_pct: That
as a share of the reference. accuracy_pct: Percent of images classified correctly. latency_ms, energy_mj: Of one
inference. area_mm2: Of the accelerator. edap_njs_mm2: Energy x latency x area. spent_to_close: Evaluations + gradient
queries until the regret was at most `CLOSE_PCT` of the reference; infinite if it never was.
"""


@dataclass(frozen=True, eq=False)
class RunRow:
    """One run.

    Attributes:
        task: The task.
        solver: The solver's label; unlike within a comparison.
        name: The solver's own name.
        settings: All its settings, as JSON values.
        settings_digest: Their digest.
        seed: The run's seed.
        budget: The most that it might spend.
        status: How it ended.
        reason: What went wrong, where something did.
        reference: The objective that its task is measured from.
        reference_exact: Whether that is the exact optimum; else the best known.
        access: What the run made use of: values, gradients, or the tables themselves (white box).
        figures: By the names of `FIGURES`; NaN where the run has no such figure. A run that failed or timed out has
            none, whatever it had found until then, so that it cannot be ranked by mistake.
        regret_pct_at: By number of queries (`CHECKPOINTS`, up to the budget), the regret (%) of the best feasible design
            at that number; infinite before the first one, and for a run that failed.
        ledger: Every count and every time of its ledger.
    """

    task: str
    solver: str
    name: str
    settings: Mapping[str, Any]
    settings_digest: str
    seed: int
    budget: int
    status: Status
    reason: str
    reference: float
    reference_exact: bool
    access: str
    figures: Mapping[str, float]
    regret_pct_at: Mapping[int, float]
    ledger: Mapping[str, Any]

    @property
    def found(self) -> bool:
        """Whether the run ended by itself with a feasible design."""
        return math.isfinite(self.figures["objective"])

    @property
    def failed(self) -> bool:
        """Whether the run failed or timed out."""
        return not self.status.complete

    def flat(self) -> dict[str, Any]:
        """Return everything in one level, for a data frame: `pandas.DataFrame([row.flat() for row in rows])`."""
        nested = ("settings", "figures", "regret_pct_at", "ledger")
        row = {name: value for name, value in vars(self).items() if name not in nested}
        at = {f"regret_pct_at_{queries}": regret for queries, regret in self.regret_pct_at.items()}
        return {**row, "status": self.status.name, **self.figures, **at, **self.ledger}


def long_table(comparison: Comparison) -> list[RunRow]:
    """Return one row per run, task by task, solver by solver, seed by seed."""
    return [_row(run, task.reference) for task in comparison.tasks for run in task.runs]


def csv_text(rows: Sequence[RunRow]) -> str:
    """Return the table as CSV; text that a spreadsheet would take for a formula gets an apostrophe before it."""
    flat = [row.flat() for row in rows]
    columns = list(dict.fromkeys(name for row in flat for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for row in flat:
        writer.writerow({name: _inert(value) for name, value in row.items()})
    return out.getvalue()


def spent_to_close(result: Result, optimum: float) -> float:
    """Return the evaluations + gradient queries until the regret was at most `CLOSE_PCT` %; infinity if it never was."""
    trace = result.trace
    close = np.flatnonzero(trace.feasible & (trace.objective <= optimum + CLOSE_PCT / 100.0 * abs(optimum)))
    return float(close[0] + 1 + trace.gradient_queries[close[0]]) if close.size else math.inf


def regret_pct_at(result: Result, optimum: float) -> dict[int, float]:
    """Return by number of queries the regret (%) of the best feasible design at that number; infinite before the first."""
    queries = np.arange(1, len(result.trace) + 1) + result.trace.gradient_queries
    if optimum and math.isfinite(optimum):
        regret = 100.0 * (result.trace.best_so_far() - optimum) / abs(optimum)
    else:
        regret = np.full(len(queries), np.nan)  # a share of nothing
    checkpoints = sorted({*(at for at in CHECKPOINTS if at < result.budget), result.budget})
    rows = np.searchsorted(queries, checkpoints, side="right") - 1
    known = result.status.complete
    return {
        at: float(regret[row]) if known and row >= 0 else math.inf for at, row in zip(checkpoints, rows, strict=True)
    }


def _row(run: Run, reference: Reference) -> RunRow:
    result = run.result
    figures = dict.fromkeys(FIGURES, math.nan)
    if result.status.complete:
        spent = spent_to_close(result, reference.objective)
        figures |= _of_best(result, reference.objective) | {"spent_to_close": spent}
    return RunRow(
        task=run.task,
        solver=run.label,
        name=result.solver,
        settings=result.settings,
        settings_digest=run.settings_digest,
        seed=result.seed,
        budget=result.budget,
        status=result.status,
        reason=result.reason,
        reference=reference.objective,
        reference_exact=reference.exact,
        access=result.ledger.access,
        figures=figures,
        regret_pct_at=regret_pct_at(result, reference.objective),
        ledger=asdict(result.ledger),
    )


def _of_best(result: Result, optimum: float) -> dict[str, float]:
    """The figures of a run's best feasible design; empty where there is none."""
    best = result.best
    if best is None or not result.trace.feasible[best]:
        return {}
    row = result.trace[np.array([best])]
    regret = result.best_objective - optimum
    return {
        "objective": result.best_objective,
        "regret": regret,
        "regret_pct": 100.0 * regret / abs(optimum) if optimum else math.nan,
        "accuracy_pct": 100.0 * float(row.accuracy[0]),
        "latency_ms": 1e3 * float(row.latency_s[0]),
        "energy_mj": 1e3 * float(row.energy_j[0]),
        "area_mm2": float(row.area_mm2[0]),
        "edap_njs_mm2": 1e9 * float(row.edap_js_mm2[0]),
    }


def _inert(value: Any) -> Any:
    if isinstance(value, str):
        value = " ".join(value.split())
        return f"'{value}" if value.startswith(("=", "+", "-", "@")) else value
    return value
