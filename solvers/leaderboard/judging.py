"""Which runs of the submissions count, and how they rank."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dance_env.problem import Problem
from solvers.catalog import solver_declaration, solver_names
from solvers.comparison.archive.problems import Problems
from solvers.comparison.archive.verifying import check_record
from solvers.comparison.judging import judged
from solvers.comparison.reference import Reference, optimum_reference
from solvers.contract.capabilities import Access
from solvers.contract.result import Result
from solvers.leaderboard.assignment import Assignment
from solvers.leaderboard.submission import Record, Submission


@dataclass(frozen=True)
class Entry:
    """A solver of a participant, all of whose runs count.

    Attributes:
        participant: The submission's name.
        solver: What the participant calls it.
        access: What it made use of, by its bill: values, gradients, or white box.
        objectives: Of the best feasible design of each run, in the order of the seeds; infinite where there is none.
        regret_pct: Above the reference, in percent, run by run.
        gpu_hours: Median of the runs' bills; None where it is not known.
        deterministic: Whether one run stands for all seeds, as the record declares.
        same_as: The participants before it whose runs are the same, to the bit.
        rank: 1 is the best; entries of equal medians share one.
    """

    participant: str
    solver: str
    access: Access
    objectives: tuple[float, ...]
    regret_pct: tuple[float, ...] = ()
    gpu_hours: float | None = None
    deterministic: bool = False
    same_as: tuple[str, ...] = ()
    rank: int = 0

    @property
    def median(self) -> float:
        """The median objective: what entries are ranked by."""
        return _median(self.objectives)

    @property
    def median_pct(self) -> float:
        """The median regret, percent."""
        return _median(self.regret_pct)

    @property
    def worst_pct(self) -> float:
        """The largest regret, percent."""
        return max(self.regret_pct)


@dataclass(frozen=True)
class Refused:
    """What does not count.

    Attributes:
        participant: The submission's name.
        solver: What the participant calls the solver; empty where it is a whole submission, or cannot be told.
        reasons: Why, a sentence each.
    """

    participant: str
    solver: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Leaderboard:
    """A class, ranked.

    Attributes:
        assignment: What was asked for.
        reference: What regret is measured from.
        entries: What counts, by rank.
        refused: What does not, by participant.
        participants: How many handed in.
        designs: How many designs were evaluated again.
    """

    assignment: Assignment
    reference: Reference
    entries: tuple[Entry, ...]
    refused: tuple[Refused, ...]
    participants: int
    designs: int


def leaderboard(submissions: Sequence[Submission], assignment: Assignment) -> Leaderboard:
    """Verify submissions and rank what holds.

    A solver counts with a run for each seed (one, where it is deterministic), each of the assignment's task and budget, and as
    the problem evaluates it now. Entries are ranked by the median objective, then by the worst.

    Args:
        submissions: As `read_submissions` gives them.
        assignment: What was asked for.
    """
    entries: list[Entry] = []
    refused: list[Refused] = []
    traces: dict[tuple[str, str], list[Result]] = {}
    designs = 0
    for submission in submissions:
        if submission.reason:
            refused.append(Refused(submission.name, "", (submission.reason,)))
            continue
        missing = tuple(_missing(submission))
        if missing:
            refused.append(Refused(submission.name, "", missing))
        for label, records in _by_solver(submission).items():
            runs, reasons, rows = _verified(submission, records, assignment)
            designs += rows
            if reasons:
                refused.append(Refused(submission.name, label, tuple(reasons)))
                continue
            same = tuple(name for (name, _), others in traces.items() if _same_runs(runs, others))
            traces[submission.name, label] = runs
            entries.append(_entry(submission.name, label, runs, assignment.problem, same))
    reference = optimum_reference(assignment.problem) or Reference(
        min((value for entry in entries for value in entry.objectives), default=math.inf), exact=False
    )
    ranked = _ranked([_measured(entry, reference) for entry in entries])
    return Leaderboard(assignment, reference, ranked, tuple(refused), len(submissions), designs)


def _by_solver(submission: Submission) -> dict[str, list[Record]]:
    groups: dict[str, list[Record]] = {}
    for record in submission.records:
        groups.setdefault(record.label, []).append(record)
    return groups


def _missing(submission: Submission) -> Iterator[str]:
    """Records that the manifest names, as written, and that are not there."""
    manifest = submission.folder.manifest if submission.folder else None
    there = {record.path.name for record in submission.records}
    for name, digest in (manifest or {"records": {}})["records"].items():
        if digest is not None and name not in there:
            yield f"{name} is missing: the manifest names it"


def _verified(
    submission: Submission, records: Sequence[Record], assignment: Assignment
) -> tuple[list[Result], list[str], int]:
    """The runs of a solver by seed; why they do not count, a sentence each; and how many designs were evaluated again."""
    assert submission.folder is not None
    problems = Problems(given={assignment.problem.name: assignment.problem})
    runs: dict[int, Result] = {}
    reasons = [record.reason for record in records if record.reason]
    wrong: dict[str, list[int]] = {}
    rows = 0
    for record in records:
        result = record.result
        if result is None:
            continue
        found = [_foreign(result, assignment)]
        if not found[0]:
            check = check_record(submission.folder, record.path, problems)
            rows += check.rows
            found = [*check.problems, "there are two runs of this seed; hand in one" if result.seed in runs else ""]
            runs[result.seed] = result
        for reason in filter(None, found):
            wrong.setdefault(reason, []).append(result.seed)
    for reason, seeds in wrong.items():
        reasons.append(f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, sorted(set(seeds))))}: {reason}")
    reasons += _incomplete(runs, assignment.seeds) if not reasons else []
    return [runs[seed] for seed in sorted(runs)], reasons, rows


def _foreign(result: Result, assignment: Assignment) -> str:
    """Why a run is not of the assignment; empty if it is."""
    if result.task != assignment.problem.name:
        return f"it is of the task {result.task}, not of {assignment.problem.name}"
    if result.budget != assignment.budget:
        return f"its budget was {result.budget.described}, not {assignment.budget.described}"
    return ""


def _incomplete(runs: dict[int, Result], seeds: Sequence[int]) -> Iterator[str]:
    """Seeds without a run, and runs that are copies of another seed's."""
    if len(runs) == 1 and next(iter(runs.values())).deterministic:
        yield from _not_deterministic(next(iter(runs.values())))
        return
    missing = [seed for seed in seeds if seed not in runs]
    if missing:
        yield f"there is no run of seed {', '.join(map(str, missing))}"
    for seed in [seed for seed in runs if seed not in seeds]:
        del runs[seed]
    ordered = sorted(runs.items())
    for place, (seed, result) in enumerate(ordered):
        for other, earlier in ordered[:place]:
            if not result.deterministic and np.array_equal(result.trace.designs, earlier.trace.designs):
                yield f"seeds {other} and {seed} are one run: both evaluate the same designs in the same order"


def _not_deterministic(run: Result) -> Iterator[str]:
    """Why one run does not stand for all seeds: solvers that ship say themselves whether they are deterministic."""
    if run.solver in solver_names() and not solver_declaration(run.solver).get("deterministic", False):
        yield f"its one run is said to be deterministic, and {run.solver} is not: hand in a run of each seed"


def _entry(name: str, label: str, runs: Sequence[Result], problem: Problem, same_as: tuple[str, ...]) -> Entry:
    objectives = tuple(judged(r, problem).best_objective if r.status.complete else math.inf for r in runs)
    hours = [result.ledger.gpu_hours for result in runs]
    known = [value for value in hours if value is not None]
    return Entry(
        name,
        label,
        max((result.ledger.access for result in runs), key=_ACCESSES.index),
        objectives,
        gpu_hours=float(np.median(known)) if len(known) == len(hours) else None,
        deterministic=len(runs) == 1 and runs[0].deterministic,
        same_as=same_as,
    )


_ACCESSES: tuple[Access, ...] = ("values", "gradients", "white box")


def _same_runs(runs: Sequence[Result], others: Sequence[Result]) -> bool:
    return len(runs) == len(others) and all(
        np.array_equal(run.trace.designs, other.trace.designs) for run, other in zip(runs, others, strict=True)
    )


def _measured(entry: Entry, reference: Reference) -> Entry:
    zero = reference.objective
    measurable = math.isfinite(zero) and zero != 0.0
    above = (100.0 * (value - zero) / abs(zero) if measurable else math.inf for value in entry.objectives)
    return replace(entry, regret_pct=tuple(above))


def _ranked(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    ordered = sorted(entries, key=lambda each: (each.median, max(each.objectives), each.participant, each.solver))
    ranked: list[Entry] = []
    for place, entry in enumerate(ordered):
        tied = place and (entry.median, max(entry.objectives)) == (ranked[-1].median, max(ranked[-1].objectives))
        ranked.append(replace(entry, rank=ranked[-1].rank if tied else place + 1))
    return tuple(ranked)


def _median(values: Sequence[float]) -> float:
    """The median, in which infinite values count: of an even number, the upper one where they differ without bound."""
    ordered = sorted(values)
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return low if low == high else (low + high) / 2
