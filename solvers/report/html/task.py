"""One task of a comparison as a page shows it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from solvers.comparison.run import Comparison, TaskRuns
from solvers.comparison.spending import AXES, Axis
from solvers.comparison.statistics import Statistics
from solvers.contract.budget import Budget
from solvers.report.anytime import Measure
from solvers.report.html.chart import Chart, charts
from solvers.report.html.designs import Gallery
from solvers.report.html.plane import Plane, plane
from solvers.report.html.scale import text
from solvers.report.html.standings import StatisticsView, task_statistics
from solvers.report.html.tables import Table, at_budgets, bill, break_even, ranking
from solvers.report.html.why import Bar, bars_of
from solvers.report.plane import CostAxis, Front
from solvers.report.summary import SolverRow
from solvers.report.table import note, number

_MOST_NAMED = 4


@dataclass(frozen=True)
class Tile:
    """One answer to "who wins".

    Attributes:
        what: The question.
        value: The figure.
        solvers: Whose it is: numbers on the page.
        more: How many more share it.
    """

    what: str
    value: str
    solvers: Sequence[int]
    more: int = 0


@dataclass(frozen=True)
class Best:
    """A best design, and who found it.

    Attributes:
        design: Its number in the gallery.
        finders: Number of a solver, and a sentence on its seeds.
    """

    design: int
    finders: Sequence[tuple[int, str]]


@dataclass(frozen=True)
class Shown:
    """The design that a panel shows before another is chosen.

    Attributes:
        design: Its number in the gallery.
        solver: The number of a solver that found it.
        who: What is said of it.
    """

    design: int
    solver: int
    who: str


@dataclass(frozen=True)
class Group:
    """Tables under a heading of their own.

    Attributes:
        id: Of the heading.
        heading: The heading.
        tables: The tables.
        text: What they say.
    """

    id: str
    heading: str
    tables: Sequence[Table]
    text: str = ""


@dataclass(frozen=True)
class TaskView:
    """Everything that is shown of a task.

    Attributes:
        id: Unique on the page.
        name: The task's name.
        facts: Name and text of what there is to know.
        tiles: Who wins.
        ranking: The main table.
        note: What its columns mean.
        measure: The y axis of the curves.
        regret: Whether that is a regret.
        error_name: What the error is called.
        charts, planes: The figures.
        gallery: The designs.
        best: The solvers' best designs.
        shown: What the panel of a plane shows first.
        groups: Further tables.
        solvers: Numbers of the solvers that ran.
        statistics: Ranks, intervals and tests; None where nothing ran.
        times: Whether the time of each block is known.
        why: Where latency and energy of the best design of all go; empty where that is not known.
    """

    id: str
    name: str
    facts: Sequence[tuple[str, str]]
    tiles: Sequence[Tile]
    ranking: Table
    note: str
    measure: str
    regret: bool
    error_name: str
    charts: Sequence[Chart]
    planes: Sequence[Plane]
    gallery: Gallery
    best: Sequence[Best]
    shown: Shown | None
    groups: Sequence[Group]
    solvers: Sequence[int]
    statistics: StatisticsView | None
    times: bool
    why: Sequence[Bar] = ()


@dataclass(frozen=True)
class CostPlane:
    """A plane to draw.

    Attributes:
        short: What the cost is called where it is chosen.
        axis: The cost.
        front: The front to draw it over.
    """

    short: str
    axis: CostAxis
    front: Front


def task_view(
    comparison: Comparison,
    of: TaskRuns,
    rows: Sequence[SolverRow],
    *,
    place: int,
    numbers: Mapping[str, int],
    axes: Sequence[Axis],
    planes: Sequence[CostPlane],
    statistics: Statistics,
) -> TaskView:
    """Return what is shown of a task.

    Args:
        comparison: Of which it is one.
        of: Its runs.
        rows: Their summary, as they rank.
        place: Its place among the tasks.
        numbers: Each solver's number on the page.
        axes: What the curves are drawn against.
        planes: Costs to draw the error against, with their fronts.
        statistics: Of the comparison.
    """
    results, error_name = of.by_solver(), of.problem.error_name
    gallery = Gallery(of.problem)
    drawn = [
        plane(results, each.front, axis=each.axis, short=each.short, gallery=gallery, numbers=numbers)
        for each in planes
    ]
    shown_planes = [each for each in drawn if each is not None]
    measure = Measure.of(of.reference, error_name=error_name)
    axes = [axis for axis in AXES if axis in axes and (axis != "gpu_hours" or of.problem.is_timed)]
    best = _best(of, rows, gallery, numbers)
    return TaskView(
        id=f"task{place}",
        name=of.task,
        facts=_facts(comparison, of),
        tiles=_tiles(rows, of, numbers),
        ranking=ranking(rows, of.reference, numbers, error_name=error_name),
        note=note(rows, of.reference),
        measure=measure.label,
        regret=measure.logarithmic,
        error_name=error_name,
        charts=charts(results, measure, axes=axes, numbers=numbers),
        planes=shown_planes,
        gallery=gallery,
        best=best,
        shown=_shown(best, rows),
        groups=_groups(of, rows, numbers),
        solvers=[numbers[label] for label in results],
        statistics=next(
            (
                task_statistics(each, statistics, numbers, id=f"task{place}-statistics")
                for each in statistics.tasks
                if each.task == of.task
            ),
            None,
        ),
        times=any(design.times for design in gallery.designs),
        why=bars_of(of.problem, gallery.options(best[0].design)) if best else (),
    )


def _facts(comparison: Comparison, of: TaskRuns) -> list[tuple[str, str]]:
    reference, problem = of.reference, of.problem
    if not math.isfinite(reference.objective):
        known = str(reference)
    elif reference.proved:
        known = (
            f"{reference.objective:.6f}, proved by bounds over all designs; the proof ships with the library, and dance "
            "optimum --verify checks it"
        )
    elif reference.exact:
        known = f"{reference.objective:.6f}, exact: every one of the {problem.space.size:,} designs was compared"
    else:
        known = f"not known; figures are measured from {reference.objective:.6f}, the best that these runs found"
    ended = sum(run.result.status.complete for run in of.runs)
    return [
        ("Minimized", problem.objective.describe(problem.error_name)),
        ("Optimum", known),
        ("Designs", f"{problem.space.size:,}" if problem.space.size < 1e12 else text(float(problem.space.size))),
        ("Budget of a run", Budget.of(comparison.settings.budget).described),
        ("Runs", f"{ended} of {len(of.runs)} went to their own end"),
    ]


def _tiles(rows: Sequence[SolverRow], of: TaskRuns, numbers: Mapping[str, int]) -> list[Tile]:
    measured = "regret" if of.reference.exact else "distance to the best known"
    ranked = [row for row in rows if row["regret_pct"].reached]
    tiles = [_least(f"Lowest median {measured}", ranked, "regret_pct", lambda value: f"{number(value)} %", numbers)]
    plain = [row for row in ranked if row.access == "values"]
    if len(plain) < len(ranked):
        tiles.append(
            _least("… with values of designs alone", plain, "regret_pct", lambda value: f"{number(value)} %", numbers)
        )
    tiles.append(
        _least("Fewest trained networks to 1 %", ranked, "networks_to_close", lambda value: f"{value:,.0f}", numbers)
    )
    tiles.append(
        _least("Fewest GPU-hours to 1 %", ranked, "gpu_hours_to_close", lambda value: f"{value:,.3g}", numbers)
    )
    return [tile for tile in tiles if tile is not None]


def _least(
    what: str, rows: Sequence[SolverRow], figure: str, write: Callable[[float], str], numbers: Mapping[str, int]
) -> Tile | None:
    """The solvers whose median is the least, as it is written."""
    known = [row for row in rows if math.isfinite(row[figure].median)]
    if not known:
        return None
    value = write(min(row[figure].median for row in known))
    best = [numbers[row.solver] for row in known if write(row[figure].median) == value]
    return Tile(what, value, best[:_MOST_NAMED], max(0, len(best) - _MOST_NAMED))


def _best(of: TaskRuns, rows: Sequence[SolverRow], gallery: Gallery, numbers: Mapping[str, int]) -> list[Best]:
    """The best design of each solver in the order of rank, each design once."""
    finders: dict[int, list[tuple[int, str]]] = {}
    for row in rows:
        runs = [run for run in of.by_solver()[row.solver] if run.status.complete and math.isfinite(run.best_objective)]
        if not runs:
            continue
        best = min(runs, key=lambda run: run.best_objective)
        design = best.best_design
        assert design is not None  # a finite objective is that of a design
        same = [run.seed for run in runs if run.best_design is not None and (run.best_design == design).all()]
        text = f"{len(same)} of {row.runs} run{'s' * (row.runs > 1)}"
        finders.setdefault(gallery.add(design[None])[0], []).append((numbers[row.solver], text))
    return [Best(design, found) for design, found in finders.items()]


def _shown(best: Sequence[Best], rows: Sequence[SolverRow]) -> Shown | None:
    if not best:
        return None
    return Shown(best[0].design, best[0].finders[0][0], f"{rows[0].solver}: its best design")


def _groups(of: TaskRuns, rows: Sequence[SolverRow], numbers: Mapping[str, int]) -> list[Group]:
    smaller = "Regret" if of.reference.exact else "Distance to the best known"
    dearer = break_even(rows, numbers)
    paid = (
        "The supernet is paid once for a network space, the other GPU-hours for each design. Its price, in trainings of "
        "the largest network, is an assumption of the task."
    )
    return [
        Group("budgets", f"{smaller} at smaller budgets", at_budgets(rows, numbers)),
        Group("bill", "The bill", [bill(rows, numbers), *([dearer] if dearer else [])], paid),
    ]
