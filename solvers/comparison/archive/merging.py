"""One comparison from the records of several run folders; nothing is run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from solvers.comparison.archive.best_known import BestKnown, best_known_of
from solvers.comparison.archive.folder import RunFolder, digest_of, label_of
from solvers.comparison.archive.problems import Problems
from solvers.comparison.judging import judged
from solvers.comparison.listener import Listener
from solvers.comparison.records import CODE
from solvers.comparison.reference import optimum_reference
from solvers.comparison.run import Comparison, Run, TaskRuns
from solvers.comparison.settings import Settings
from solvers.comparison.trial_files import read_tuning
from solvers.contract.result import Result


class Clash(ValueError):
    """Records that cannot stand in one comparison."""


def merged(
    folders: Sequence[RunFolder], problems: Problems, *, out: Path, listener: Listener | None = None
) -> Comparison:
    """Return the comparison that the records of some run folders make together.

    Of a folder with a manifest, the records of its last comparison; of one without, all.

    Args:
        folders: The folders.
        problems: Makes the problems of their tasks.
        out: Where reports of it go.
        listener: What to report to.

    Raises:
        Clash: If nothing is on record; if budgets differ; if records of one label have other settings or other code; if
            there are two different records of one task, label and seed; or if a record is of another problem than the task's.
        RecordError: If a record is damaged or missing, or `tuning.json` is damaged.
        ValueError: If a problem cannot be made.
    """
    runs: dict[tuple[str, str, int], tuple[Run, Path]] = {}
    for folder in folders:
        for path, result in folder.results():
            run = Run(result.task, label_of(result, path), digest_of(result), result)
            _add(runs, run, path)
    everything = list(runs.values())
    if not everything:
        raise Clash("no run of the last comparison is on record: the same `dance compare` goes on")
    for run, path in everything[1:]:
        _same_budget(*everything[0], run, path)
    _one_solver_each(everything)
    tasks = tuple(dict.fromkeys(run.task for run, _ in everything))
    for run, path in everything:
        _same_problem(run.result, path, problems)
    stores = [BestKnown.read(folder.folder) for folder in folders]
    task_runs = []
    for task in tasks:
        of_task = tuple(
            replace(run, result=judged(run.result, problems[task])) for run, _ in everything if run.task == task
        )
        quiet = problems[task].without_noise
        reference = optimum_reference(problems[task], progress=(listener or Listener()).on_optimum)
        if reference is None:
            reference = best_known_of(quiet, [run.result for run in of_task], stores)
        task_runs.append(TaskRuns(task, quiet, reference, of_task))
    first = everything[0][0].result
    settings = Settings(
        tasks=[problems[task] for task in tasks],
        seeds=tuple(sorted({run.result.seed for run, _ in everything})),
        budget=first.budget,
        out=out,
        sources=problems.sources,
    )
    reasons = [reason for folder in folders if folder.manifest for reason in folder.manifest.get("left_out", ())]
    labels = list(dict.fromkeys(run.label for run, _ in everything))
    tunings = [tuning for folder in folders if (tuning := read_tuning(folder.folder, labels)) is not None]
    return Comparison(settings, tuple(task_runs), tuple(dict.fromkeys(reasons)), tuple(tunings))


def _add(runs: dict[tuple[str, str, int], tuple[Run, Path]], run: Run, path: Path) -> None:
    key = (run.task, run.label, run.result.seed)
    if key not in runs:
        runs[key] = run, path
        return
    there, other = runs[key]
    _same_budget(there, other, run, path)
    if there.result.trace.same_search(run.result.trace):
        return  # a copy
    raise Clash(
        f"two runs of {run.label!r} on {run.task!r} with seed {run.result.seed} differ: {other} and {path}. Give one of "
        "them another label, or leave one folder out"
    )


def _same_budget(one: Run, path: Path, two: Run, other: Path) -> None:
    if one.result.budget != two.result.budget:
        raise Clash(
            f"{path} had a budget of {one.result.budget} and {other} one of {two.result.budget}; solvers are compared "
            "at one budget. Make a report of each"
        )


def _one_solver_each(runs: Sequence[tuple[Run, Path]]) -> None:
    seen: dict[str, tuple[Run, Path]] = {}
    for run, path in runs:
        first, other = seen.setdefault(run.label, (run, path))
        if (first.result.solver, first.settings_digest) != (run.result.solver, run.settings_digest):
            raise Clash(
                f"{run.label!r} is {first.result.solver} with settings {first.result.settings} in {other}, and "
                f"{run.result.solver} with settings {run.result.settings} in {path}; run one of them under another label"
            )
        if first.result.software.get(CODE) != run.result.software.get(CODE):
            raise Clash(
                f"{run.label!r} ran with other code in {path} than in {other}; run one of them again, or under another label"
            )


def _same_problem(result: Result, path: Path, problems: Problems) -> None:
    fingerprint = problems[result.task].fingerprint() or ""
    if result.problem_fingerprint != fingerprint:
        raise Clash(
            f"{path} is of another problem than {result.task!r} is now (fingerprint {result.problem_fingerprint[:12] or 'none'}, "
            f"now {fingerprint[:12] or 'none'}): costs, accuracies or objective have changed. `dance verify` says how much; "
            "install the version that wrote it, or run it again"
        )
