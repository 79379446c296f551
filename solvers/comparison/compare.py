"""One comparison: every solver, every seed, every task; each run a record on disk, so that a stopped one resumes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dance_env.analysis.exact import MAX_DESIGNS, optimum
from dance_env.problem import Problem
from solvers.comparison.plan import Cell, plan
from solvers.comparison.records import keep, recorded
from solvers.comparison.reference import Reference
from solvers.comparison.run import Comparison, Run, TaskRuns
from solvers.comparison.settings import Settings
from solvers.comparison.workers import run_cells
from solvers.contract.progress import Progress
from solvers.contract.result import Result, Status


@dataclass(frozen=True, kw_only=True)
class Listener:
    """What a comparison reports while it runs; every part is optional.

    Attributes:
        on_cell: Called with each finished cell, those found on record first.
        on_progress: Called with how far a running cell is.
        on_table: Called with (layers done, layers in all) where a task's cost table has to be built first.
        on_optimum: Called with (networks done, networks in all) where an exact optimum has to be found first.
    """

    on_cell: Callable[[Cell, Result], object] | None = None
    on_progress: Callable[[Cell, Progress], object] | None = None
    on_table: Callable[[int, int], None] | None = None
    on_optimum: Callable[[int, int], None] | None = None


def compare(settings: Settings, *, listener: Listener | None = None) -> Comparison:
    """Run what is not yet on record, and gather everything.

    Args:
        settings: What is compared.
        listener: What to report to while it runs.

    Raises:
        OSError: If the output folder cannot be written.
        ValueError: If a task or a solver is unknown (the nearest names are offered), a solver does not suit a task, or
            a supernet is missing or another task's.
        KeyboardInterrupt: If interrupted; finished cells are on record, and the same call goes on from there.
    """
    listener = listener or Listener()
    check_writable(settings.out)
    problems = _problems(settings, listener)
    planned = plan(settings, problems)
    optima = {
        task: Reference.of(optimum(problem, progress=listener.on_optimum))
        for task, problem in problems.items()
        if problem.space.size <= MAX_DESIGNS
    }
    results: dict[Cell, Result] = {}

    def ended(cell: Cell, result: Result) -> None:
        results[cell] = result
        if listener.on_cell is not None:
            listener.on_cell(cell, result)

    for cell in planned.cells:
        if (result := recorded(cell, problems[cell.task])) is not None:
            ended(cell, result)
    # Seed by seed, so that what a solver prepares in its first run (an evaluator) is there when its second one starts.
    order = {seed: place for place, seed in enumerate(settings.seeds)}
    missing = sorted((cell for cell in planned.cells if cell not in results), key=lambda cell: order[cell.seed])
    for cell, result in run_cells(missing, workers=settings.workers, on_progress=listener.on_progress):
        if result.status is Status.INTERRUPTED:
            raise KeyboardInterrupt
        ended(cell, keep(cell, result))
    return Comparison(
        settings,
        tuple(
            _task_runs(task, problem, optima.get(task), [(cell, results[cell]) for cell in planned.cells])
            for task, problem in problems.items()
        ),
        planned.left_out,
    )


def _problems(settings: Settings, listener: Listener) -> Mapping[str, Problem]:
    """The problem of each task, by its own name."""
    problems: dict[str, Problem] = {}
    for task in settings.task_list:
        problem = settings.sources.problem(task, progress=listener.on_table)
        if problem.name in problems:
            raise ValueError(f"two of the tasks are both called {problem.name!r}; compare one of them, or rename it")
        problems[problem.name] = problem
    return problems


def _task_runs(
    task: str, problem: Problem, reference: Reference | None, ended: Sequence[tuple[Cell, Result]]
) -> TaskRuns:
    runs = tuple(
        Run(
            task,
            cell.label,
            cell.contestant.settings_digest,
            cell.contestant.solver.capabilities.needs_enumeration,
            result,
        )
        for cell, result in ended
        if cell.task == task
    )
    return TaskRuns(task, problem, reference or Reference.best_known(run.result for run in runs), runs)


def check_writable(folder: Path) -> None:
    """Find out before the work, not after it, whether `folder` can be written.

    Raises:
        OSError: If it cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(
            error.errno, f"cannot write into the output folder {folder}: {error.strerror}; give another one"
        ) from error
