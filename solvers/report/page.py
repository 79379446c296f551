"""Everything of a comparison in one folder: long table, report.html, and for each task its tables, figures and report.md."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from dance_env.analysis.exact import pareto_front
from dance_env.atomic import write_whole
from dance_env.objective import EDAP
from solvers.comparison.reference import Reference
from solvers.comparison.run import Comparison, Run, TaskRuns
from solvers.comparison.spending import AXES, Axis
from solvers.comparison.statistics import Statistics, statistics_of
from solvers.comparison.table import RunRow, long_table
from solvers.comparison.table import csv_text as runs_csv
from solvers.contract.budget import Budget
from solvers.contract.record.file import safe_name
from solvers.contract.result import software_versions
from solvers.report.bill import bill_table, break_even_table
from solvers.report.curves import plot_best_so_far
from solvers.report.html import CostPlane, write_html
from solvers.report.latex import latex_table
from solvers.report.parquet import write_parquet
from solvers.report.plane import CostAxis, Front, plot_plane
from solvers.report.statistics import overall_page, task_section
from solvers.report.statistics_files import statistics_csv, statistics_json
from solvers.report.summary import SolverRow, summarize
from solvers.report.table import AMOUNTS, csv_text, markdown, note, plain, regret_at_budgets

HTML = "report.html"
"""The page with everything on it, beside the long table."""

VECTOR_FORMATS = ("svg", "pdf")
"""Each figure is written in these, beside the PNG that report.md shows."""


def write_report(
    comparison: Comparison, *, command: Sequence[str] = (), curves: Sequence[Axis] = tuple(AXES)
) -> list[Path]:
    """Write the long table, the statistics and `report.html`, and for each task its tables, figures and page.

    Nothing is run: a comparison that was gathered from records will do. Every text file is written whole or not at all, in
    UTF-8.

    Args:
        comparison: what to show.
        command: the command line that made it, shown on the pages.
        curves: what the best design so far is drawn against, a picture each; GPU-hours only where they are known.

    Returns:
        Path of each task's report.md; with several tasks, each in a folder of its own.

    Raises:
        OSError: If the folder cannot be written.
    """
    folder = comparison.settings.out
    folder.mkdir(parents=True, exist_ok=True)
    rows = long_table(comparison)
    write_whole(folder / "runs.csv", runs_csv(rows))
    write_parquet(folder / "runs.parquet", rows)
    statistics = statistics_of(comparison, rows)
    write_whole(folder / "statistics.csv", statistics_csv(statistics))
    write_whole(folder / "statistics.json", statistics_json(statistics))
    if statistics.overall is not None:
        write_whole(folder / "overall.md", overall_page(statistics))
    planes = {each.task: planes_of(each) for each in comparison.tasks}
    write_html(
        folder / HTML, comparison, summarize(rows), planes=planes, statistics=statistics, command=command, axes=curves
    )
    several = len(comparison.tasks) > 1
    return [
        _write_task(
            comparison,
            each,
            [row for row in rows if row.task == each.task],
            folder / safe_name(each.task.replace("/", ".")) if several else folder,
            planes[each.task],
            command,
            curves,
            statistics,
        )
        for each in comparison.tasks
    ]


def _write_task(
    comparison: Comparison,
    of: TaskRuns,
    rows: list[RunRow],
    out: Path,
    planes: Sequence[CostPlane],
    command: Sequence[str],
    curves: Sequence[Axis],
    statistics: Statistics,
) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    results, reference = of.by_solver(), of.reference
    summaries, error_name = summarize(rows), of.problem.error_name
    write_whole(out / "table.csv", csv_text(summaries))
    write_whole(out / "table.tex", latex_table(summaries, task=of.task, reference=reference, error_name=error_name))
    pictures = []
    for against in curves:
        if against == "gpu_hours" and not of.problem.is_timed:
            continue
        path = out / f"best_so_far_{against}.png"
        title = f"{of.task}: {'regret' if reference.exact else 'best objective so far'}"
        pictures.append(
            plot_best_so_far(
                results,
                reference,
                against=against,
                path=path,
                title=title,
                error_name=error_name,
                formats=VECTOR_FORMATS,
            )
        )
    for plane in planes:
        path = out / f"{_FILES[plane.axis.metric]}.png"
        title = f"{of.task}: {error_name} against {plane.short}"
        pictures.append(
            plot_plane(
                results,
                plane.front,
                axis=plane.axis,
                path=path,
                title=title,
                error_name=error_name,
                formats=VECTOR_FORMATS,
            )
        )
    page = out / "report.md"
    write_whole(page, _page(comparison, of, rows, pictures, command, statistics))
    return page


_FILES = {"cost": "error_cost", "edap_js_mm2": "error_edap"}


def planes_of(of: TaskRuns) -> list[CostPlane]:
    """Return the planes to draw: the cost that the task minimizes, and EDAP in any case."""
    function = of.problem.objective.cost_function
    edap = CostPlane("EDAP", CostAxis("edap_js_mm2", "EDAP (J s mm²)"), _front(of, "edap_js_mm2"))
    if isinstance(function, EDAP):
        return [edap]
    return [CostPlane("the task's cost", CostAxis("cost", str(function)), _front(of, "cost")), edap]


def _front(of: TaskRuns, metric: str) -> Front:
    """Return the exact front of the feasible designs; where the space is too large, one that ships, else the best known."""
    if not of.reference.exact or of.reference.proved:
        return Front.shipped(of.problem, metric) or Front.best_known(of.results, metric)
    front = pareto_front(of.problem, metric=metric)
    return Front(error_pct=front.error_pct, cost=front.cost)


def _page(
    comparison: Comparison,
    of: TaskRuns,
    rows: list[RunRow],
    pictures: Sequence[Path],
    command: Sequence[str],
    statistics: Statistics,
) -> str:
    settings, reference, summaries = comparison.settings, of.reference, summarize(rows)
    made = f"Made with `{shlex.join(command)}`.\n\n" if command else ""
    versions = ", ".join(f"{name} {version}" for name, version in software_versions().items())
    shown = "\n\n".join(f"![{path.stem.replace('_', ' ')}]({path.name})" for path in pictures)
    left_out = "".join(f"Left out: {plain(reason)}\n\n" for reason in comparison.left_out)
    return f"""# {plain(of.task)}

{made}Budget of a run: {Budget.of(settings.budget).described}. Seeds {", ".join(map(str, settings.seeds))}.
{of.problem.space.size:,} designs. Objective: {plain(str(of.problem.objective))}. {_capitalized(reference)}.

{markdown(summaries, reference=reference, error_name=of.problem.error_name)}
{note(summaries, reference)}

{left_out}## {"Regret" if reference.exact else "Distance to the best known"} at smaller budgets

{_at_budgets(summaries)}
{_statistics(of, statistics)}## The bill

Median over seeds. On a table an evaluation is a look-up; these lines say what it would have cost to train. The supernet
is paid once for a network space, the other GPU-hours for each design. docs/bill.md explains each line.

{bill_table(summaries)}
{break_even_table(summaries)}
{shown}

## How each run ended

{chr(10).join(map(_ending, of.runs))}

{versions}
"""


def _statistics(of: TaskRuns, statistics: Statistics) -> str:
    """The section of a task's statistics; empty where nothing ran."""
    sections = [task_section(each, statistics) for each in statistics.tasks if each.task == of.task]
    return "".join(f"{section}\n\n" for section in sections)


def _at_budgets(summaries: Sequence[SolverRow]) -> str:
    """The median regret at smaller amounts spent, a table for each unit that there is."""
    tables = {unit: regret_at_budgets(summaries, of=of) for of, unit in AMOUNTS.items()}
    return "\n".join(
        f"Median over seeds, in percent, after so many {unit} of the same runs.\n\n{table}"
        for unit, table in tables.items()
        if table
    )


def _capitalized(reference: Reference) -> str:
    text = str(reference)
    return text[:1].upper() + text[1:]


def _ending(run: Run) -> str:
    result = run.result
    text = f"- {plain(f'{run.label}, seed {result.seed}: {result.status.value} {result.reason}')}"
    if not result.traceback:
        return text
    indented = "\n".join(f"      {line}" for line in result.traceback.splitlines())
    return f"{text}\n\n{indented}\n"
