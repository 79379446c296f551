"""The statistics of a comparison as tables and charts of a page: of each task, and over all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from solvers.comparison.spending import AXES, Axis
from solvers.comparison.statistics import FrontQuality, Reached, Standings, Statistics, TaskStatistics
from solvers.report.figures_text import interval_text, length_text, p_text, regret_text
from solvers.report.html.chart import Chart, share_chart
from solvers.report.html.tables import Cell, Row, Table
from solvers.report.html.tables import Interval as Drawn
from solvers.report.table import number

_REACHED: tuple[Axis, ...] = ("queries", "networks", "gpu_hours")


@dataclass(frozen=True)
class StatisticsView:
    """Statistics of one task, or over all of them.

    Attributes:
        id, name: Of the task; "overall" over all.
        text: What the figures mean, and what the tests say.
        tables: Shown at once.
        more: Tables that are folded away, under a heading.
        charts: Of shares, with what their y axis is.
        solvers: Numbers of the solvers.
    """

    id: str
    name: str
    text: Sequence[str]
    tables: Sequence[Table]
    more: Sequence[tuple[str, Sequence[Table]]]
    charts: Sequence[Chart]
    measure: str
    solvers: Sequence[int]


def task_statistics(
    of: TaskStatistics, statistics: Statistics, numbers: Mapping[str, int], *, id: str
) -> StatisticsView:
    """Return the statistics of one task.

    Args:
        of: The task's.
        statistics: Of the comparison.
        numbers: Each solver's number on the page.
        id: Unique on the page.
    """
    return StatisticsView(
        id=id,
        name=of.task,
        text=_text(of.standings, statistics, of.front),
        tables=_tables(of.standings, of.front, numbers),
        more=[("Expected run lengths", _reached(of, statistics, numbers)), *_pairs(of.standings)],
        charts=[
            share_chart(
                f"{id}-{axis}",
                axis,
                AXES[axis],
                of.reached[axis].spent,
                of.reached[axis].share,
                of.standings.solvers,
                numbers,
            )
            for axis in _REACHED
            if axis in of.reached
        ],
        measure=f"share of targets reached (regret of {', '.join(f'{each:g}' for each in statistics.settings.targets_pct)} %)",
        solvers=[numbers[solver] for solver in of.standings.solvers],
    )


def overall_statistics(statistics: Statistics, numbers: Mapping[str, int]) -> StatisticsView | None:
    """Return the statistics over all tasks; None for a single one, or where no two solvers ran on each."""
    of = statistics.overall
    if of is None:
        return None
    text = _text(of, statistics, None)
    if statistics.left_out:
        text.append(f"Not here, because they ran on some of the tasks only: {', '.join(statistics.left_out)}.")
    profiles = [statistics.profiles[axis] for axis in _REACHED if axis in statistics.profiles]
    target = statistics.settings.profile_target_pct
    return StatisticsView(
        id="overall",
        name="all tasks",
        text=text,
        tables=_tables(of, None, numbers),
        more=_pairs(of),
        charts=[
            share_chart(
                f"profile-{each.axis}",
                each.axis,
                f"{AXES[each.axis].split(' (')[0]} until a regret of {target:g} %, as a multiple of the best solver's",
                each.ratios,
                each.share,
                of.solvers,
                numbers,
            )
            for each in profiles
        ],
        measure="performance profile: share of tasks within the multiple",
        solvers=[numbers[solver] for solver in of.solvers],
    )


def _tables(of: Standings, front: FrontQuality | None, numbers: Mapping[str, int]) -> list[Table]:
    tables = [standings(of, front, numbers)]
    return [*tables, improvement(of, numbers)] if len(of.solvers) > 1 else tables


def _pairs(of: Standings) -> list[tuple[str, list[Table]]]:
    return [("Tests of every pair", [pairs(of)])] if of.pairs else []


def standings(of: Standings, front: FrontQuality | None, numbers: Mapping[str, int]) -> Table:
    """Return ranks, interquartile means and medians with their intervals, and the quality of the fronts."""
    drawn = of.ranks is not None and len(of.solvers) > 1
    headings = ["solver", "average rank", *(["± half the critical difference"] if drawn else [])]
    headings += [f"IQM of regret ({of.unit})", f"median regret ({of.unit})", "failed / runs"]
    headings += ["hypervolume (share)", "IGD+"] if front is not None else []
    rows = []
    for index, solver in enumerate(of.solvers):
        cells = [
            Cell("–" if of.ranks is None else number(float(of.ranks.average[index]))),
            Cell(interval_text(of.interquartile_mean[index])),
            Cell(interval_text(of.median[index])),
            Cell(f"{of.failed[index]} / {of.runs[index]}", bad=of.failed[index] > 0),
        ]
        if drawn:
            cells.insert(1, Cell("", interval=_rank(of, index)))
        if front is not None:
            quality = (front.hypervolume[solver], front.igd_plus[solver])
            cells += [Cell(number(float(np.median(each)), 3)) for each in quality]
        rows.append(Row(numbers[solver], solver, cells))
    caption = "Ranks, interquartile means (IQM) and medians of the regret, with bootstrap intervals in brackets"
    return Table(caption, headings, rows)


def improvement(of: Standings, numbers: Mapping[str, int]) -> Table:
    """Return the probability that a run of the row's solver is better than one of the column's."""
    rows = []
    for row, solver in enumerate(of.solvers):
        cells = [
            Cell("–")
            if row == column
            else Cell(
                f"{of.improvement[row, column]:.2f} "
                f"[{of.improvement_low[row, column]:.2f}, {of.improvement_high[row, column]:.2f}]"
            )
            for column in range(len(of.solvers))
        ]
        rows.append(Row(numbers[solver], solver, cells))
    caption = "Probability of improvement: that a run of the row's solver is better than one of the column's, ties half"
    return Table(caption, ["solver", *of.solvers], rows)


def pairs(of: Standings) -> Table:
    """Return every pair of solvers with its test."""
    rows = [
        Row(
            None,
            f"{pair.first} – {pair.second}",
            [
                Cell(pair.test),
                Cell(str(pair.number)),
                Cell(regret_text(pair.median_difference)),
                Cell(p_text(pair.p)),
                Cell(p_text(pair.p_holm)),
            ],
        )
        for pair in of.pairs
    ]
    headings = ["pair", "test", "n", f"median difference ({of.unit})", "p", "p, Holm"]
    return Table("Every pair, with p-values corrected by Holm's method for all of them", headings, rows)


def _rank(of: Standings, index: int) -> Drawn:
    """An average rank with half the critical difference to each side, on a line from rank 1 to the last."""
    ranks, last = of.ranks, len(of.solvers)
    assert ranks is not None, "the caller looked"
    rank, half = float(ranks.average[index]), ranks.critical_difference / 2.0

    def at(value: float) -> float:
        return (min(max(value, 1.0), last) - 1.0) / (last - 1.0)

    low, high = (at(rank - half), at(rank + half)) if math.isfinite(half) else (None, None)
    return Drawn(low, at(rank), high, 0.0, f"average rank {rank:.2f} of 1 to {last}")


def _reached(of: TaskStatistics, statistics: Statistics, numbers: Mapping[str, int]) -> list[Table]:
    """Return what a solver that restarts spends on average until a regret, a table for each axis."""
    targets = [f"{each:g} %" for each in statistics.settings.targets_pct]
    return [
        _lengths(of.reached[axis], axis, of.standings.solvers, targets, numbers)
        for axis in _REACHED
        if axis in of.reached
    ]


def _lengths(
    of: Reached, axis: Axis, solvers: Sequence[str], targets: Sequence[str], numbers: Mapping[str, int]
) -> Table:
    rows = [
        Row(numbers[solver], solver, [Cell(length_text(value)) for value in lengths])
        for solver, lengths in zip(solvers, of.expected[0], strict=True)
    ]
    unit = AXES[axis].split(" (")[0]
    return Table(f"Expected {unit} until a regret, of a solver that restarts", ["solver", *targets], rows)


def _text(of: Standings, statistics: Statistics, front: FrontQuality | None) -> list[str]:
    """What the figures mean, and what the tests say."""
    settings, ranks = statistics.settings, of.ranks
    text = [
        "A run that failed or found no feasible design has an infinite regret and ranks last. IQM: the mean of the middle "
        f"half of the runs. Brackets: {settings.confidence:.0%} bootstrap intervals, runs resampled within each task "
        f"({settings.resamples:,} resamples, seed {settings.seed}). docs/statistics.md explains each figure."
    ]
    if ranks is not None and len(of.solvers) > 1:
        said = f"Ranks within each {ranks.block} ({ranks.blocks} blocks); 1 is the best."
        if not math.isnan(ranks.friedman_p):
            said += f" Friedman: chi-squared {ranks.friedman_statistic:.2f}, p {p_text(ranks.friedman_p)}."
        if math.isfinite(ranks.critical_difference):
            said += (
                f" Nemenyi's critical difference at {ranks.alpha:g}: {ranks.critical_difference:.2f}; bars reach half of it "
                "to each side. Where two bars overlap no difference is shown, which is not to say that there is none."
            )
        if ranks.block != "task":
            said += " This speaks of these tasks, not of others."
        text.append(said)
    if front is not None:
        said = (
            f"Hypervolume and IGD+: medians over runs, against the {front.reference} front ({front.designs:,} designs"
        )
        said += f", which may lack {front.missing:.2%} of its hypervolume)" if front.missing else ")"
        text.append(f"{said} of error and cost, of feasible designs.")
    return text
