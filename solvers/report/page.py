"""Everything of a comparison in one folder: report.md, table.csv and the plots beside the records."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from dance_env.analysis.exact import pareto_front
from solvers.comparison.reference import Reference
from solvers.comparison.run import Comparison, TaskRuns
from solvers.comparison.settings import Settings
from solvers.comparison.table import csv_text as runs_csv
from solvers.comparison.table import long_table
from solvers.contract.record.file import safe_name
from solvers.contract.result import software_versions
from solvers.report.plots import Front, plot_best_so_far, plot_plane
from solvers.report.summary import Row, summarise
from solvers.report.table import csv_text, markdown, note, plain


def write_report(comparison: Comparison, *, command: Sequence[str] = ()) -> list[Path]:
    """Write the long table, and for each task the table, the plots and the page that shows them.

    Args:
        comparison: what to show.
        command: the command line that made it, shown on the pages.

    Returns:
        Path of each task's report.md; with several tasks, each in a folder of its own.
    """
    folder = comparison.settings.out
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "runs.csv").write_text(runs_csv(long_table(comparison)), encoding="utf-8")
    several = len(comparison.tasks) > 1
    return [
        _write_task(comparison, each, folder / safe_name(each.task.replace("/", ".")) if several else folder, command)
        for each in comparison.tasks
    ]


def _write_task(comparison: Comparison, of: TaskRuns, out: Path, command: Sequence[str]) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    results, task = of.by_solver(), of.task
    rows = summarise(results, of.reference.objective)
    (out / "table.csv").write_text(csv_text(rows), encoding="utf-8")
    for against in ("queries", "seconds"):
        plot_best_so_far(
            results,
            of.reference,
            against=against,
            path=out / f"best_so_far_{against}.png",
            title=f"{task}: {_best_so_far(of.reference)}",
        )
    plot_plane(
        results,
        _edap_front(of),
        metric="edap_js_mm2",
        label="EDAP (J s mm²)",
        path=out / "error_edap.png",
        title=f"{task}: error against EDAP",
    )
    page = out / "report.md"
    page.write_text(_page(comparison.settings, of, rows, command), encoding="utf-8", errors="backslashreplace")
    return page


def _best_so_far(reference: Reference) -> str:
    """What the curves show."""
    return "regret" if reference.exact else "best objective so far"


def _edap_front(comparison: TaskRuns) -> Front:
    if not comparison.reference.exact:
        return Front.best_known(comparison.results, "edap_js_mm2")
    front = pareto_front(comparison.problem, metric="edap_js_mm2")
    return Front(error_pct=front.error_pct, cost=front.cost)


def _page(settings: Settings, comparison: TaskRuns, rows: Sequence[Row], command: Sequence[str]) -> str:
    reference = comparison.reference
    versions = ", ".join(f"{name} {version}" for name, version in software_versions().items())
    endings = [
        f"- {plain(f'{r.label}, seed {r.result.seed}: {r.result.status.value} {r.result.reason}')}"
        for r in comparison.runs
    ]
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
