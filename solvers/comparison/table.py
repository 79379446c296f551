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
from solvers.comparison.spending import trained_networks
from solvers.contract.budget import Budget
from solvers.contract.result import Result, Status

CLOSE_PCT = 1.0
"""A run has come close once its regret is at most this share (%) of the optimum."""

CHECKPOINTS = (20, 40, 80, 160, 250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000)
"""Numbers of evaluations + gradient queries at which regret is read off."""

NETWORK_CHECKPOINTS = (10, 30, 100, 300, 1_000)
"""Numbers of trained networks at which regret is read off; a supernet counts as its price in trainings."""

GPU_HOUR_CHECKPOINTS = (1, 5, 25, 100, 500, 2_500)
"""GPU-hours at which regret is read off."""

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
    "networks_to_close",
    "gpu_hours_to_close",
)
"""What a row says of the best feasible design of its run.

objective: Percentage points of error plus weighted cost. regret: The objective less the reference's. regret_pct: That
as a share of the reference. accuracy_pct: Percent of images classified correctly. latency_ms, energy_mj: Of one
inference. area_mm2: Of the accelerator. edap_njs_mm2: Energy x latency x area. spent_to_close: Evaluations + gradient
queries until the regret was at most `CLOSE_PCT` of the reference; infinite if it never was. networks_to_close,
gpu_hours_to_close: The same in trained networks and in GPU-hours.
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
        deterministic: Whether every seed gives the same run, so that one stands for all.
        access: What the run made use of: values, gradients, or the tables themselves (white box).
        figures: By the names of `FIGURES`; NaN where the run has no such figure. A run that failed or timed out has
            none, whatever it had found until then, so that it cannot be ranked by mistake.
        regret_pct_at: By number of queries (`CHECKPOINTS`, up to the budget), the regret (%) of the best feasible design
            at that number; infinite before the first one, and for a run that failed. Empty where the budget does not
            limit queries.
        regret_pct_at_networks: The same by number of trained networks (`NETWORK_CHECKPOINTS`, up to the budget).
        regret_pct_at_gpu_hours: The same by GPU-hours (`GPU_HOUR_CHECKPOINTS`, up to the budget); empty where the problem
            has no training times.
        trained_networks: The run's trainings, a supernet as its price in trainings (`spending.trained_networks`).
        ledger: Every count and every time of its ledger.
    """

    task: str
    solver: str
    name: str
    settings: Mapping[str, Any]
    settings_digest: str
    seed: int
    budget: Budget
    status: Status
    reason: str
    reference: float
    reference_exact: bool
    deterministic: bool
    access: str
    figures: Mapping[str, float]
    regret_pct_at: Mapping[float, float]
    regret_pct_at_networks: Mapping[float, float]
    regret_pct_at_gpu_hours: Mapping[float, float]
    trained_networks: float
    ledger: Mapping[str, Any]

    @property
    def gpu_hours(self) -> float | None:
        """GPU-hours of the search; None where they are not known."""
        parts = (self.ledger["training_gpu_hours"], self.ledger["supernet_gpu_hours"])
        return None if None in parts else sum(parts)

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
        nested = ("settings", "figures", "regret_pct_at", "regret_pct_at_networks", "regret_pct_at_gpu_hours", "ledger")
        row = {name: value for name, value in vars(self).items() if name not in nested}
        at = {
            f"{name}_{amount:g}" if amount != int(amount) else f"{name}_{int(amount)}": regret
            for name in nested[2:5]
            for amount, regret in getattr(self, name).items()
        }
        changed = {"status": self.status.name, "budget": str(self.budget)}
        return {**row, **changed, **self.figures, **at, **self.ledger, "gpu_hours": self.gpu_hours}


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
        writer.writerow({name: inert(value) for name, value in row.items()})
    return out.getvalue()


def spent_until_close(result: Result, optimum: float) -> dict[str, float]:
    """Return the figures of what was spent until the regret was at most `CLOSE_PCT` %; infinity if it never was."""
    trace = result.trace
    close = np.flatnonzero(trace.best_so_far() <= optimum + CLOSE_PCT / 100.0 * abs(optimum))
    timed = result.ledger.final_training_gpu_hours is not None
    if not close.size:
        return {
            "spent_to_close": math.inf,
            "networks_to_close": math.inf,
            "gpu_hours_to_close": math.inf if timed else math.nan,
        }
    row = close[0]
    return {
        "spent_to_close": float(row + 1 + trace.gradient_queries[row]),
        "networks_to_close": float(trace.trained_networks[row]),
        "gpu_hours_to_close": float(trace.gpu_hours[row]),
    }


def regret_pct_at(result: Result, optimum: float) -> dict[float, float]:
    """Return by number of queries the regret (%) of the best feasible design at that number; infinite before the first."""
    queries = np.arange(1, len(result.trace) + 1) + result.trace.gradient_queries
    limit = result.budget.evaluations
    return {} if limit is None else _regret_at(result, optimum, queries, CHECKPOINTS, limit=limit)


def regret_pct_at_networks(result: Result, optimum: float) -> dict[float, float]:
    """Return by number of trained networks the regret (%) of the best feasible design at that number."""
    budget = result.budget
    limits = [each for each in (budget.evaluations, budget.networks) if each is not None]
    limit = min(limits) if limits else NETWORK_CHECKPOINTS[-1]
    return _regret_at(result, optimum, result.trace.trained_networks, NETWORK_CHECKPOINTS, limit=limit)


def regret_pct_at_gpu_hours(result: Result, optimum: float) -> dict[float, float]:
    """Return by GPU-hours the regret (%) of the best feasible design then; empty where there are no training times."""
    if result.ledger.final_training_gpu_hours is None:
        return {}
    limit = result.budget.gpu_hours or GPU_HOUR_CHECKPOINTS[-1]
    return _regret_at(result, optimum, result.trace.gpu_hours, GPU_HOUR_CHECKPOINTS, limit=limit)


def _regret_at(
    result: Result, optimum: float, spent: np.ndarray, checkpoints: Sequence[float], *, limit: float
) -> dict[float, float]:
    """The regret (%) at checkpoints below a limit and at the limit.

    Args:
        result: The run.
        optimum: The objective to measure from.
        spent: (rows,) what each row of the trace had cost when it was known, never falling; NaN where unknown.
        checkpoints: Amounts of that.
        limit: The most that there could be.
    """
    if optimum and math.isfinite(optimum):
        regret = 100.0 * (result.trace.best_so_far() - optimum) / abs(optimum)
    else:
        regret = np.full(len(spent), np.nan)  # a share of nothing
    amounts = sorted({*(at for at in checkpoints if at < limit), limit})
    rows = np.searchsorted(spent, np.asarray(amounts) * (1.0 + 1e-12), side="right") - 1
    known = result.status.complete
    return {at: float(regret[row]) if known and row >= 0 else math.inf for at, row in zip(amounts, rows, strict=True)}


def _row(run: Run, reference: Reference) -> RunRow:
    result = run.result
    figures = dict.fromkeys(FIGURES, math.nan)
    if result.status.complete:
        figures |= _of_best(result, reference.objective) | spent_until_close(result, reference.objective)
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
        deterministic=result.deterministic,
        access=result.ledger.access,
        figures=figures,
        regret_pct_at=regret_pct_at(result, reference.objective),
        regret_pct_at_networks=regret_pct_at_networks(result, reference.objective),
        regret_pct_at_gpu_hours=regret_pct_at_gpu_hours(result, reference.objective),
        trained_networks=trained_networks(result),
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


def inert(value: Any) -> Any:
    """Return a value in one line; text that a spreadsheet would take for a formula gets an apostrophe before it."""
    if isinstance(value, str):
        value = " ".join(value.split())
        return f"'{value}" if value.startswith(("=", "+", "-", "@")) else value
    return value
