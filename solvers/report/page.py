"""Everything of a comparison in one folder: report.md, table.csv and the plots beside the records."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dance_env.analysis.exact import pareto_front
from solvers.contract.result import software_versions
from solvers.report.plots import Front, plot_best_so_far, plot_plane
from solvers.report.reference import Reference
from solvers.report.summary import Row, summarise
from solvers.report.table import csv_text, markdown, note, plain

if TYPE_CHECKING:
    from solvers.comparison.compare import Comparison


def write_report(comparison: Comparison, *, command: Sequence[str] = ()) -> Path:
    """Write the table, the plots and the page that shows them.

    Args:
        comparison: what to show.
        command: the command line that made it, shown on the page.

    Returns:
        Path of report.md.
    """
    out = comparison.settings.out
    results = comparison.by_solver()
    rows = summarise(results, comparison.optimum)
    task = comparison.problem.name
    (out / "table.csv").write_text(csv_text(rows))
    for against in ("queries", "seconds"):
        plot_best_so_far(
            results,
            comparison.reference,
            against=against,
            path=out / f"best_so_far_{against}.png",
            title=f"{task}: {_best_so_far(comparison.reference)}",
        )
    plot_plane(
        results,
        _edap_front(comparison),
        metric="edap_js_mm2",
        label="EDAP (J s mm²)",
        path=out / "error_edap.png",
        title=f"{task}: error against EDAP",
    )
    page = out / "report.md"
    page.write_text(_page(comparison, rows, command))
    return page


def _best_so_far(reference: Reference) -> str:
    """What the curves show."""
    return "regret" if reference.exact else "best objective so far"


def _edap_front(comparison: Comparison) -> Front:
    if not comparison.reference.exact:
        return Front.best_known(comparison.results, "edap_js_mm2")
    front = pareto_front(comparison.problem, metric="edap_js_mm2")
    return Front(error_pct=front.error_pct, cost=front.cost)


def _page(comparison: Comparison, rows: Sequence[Row], command: Sequence[str]) -> str:
    settings, reference = comparison.settings, comparison.reference
    versions = ", ".join(f"{name} {version}" for name, version in software_versions().items())
    endings = [f"- {plain(f'{r.solver}, seed {r.seed}: {r.status.value} {r.reason}')}" for r in comparison.results]
    made = f"\nMade with `{shlex.join(command)}`.\n" if command else ""
    return f"""# {plain(comparison.problem.name)}
{made}
Budget {settings.budget:,} evaluations + gradient queries a run, seeds {", ".join(map(str, settings.seeds))}.
{comparison.problem.space.size:,} designs; {reference}.

{markdown(rows, reference=reference)}
{note(reference)}

![{_best_so_far(reference).capitalize()} against queries](best_so_far_queries.png)

![{_best_so_far(reference).capitalize()} against seconds](best_so_far_seconds.png)

![Error against EDAP](error_edap.png)

## How each run ended
{chr(10).join(endings)}

{versions}
"""
