"""A comparison as JSON, and a single run as JSON and text, for `dance compare`, `dance report` and `dance solve`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from dance_env.objective.quantities import METRIC_LABELS, quantity
from solvers.comparison.run import Comparison, Run
from solvers.comparison.table import long_table
from solvers.contract.ledger import Ledger
from solvers.report.summary import SolverRow, summarize

_FIGURES = (
    "objective",
    "regret",
    "regret_pct",
    "queries",
    "trained_networks",
    "gpu_hours",
    "cost_pairs",
    "all_seconds",
)


def console_for(*, json: bool) -> Console:
    """Return where progress and tables go: standard error where standard output is kept for JSON."""
    return Console(stderr=json)


def comparison_content(comparison: Comparison) -> dict[str, Any]:
    """Return what a comparison found: by task the reference and the solvers in their ranks, and every run."""
    rows = long_table(comparison)
    ranked = summarize(rows)
    return {
        "folder": comparison.settings.out,
        "tasks": [
            {
                "task": each.task,
                "designs": each.problem.space.size,
                "reference": {"objective": each.reference.objective, "kind": each.reference.name},
                "solvers": [_solver(row) for row in ranked if row.task == each.task],
            }
            for each in comparison.tasks
        ],
        "runs": [row.flat() for row in rows],
        "left_out": comparison.left_out,
    }


def _solver(row: SolverRow) -> dict[str, Any]:
    figures = {name: {"median": row[name].median, "worst": row[name].worst} for name in _FIGURES if name in row.samples}
    return {
        "solver": row.solver,
        "access": row.access,
        "runs": row.runs,
        "failed": row.failed,
        "without_design": row.without_design,
        **figures,
    }


def run_content(comparison: Comparison) -> dict[str, Any]:
    """Return the only run of a comparison: its design, costs and regret, what it is measured from, and its whole bill."""
    task, run = comparison.tasks[0], comparison.runs[0]
    row = long_table(comparison)[0]
    return {
        "folder": comparison.settings.out,
        "reference": {"objective": task.reference.objective, "kind": task.reference.name},
        "design": run.result.best_named,
        "feasible": run.result.best_objective < float("inf"),
        "settings": run.result.settings,
        "run": row.flat(),
    }


def run_text(comparison: Comparison) -> str:
    """Return the same for a person."""
    task, run = comparison.tasks[0], comparison.runs[0]
    result, figures = run.result, long_table(comparison)[0].figures
    lines = [f"{run.label} on {run.task}, seed {result.seed}, budget {result.budget}: {result.status.value}"]
    if result.reason:
        lines.append(f"  {result.reason}")
    if result.best_named:
        met = "" if result.best_objective < float("inf") else " (violates a limit)"
        lines += [f"The best design{met}:", *_indented(result.best_named)]
        lines += _indented(_costs(run, task.problem.error_name))
    if result.best_objective < float("inf"):
        lines.append(f"  {'objective':<25} {result.best_objective:.6f}")
        kind = "regret" if task.reference.exact else "above the best known"
        lines.append(f"  {kind:<25} {figures['regret']:.6f} ({figures['regret_pct']:.2f} %), to the {task.reference}")
    lines += ["The bill:", *_indented(_bill(result.ledger))]
    return "\n".join([*lines, f"On record in {comparison.settings.out}"]) + "\n"


def _costs(run: Run, error_name: str) -> dict[str, str]:
    trace, best = run.result.trace, run.result.best
    values = {name: float(getattr(trace, name)[best]) for name in ("latency_s", "energy_j", "area_mm2", "edap_js_mm2")}
    values = {"error_pct": 100.0 * (1.0 - float(trace.accuracy[best])), **values}
    return {
        error_name if name == "error_pct" else METRIC_LABELS[name]: quantity(name, value)
        for name, value in values.items()
    }


def _bill(ledger: Ledger) -> dict[str, str]:
    """The lines that are not zero, and how far the run looked."""
    share = {"fixed": "once", "per design": "for each design"}
    lines = {
        line.name.replace("_", " "): f"{line.value:,.6g} {line.unit}, {share[line.share]}"
        for line in ledger.lines()
        if line.value
    }
    return {"access": ledger.access, **lines}


def _indented(values: Mapping[str, Any]) -> list[str]:
    return [f"  {name:<25} {value}" for name, value in values.items()]
