"""Every design on record evaluated again with the code as it is now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dance_env.graph import canonical_networks
from dance_env.problem import Problem, failed_rows
from solvers.comparison.archive.folder import RunFolder, label_of
from solvers.comparison.archive.manifest import digest
from solvers.comparison.archive.problems import Problems
from solvers.contract.record.file import RecordError
from solvers.contract.record.trace import Trace, count_distinct
from solvers.contract.result import Result

TOLERANCE = 1e-9
"""Relative: evaluations that are closer agree."""

_ROWS_AT_A_TIME = 4096
_OF_COST = ("latency_s", "energy_j", "area_mm2")


@dataclass(frozen=True)
class RecordCheck:
    """How one record compares with the code as it is now.

    Attributes:
        file: Its name.
        task, label, seed: What it is of; empty and -1 where it cannot be read.
        problems: What is wrong, a sentence each: it is damaged or edited, or it drifts.
        rows: Designs evaluated again.
        drifted_rows: Those of which a figure differs.
        largest: By column of the trace, the largest relative difference; only columns that differ.
    """

    file: str
    task: str = ""
    label: str = ""
    seed: int = -1
    problems: tuple[str, ...] = ()
    rows: int = 0
    drifted_rows: int = 0
    largest: dict[str, float] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(folder: RunFolder, problems: Problems, *, tolerance: float = TOLERANCE) -> Iterator[RecordCheck]:
    """Evaluate every design of every record of a folder again, and compare.

    Args:
        folder: The run folder; all its records are looked at, those of earlier comparisons as well.
        problems: Makes the problems of its tasks.
        tolerance: Relative difference up to which figures agree.

    Yields:
        A check of each record, and of each that the manifest names and is not there.
    """
    names = {path.name for path in folder.files}
    for path in folder.files:
        yield check_record(folder, path, problems, tolerance=tolerance)
    named = {} if folder.manifest is None else folder.manifest["records"]
    for name, known in named.items():
        if known is not None and name not in names:
            yield RecordCheck(name, problems=("it is missing: the manifest names it",))


def check_record(folder: RunFolder, path: Path, problems: Problems, *, tolerance: float = TOLERANCE) -> RecordCheck:
    """Evaluate every design of one record of a folder again, and compare; arguments as for `verify`."""
    try:
        result = Result.load(path)
    except (RecordError, OSError) as error:
        return RecordCheck(path.name, problems=(str(error),))
    wrong: list[str] = []
    known = folder.digest(path.name)
    if known is not None and known != digest(path):
        wrong.append("its content is not what the comparison wrote (the manifest has another SHA-256): it was edited")
    rows, drifted = 0, 0
    largest: dict[str, float] = {}
    try:
        problem = problems[result.task]
        wrong += _identity(result, problem)
        largest, rows_off = differences(result.trace, problem, tolerance)
        rows, drifted = len(result.trace), int(rows_off.sum())
        if drifted:
            worst = max(largest, key=lambda name: largest[name])
            wrong.append(
                f"{drifted:,} of {rows:,} designs are evaluated otherwise now; most of all {worst}, by {largest[worst]:.3g}"
            )
    except (ValueError, TypeError, IndexError) as error:
        wrong.append(f"its designs cannot be evaluated: {error}")
    label = label_of(result, path)
    return RecordCheck(path.name, result.task, label, result.seed, tuple(wrong), rows, drifted, largest)


def _identity(result: Result, problem: Problem) -> Iterator[str]:
    now = problem.fingerprint() or ""
    if result.problem_fingerprint != now:
        yield f"the problem has another fingerprint now ({now[:12] or 'none'}, was {result.problem_fingerprint[:12] or 'none'})"
    space = problem.space
    networks = canonical_networks(problem.network_space, result.trace.designs[:, space.network])
    trained = count_distinct(networks, space.option_counts[space.network])
    if trained != result.ledger.networks:
        yield f"its bill has {result.ledger.networks:,} trained networks, its trace {trained:,}"
    if result.best is not None:
        named = problem.space.decode(result.trace.designs[[result.best]])[0]
        if named != result.best_named:
            yield "its best design by name is not the best design of its trace"


def differences(trace: Trace, problem: Problem, tolerance: float) -> tuple[dict[str, float], np.ndarray]:
    """Return the largest relative difference of each column that differs, and which rows differ `(rows,)`.

    Args:
        trace: What a record says.
        problem: What evaluates its designs now.
        tolerance: Relative difference up to which figures agree.
    """
    off = np.zeros(len(trace), dtype=bool)
    lost = failed_rows(problem.failures, trace)
    largest: dict[str, float] = {}
    for start in range(0, len(trace), _ROWS_AT_A_TIME):
        rows = slice(start, start + _ROWS_AT_A_TIME)
        evaluation = problem.failed(problem.evaluate(trace.designs[rows]), lost[rows])
        found = {
            "objective": evaluation.objective,
            "violation": evaluation.violation,
            "accuracy": evaluation.accuracy,
            "cost": problem.objective.cost_function(evaluation.cost),
            **{name: getattr(evaluation.cost, name) for name in _OF_COST},
        }
        for name, now in found.items():
            apart = _relative(getattr(trace, name)[rows], np.asarray(now, np.float64))
            beyond = apart > tolerance
            off[rows] |= beyond
            if beyond.any():
                largest[name] = max(largest.get(name, 0.0), float(apart.max()))
    return largest, off


def _relative(was: np.ndarray, now: np.ndarray) -> np.ndarray:
    """The difference of each value over the larger of both; infinite where one alone is not finite."""
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = np.maximum(np.abs(was), np.abs(now))
        apart = np.abs(was - now) / np.where(scale > 0, scale, 1.0)
    return np.where(was == now, 0.0, np.where(np.isfinite(was) & np.isfinite(now), apart, np.inf))
