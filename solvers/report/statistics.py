"""The statistics of a comparison as Markdown; `statistics_files` writes all of them as CSV and JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from solvers.comparison.spending import Axis
from solvers.comparison.statistics import (
    FrontQuality,
    Reached,
    Standings,
    Statistics,
    StatisticsSettings,
    TaskStatistics,
)
from solvers.report.figures_text import interval_text, length_text, p_text, regret_text
from solvers.report.table import number, plain

_REACHED: dict[Axis, str] = {
    "queries": "evaluations + gradient queries",
    "networks": "trained networks",
    "gpu_hours": "GPU-hours",
}


def task_section(of: TaskStatistics, statistics: Statistics) -> str:
    """Return the statistics of one task as a section of its page."""
    parts = ["## Statistics", _explained(statistics.settings), standings_table(of.standings, of.front)]
    if of.front is not None:
        parts.append(_front_note(of.front))
    parts += _common(of.standings)
    for axis, unit in _REACHED.items():
        if axis in of.reached:
            parts.append(
                f"Expected {unit} until a regret, of a solver that restarts (never: no run got there)"
                f"{_best_known(of.reference_name)}."
            )
            parts.append(reached_table(of.reached[axis], of.standings.solvers, statistics.settings.targets_pct))
    return "\n\n".join(parts)


def overall_page(statistics: Statistics) -> str:
    """Return what is over all tasks as a page; empty where there is nothing."""
    standings = statistics.overall
    if standings is None:
        return ""
    parts = [
        "# Over all tasks",
        f"Tasks: {', '.join(plain(task) for task in standings.tasks)}.",
        _explained(statistics.settings),
        standings_table(standings, None),
        *_common(standings),
    ]
    if statistics.left_out:
        names = ", ".join(plain(name) for name in statistics.left_out)
        parts.append(f"Not here, because they ran on some of the tasks only: {names}.")
    return "\n\n".join(parts) + "\n"


def standings_table(of: Standings, front: FrontQuality | None) -> str:
    """Return ranks and regrets of each solver as Markdown."""
    heads = ["solver", "average rank", f"IQM of regret ({of.unit})", f"median regret ({of.unit})", "failed / runs"]
    heads += ["hypervolume (share)", "IGD+"] if front is not None else []
    lines = [f"| {' | '.join(heads)} |", "| --- |" + " ---: |" * (len(heads) - 1)]
    for index, solver in enumerate(of.solvers):
        rank = "–" if of.ranks is None else number(float(of.ranks.average[index]))
        cells = [plain(solver), rank, interval_text(of.interquartile_mean[index]), interval_text(of.median[index])]
        cells.append(f"{of.failed[index]} / {of.runs[index]}")
        if front is not None:
            cells += [number(float(np.median(each[solver])), 3) for each in (front.hypervolume, front.igd_plus)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def improvement_table(of: Standings) -> str:
    """Return the probability that a run of the row's solver is better than one of the column's, as Markdown."""
    lines = [f"| P(row better) | {' | '.join(map(plain, of.solvers))} |", "| --- |" + " ---: |" * len(of.solvers)]
    for row, solver in enumerate(of.solvers):
        cells = [
            ""
            if row == column
            else f"{of.improvement[row, column]:.2f} "
            f"[{of.improvement_low[row, column]:.2f}, {of.improvement_high[row, column]:.2f}]"
            for column in range(len(of.solvers))
        ]
        lines.append(f"| {plain(solver)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def pairs_table(of: Standings) -> str:
    """Return every pair of solvers with its test as Markdown."""
    lines = [
        f"| pair | test | n | median difference ({of.unit}) | p | p, Holm |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for pair in of.pairs:
        cells = [f"{plain(pair.first)} – {plain(pair.second)}", pair.test, str(pair.number)]
        cells += [regret_text(pair.median_difference), p_text(pair.p), p_text(pair.p_holm)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def reached_table(of: Reached, solvers: Sequence[str], targets_pct: Sequence[float]) -> str:
    """Return the expected run lengths of one task as Markdown."""
    lines = [f"| solver | {' | '.join(f'{each:g} %' for each in targets_pct)} |"]
    lines.append("| --- |" + " ---: |" * len(targets_pct))
    for solver, lengths in zip(solvers, of.expected[0], strict=True):
        lines.append(f"| {plain(solver)} | {' | '.join(map(length_text, lengths))} |")
    return "\n".join(lines)


def _common(of: Standings) -> list[str]:
    if len(of.solvers) < 2:
        return []
    parts = [
        "Probability that a run of the row's solver is better than a run of the column's (ties half).",
        improvement_table(of),
    ]
    if of.ranks is not None:
        parts.insert(0, _ranks_note(of))
    return [*parts, "Pairs, corrected by Holm's method for all of them.", pairs_table(of)]


def _explained(settings: StatisticsSettings) -> str:
    return (
        "A run that failed or found no feasible design has an infinite regret and ranks last. IQM: the mean of the middle "
        f"half of the runs. Brackets: {settings.confidence:.0%} bootstrap intervals, runs resampled within each task "
        f"({settings.resamples:,} resamples, seed {settings.seed}). docs/statistics.md explains each figure."
    )


def _ranks_note(of: Standings) -> str:
    ranks = of.ranks
    assert ranks is not None, "the caller looked"
    text = f"Ranks within each {ranks.block} ({ranks.blocks} blocks). "
    if not math.isnan(ranks.friedman_p):
        text += f"Friedman: chi-squared {ranks.friedman_statistic:.2f}, p {p_text(ranks.friedman_p)}. "
    text += f"Nemenyi's critical difference at {ranks.alpha:g}: {ranks.critical_difference:.2f}."
    if ranks.groups:
        groups = "; ".join(", ".join(plain(of.solvers[each]) for each in group) for group in ranks.groups)
        text += f" No difference shown within: {groups}."
    if ranks.block != "task":
        text += " This speaks of these tasks, not of others."
    return text


def _front_note(front: FrontQuality) -> str:
    text = f"Hypervolume and IGD+: medians over runs, against the {front.reference} front ({front.designs:,} designs"
    text += f", which may lack {front.missing:.2%} of its hypervolume)" if front.missing else ")"
    return f"{text} of error and cost, of feasible designs."


def _best_known(reference_name: str) -> str:
    return "; regret is measured from the best known design here" if reference_name == "best known" else ""
