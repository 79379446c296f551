"""The page: one HTML file that needs nothing else, and fetches nothing.

What users name (tasks, labels, reasons, tracebacks) is escaped by jinja2, in the data for the script too. A content security
policy allows this page's own script and no other, and no request at all.
"""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from dance_env.atomic import write_whole
from solvers.comparison.run import Comparison
from solvers.comparison.spending import AXES, Axis
from solvers.comparison.statistics import Statistics
from solvers.contract.budget import Budget
from solvers.contract.result import software_versions
from solvers.report.html.chart import SIDE
from solvers.report.html.layout import CURVE_LAYOUTS, PLANE_LAYOUTS
from solvers.report.html.marks import PATHS
from solvers.report.html.solver_view import SolverView, solver_views
from solvers.report.html.standings import overall_statistics
from solvers.report.html.task import CostPlane, TaskView, task_view
from solvers.report.html.tuning import tuning_view
from solvers.report.palette import MARKERS, solver_styles
from solvers.report.summary import SolverRow

_UNPRINTABLE = {code: "\ufffd" for code in range(32) if chr(code) not in "\n\t"}


def write_html(
    path: Path,
    comparison: Comparison,
    summaries: Sequence[SolverRow],
    *,
    planes: Mapping[str, Sequence[CostPlane]],
    statistics: Statistics,
    command: Sequence[str] = (),
    axes: Sequence[Axis] = tuple(AXES),
) -> Path:
    """Write the page of a comparison, all tasks on it.

    Args:
        path: The file.
        comparison: What to show.
        summaries: Its solvers on each task, as they rank (`solvers.report.summary.summarize`).
        planes: By task, the costs to draw the error against.
        statistics: Its statistics.
        command: The command line that made it.
        axes: What the best design so far is drawn against.

    Raises:
        OSError: If the file cannot be written.
    """
    styles = solver_styles(list(dict.fromkeys(run.label for run in comparison.runs)))
    numbers = {label: number for number, label in enumerate(styles)}
    tasks = [
        task_view(
            comparison,
            of,
            [row for row in summaries if row.task == of.task],
            place=place,
            numbers=numbers,
            axes=axes,
            planes=planes[of.task],
            statistics=statistics,
        )
        for place, of in enumerate(comparison.tasks)
    ]
    solvers = solver_views(comparison, styles)
    script = _asset("script.js")
    failed = sum(not result.status.complete for result in comparison.results)
    versions = software_versions()
    text = (
        _environment()
        .get_template("report.html.jinja")
        .render(
            title=", ".join(task.name for task in tasks) + ": comparison of solvers",
            lead=_lead(comparison, len(solvers)),
            failed=f"{failed} of {len(comparison.results)} runs failed or were stopped." if failed else "",
            tasks=tasks,
            solvers=solvers,
            overall=overall_statistics(statistics, numbers),
            tuning=[tuning_view(each, summaries, numbers) for each in comparison.tunings],
            left_out=comparison.left_out,
            command=shlex.join(command),
            manifest=_manifest(comparison, versions),
            version=versions.get("dance-env", ""),
            data=_data(tasks, solvers),
            script=Markup(script),
            script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            style=Markup(_asset("style.css")),
            curve_layouts=CURVE_LAYOUTS,
            plane_layouts=PLANE_LAYOUTS,
            side=SIDE,
            marker_paths=[PATHS[marker] for marker in MARKERS],
        )
    )
    return write_whole(path, _printable(text))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("solvers.report.html"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    environment.globals["px"] = lambda value: f"{value:.1f}".removesuffix(".0")
    return environment


def stylesheet() -> str:
    """Return the page's styles, for other pages of this library."""
    return _asset("style.css")


@cache
def _asset(name: str) -> str:
    return (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8").strip()


def _printable(text: str) -> str:
    """The text without what HTML has no place for: lone surrogates as their escapes, control characters as a mark."""
    return text.encode("utf-8", "backslashreplace").decode().translate(_UNPRINTABLE)


def _lead(comparison: Comparison, solvers: int) -> str:
    settings = comparison.settings
    seeds = f"{len(settings.seeds)} seed{'s' * (len(settings.seeds) > 1)}"
    return (
        f"{solvers} solver{'s' * (solvers > 1)}, {seeds}, {len(comparison.results)} runs of "
        f"{Budget.of(settings.budget).described} each. Each solver is labeled with what it made use of: values of "
        "designs, gradients of expected accuracy, or the tables themselves (white box)."
    )


def _manifest(comparison: Comparison, versions: Mapping[str, str]) -> list[tuple[str, str]]:
    settings = comparison.settings
    return [
        ("seeds", ", ".join(map(str, settings.seeds))),
        ("budget of a run", Budget.of(settings.budget).described),
        ("time limit of a run", "none" if settings.timeout_s is None else f"{settings.timeout_s:g} s"),
        ("a fresh evaluator for each seed", "yes" if settings.fresh_evaluators else "no"),
        *((f"fingerprint of {task.task}", task.problem.fingerprint() or "none") for task in comparison.tasks),
        *versions.items(),
    ]


def _data(tasks: Sequence[TaskView], solvers: Sequence[SolverView]) -> dict[str, Any]:
    """What the script needs to show the design under a point."""
    return {
        "solvers": [{"name": solver.label, "mark": solver.mark} for solver in solvers],
        "tasks": [
            {
                "blocks": task.gallery.blocks,
                "most": task.gallery.most,
                "chips": [vars(chip) for chip in task.gallery.chips],
                "designs": [
                    {name: getattr(design, name) for name in ("chips", "times", "hardware", "array", "metrics")}
                    for design in task.gallery.designs
                ],
                "planes": [
                    [(point.solver, point.seeds, point.design) for point in plane.points] for plane in task.planes
                ],
            }
            for task in tasks
        ],
    }
