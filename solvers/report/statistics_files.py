"""The statistics of a comparison as files: a long table in CSV, and everything with its curves in JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from solvers.comparison.statistics import Reached, Standings, Statistics, TaskStatistics
from solvers.comparison.table import inert

_OVERALL = "(all)"
_Row = tuple[Any, ...]


def statistics_csv(statistics: Statistics) -> str:
    """Return every figure but the curves as CSV: a row for each, with its interval where it has one.

    `task` is "(all)" over all tasks; `other` is the second solver of a pair; `at` is a target in percent.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["task", "figure", "solver", "other", "at", "value", "low", "high"])
    for each in statistics.tasks:
        writer.writerows(map(_inert_row, _of_task(each, statistics.settings.targets_pct)))
    if statistics.overall is not None:
        writer.writerows(map(_inert_row, _of_standings(_OVERALL, statistics.overall)))
    return out.getvalue()


def statistics_json(statistics: Statistics) -> str:
    """Return everything as JSON, in the shape of `Statistics`; NaN is null, infinity the text "inf"."""
    return json.dumps(_plain(statistics), indent=1) + "\n"


def _of_task(of: TaskStatistics, targets: tuple[float, ...]) -> Iterator[_Row]:
    yield from _of_standings(of.task, of.standings)
    if of.front is not None:
        for figure, values in (("hypervolume", of.front.hypervolume), ("igd_plus", of.front.igd_plus)):
            for solver in of.standings.solvers:
                runs = values[solver]
                yield of.task, f"{figure}_median", solver, "", "", float(np.median(runs)), runs.min(), runs.max()
    for reached in of.reached.values():
        yield from _of_reached(of.task, reached, of.standings.solvers, targets)


def _of_reached(task: str, of: Reached, solvers: tuple[str, ...], targets: tuple[float, ...]) -> Iterator[_Row]:
    for solver, lengths in zip(solvers, of.expected[0], strict=True):
        for target, length in zip(targets, lengths, strict=True):
            yield task, f"expected_{of.axis}", solver, "", target, length, "", ""


def _of_standings(task: str, of: Standings) -> Iterator[_Row]:
    for index, solver in enumerate(of.solvers):
        for figure in ("median", "interquartile_mean"):
            interval = getattr(of, figure)[index]
            yield task, f"regret_{figure}", solver, "", "", interval.value, interval.low, interval.high
        yield task, "failed", solver, "", "", int(of.failed[index]), "", ""
        yield task, "runs", solver, "", "", int(of.runs[index]), "", ""
        if of.ranks is not None:
            yield task, "average_rank", solver, "", "", of.ranks.average[index], "", ""
        for column, other in enumerate(of.solvers):
            if column != index:
                low, high = of.improvement_low[index, column], of.improvement_high[index, column]
                yield task, "probability_of_improvement", solver, other, "", of.improvement[index, column], low, high
    if of.ranks is not None:
        yield task, "critical_difference", "", "", "", of.ranks.critical_difference, "", ""
        yield task, "friedman_p", "", "", "", of.ranks.friedman_p, "", ""
    for pair in of.pairs:
        name = {"Wilcoxon signed-rank": "wilcoxon", "Mann-Whitney U": "mann_whitney"}.get(pair.test)
        if name is not None:
            yield task, f"{name}_p", pair.first, pair.second, "", pair.p, "", ""
            yield task, f"{name}_p_holm", pair.first, pair.second, "", pair.p_holm, "", ""


def _inert_row(row: _Row) -> list[Any]:
    return [inert(float(each) if isinstance(each, np.floating) else each) for each in row]


def _plain(value: Any) -> Any:
    """A value as JSON can hold it."""
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return None if math.isnan(value) else float(value) if math.isfinite(value) else "inf" if value > 0 else "-inf"
    return value
