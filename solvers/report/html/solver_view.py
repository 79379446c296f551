"""One solver of a comparison as a page shows it: settings, what it asks for, and how each of its runs ended."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from solvers.catalog import solver_declaration, solver_names, solver_summary
from solvers.comparison.run import Comparison, Run
from solvers.comparison.spending import trained_networks
from solvers.contract.capabilities import Access
from solvers.report.html.tables import Cell, Row, Table
from solvers.report.palette import MARKERS, Style
from solvers.report.table import count

_WIDER: tuple[Access, ...] = ("values", "gradients", "white box")

_DECLARED = {
    "access": "declared access",
    "needs_gradients": "needs gradients of accuracy",
    "needs_expectation": "needs expected accuracies",
    "needs_sampled_gradient": "needs gradients of a sampled network",
    "needs_enumeration": "looks at every design",
    "handles_constraints": "knows of the limits",
    "deterministic": "deterministic",
}


@dataclass(frozen=True)
class SolverView:
    """Everything that is shown of a solver.

    Attributes:
        number: On the page.
        label: Its label.
        style: How it is drawn.
        mark: The place of its marker in `MARKERS`.
        access: The widest access that its runs made use of.
        failures: How many runs failed, in words; empty for none.
        summary: The first line of its documentation, where it is one of ours or an installed plug-in.
        settings: Dotted name and value.
        declared: Name and value of what it declares and used.
        runs: How each run ended.
        tracebacks: Name of a run and its traceback.
    """

    number: int
    label: str
    style: Style
    mark: int
    access: Access
    failures: str
    summary: str
    settings: Sequence[tuple[str, str]]
    declared: Sequence[tuple[str, str]]
    runs: Table
    tracebacks: Sequence[tuple[str, str]]


def solver_views(comparison: Comparison, styles: Mapping[str, Style]) -> list[SolverView]:
    """Return the solvers in the order in which they were given."""
    runs: dict[str, list[Run]] = {label: [] for label in styles}
    for run in comparison.runs:
        runs[run.label].append(run)
    return [
        _view(number, label, style, runs[label], several=len(comparison.tasks) > 1)
        for number, (label, style) in enumerate(styles.items())
    ]


def _view(number: int, label: str, style: Style, runs: Sequence[Run], *, several: bool) -> SolverView:
    name = runs[0].result.solver
    ours = name in solver_names()
    declared = solver_declaration(name) if ours else {}
    failed = sum(not run.result.status.complete for run in runs)
    access: Access = max((run.result.ledger.access for run in runs), key=_WIDER.index)
    shared = any(run.result.ledger.evaluator_shared for run in runs)
    return SolverView(
        number=number,
        label=label,
        style=style,
        mark=list(MARKERS).index(style.marker),
        access=access,
        failures=f"{failed} of {len(runs)} runs failed" if failed else "",
        summary=solver_summary(name) if ours else "",
        settings=[(key, json.dumps(value)) for key, value in _flat(runs[0].result.settings).items()],
        declared=[
            ("solver", name),
            ("access used", access),
            *((text, _said(declared[key])) for key, text in _DECLARED.items() if key in declared),
            *([("evaluator", "one for all seeds")] if shared else []),
            ("digest of its settings", runs[0].settings_digest),
            ("digest of its code", runs[0].result.software.get("solver", "not known")),
        ],
        runs=_runs(label, runs, several=several),
        tracebacks=[(_named(run, several=several), run.result.traceback) for run in runs if run.result.traceback],
    )


def _runs(label: str, runs: Sequence[Run], *, several: bool) -> Table:
    headings = [
        "run",
        "objective",
        "evaluations",
        "gradient queries",
        "trained networks",
        "GPU-h",
        "seconds",
        "how it ended",
    ]
    rows = []
    for run in runs:
        result, ledger = run.result, run.result.ledger
        found = math.isfinite(result.best_objective)
        hours = ledger.gpu_hours
        cells = [
            Cell(f"{result.best_objective:.4f}" if found else "no feasible design"),
            Cell(count(ledger.evaluations)),
            Cell(count(ledger.gradient_queries)),
            Cell(count(trained_networks(result))),
            Cell("–" if hours is None else f"{hours:,.3g}"),
            Cell(f"{ledger.seconds:.1f}"),
            Cell(f"{result.status.value} {result.reason}".strip(), bad=not result.status.complete),
        ]
        rows.append(Row(None, _named(run, several=several), cells))
    return Table(f"Every run of {label}; seconds count all training in full.", headings, rows)


def _named(run: Run, *, several: bool) -> str:
    seed = f"seed {run.result.seed}"
    return f"{run.task}, {seed}" if several else seed


def _said(value: Any) -> str:
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) and value else {f"{prefix}{name}": value}
    return flat
