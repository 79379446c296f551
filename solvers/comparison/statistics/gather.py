"""The statistics of a comparison, from its long table and its runs."""

from __future__ import annotations

from collections.abc import Sequence

from solvers.comparison.run import Comparison, TaskRuns
from solvers.comparison.spending import AXES, Axis
from solvers.comparison.statistics.anytime import Searches, anytime, profile, reached
from solvers.comparison.statistics.front_quality import front_quality
from solvers.comparison.statistics.model import Statistics, StatisticsSettings, TaskStatistics
from solvers.comparison.statistics.scores import Scores, scores_of
from solvers.comparison.statistics.standings import standings_of
from solvers.comparison.table import RunRow, long_table

_PROFILED: tuple[Axis, ...] = ("queries", "networks", "gpu_hours", "seconds")


def statistics_of(
    comparison: Comparison, rows: Sequence[RunRow] | None = None, settings: StatisticsSettings | None = None
) -> Statistics:
    """Return the statistics of a comparison. The same runs and settings give the same figures, to the bit.

    Args:
        comparison: The runs.
        rows: Its long table, where it has been made already.
        settings: Targets, levels, resamples; None for the default ones.
    """
    settings = settings or StatisticsSettings()
    ran = [each for each in comparison.tasks if each.runs]
    scores = scores_of(long_table(comparison) if rows is None else rows)
    searches = {each.task: _searches(each) for each in ran}
    tasks = tuple(_of_task(each, score, searches[each.task], settings) for each, score in zip(ran, scores, strict=True))
    if len(tasks) < 2:
        return Statistics(settings, tasks)
    everywhere = _everywhere(scores)
    left_out = tuple(dict.fromkeys(name for each in scores for name in each.by_solver if name not in everywhere))
    if len(everywhere) < 2:
        return Statistics(settings, tasks, left_out=left_out)
    overall = standings_of(scores, everywhere, settings)
    axes = [axis for axis in AXES if all(axis in each for each in searches.values())]
    together = {axis: reached([each[axis] for each in searches.values()], overall.solvers, settings) for axis in axes}
    profiles = {axis: profile(together[axis], settings) for axis in axes if axis in _PROFILED}
    return Statistics(settings, tasks, overall, together, profiles, left_out)


def _of_task(
    runs: TaskRuns, scores: Scores, searches: dict[Axis, Searches], settings: StatisticsSettings
) -> TaskStatistics:
    standings = standings_of([scores], list(scores.by_solver), settings)
    return TaskStatistics(
        task=runs.task,
        reference=runs.reference.objective,
        reference_name=runs.reference.name,
        standings=standings,
        anytime={axis: anytime(each, standings.solvers, settings.points) for axis, each in searches.items()},
        reached={axis: reached([each], standings.solvers, settings) for axis, each in searches.items()},
        front=front_quality(runs),
    )


def _searches(runs: TaskRuns) -> dict[Axis, Searches]:
    """The runs against each axis that is known."""
    found = {axis: Searches(runs, axis) for axis in AXES}
    return {axis: each for axis, each in found.items() if len(each.grid(list(each.curves), 2))}


def _everywhere(scores: Sequence[Scores]) -> list[str]:
    """The solvers that ran on every task."""
    first, *others = scores
    return [solver for solver in first.by_solver if all(solver in each.by_solver for each in others)]
