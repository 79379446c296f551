"""One comparison: every solver, every seed, every task; each run a record on disk, so that a stopped one resumes."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing
from pathlib import Path

from dance_env.problem import Problem
from dance_env.source_digest import forget
from solvers.comparison.archive.best_known import BestKnown, best_known_of
from solvers.comparison.archive.manifest import write_manifest
from solvers.comparison.execution import own_executor, run_cells
from solvers.comparison.judging import judged
from solvers.comparison.listener import Listener
from solvers.comparison.plan import Cell, plan
from solvers.comparison.processes.isolating import IsolatingExecutor
from solvers.comparison.records import keep, recorded
from solvers.comparison.reference import Reference, optimum_reference
from solvers.comparison.run import Comparison, Run, TaskRuns
from solvers.comparison.settings import Settings
from solvers.contract.result import Result


def compare(settings: Settings, *, executor: Executor | None = None, listener: Listener | None = None) -> Comparison:
    """Run what is not yet on record, and gather everything.

    A run that fails or takes too long is a result like the others, on record with its reason and its traceback; the
    same call tries it again.

    Args:
        settings: What is compared.
        executor: Where the runs go on; by default each has a process of its own on this machine, `settings.workers` at
            a time, within `settings.timeout_s`, or on the cluster that `settings.ray` names. Any
            `concurrent.futures.Executor` will do, such as one of loky or Dask, whose workers can import this library and
            read the same files; threads will not do for solvers that use global state, such as PPO. It is left open.
        listener: What to report to while it runs.

    Raises:
        ImportError: If `settings.ray` is given, and Ray is not installed.
        OSError: If the output folder cannot be written, or the cluster of `settings.ray` cannot be reached.
        ValueError: If a task or a solver is unknown (the nearest names are offered), a solver does not suit a task, a
            supernet is missing or another task's, or there are both an executor and a time limit.
        KeyboardInterrupt: If interrupted; finished cells are on record, and the same call goes on from there.
    """
    listener = listener or Listener()
    if executor is not None and settings.timeout_s is not None:
        raise ValueError("a time limit needs the default executor; set the limit of yours where you make it")
    forget()  # processes to come run the code as it now is
    check_writable(settings.out)
    problems = _problems(settings, listener)
    planned = plan(settings, problems)
    known = BestKnown.read(settings.out)
    optima = {task: optimum_reference(each, progress=listener.on_optimum) for task, each in problems.items()}
    results: dict[Cell, Result] = {}
    for cell in planned.cells:
        if (result := recorded(cell, problems[cell.task])) is not None:
            results[cell] = result
            listener.ended(cell, result)
    write_manifest(settings, planned, problems, results)
    # Seed by seed, so that what a solver prepares in its first run (an evaluator) is there when its second one starts.
    order = {seed: place for place, seed in enumerate(settings.seeds)}
    missing = sorted((cell for cell in planned.cells if cell not in results), key=lambda cell: order[cell.seed])
    with closing(_ended_runs(missing, settings, problems, executor, listener)) as running:
        for cell, result in running:
            results[cell] = keep(cell, result)
            listener.ended(cell, results[cell])
    ended = [(cell, results[cell]) for cell in planned.cells]
    tasks = tuple(_task_runs(task, each, optima[task], known, ended) for task, each in problems.items())
    known.with_results(result for _, result in ended).write(settings.out)
    write_manifest(settings, planned, problems, results, {each.task: str(each.reference) for each in tasks})
    return Comparison(settings, tasks, planned.left_out)


def _ended_runs(
    cells: Sequence[Cell],
    settings: Settings,
    problems: Mapping[str, Problem],
    executor: Executor | None,
    listener: Listener,
) -> Generator[tuple[Cell, Result]]:
    """Each cell with its result as it ends; an executor of our own lives as long, and dies with an interrupt."""
    if not cells:
        return
    if executor is not None:
        yield from run_cells(cells, problems, executor, listener)
        return
    own = own_executor(settings, cells)
    try:
        yield from run_cells(cells, problems, own, listener)
    except BaseException:
        if isinstance(own, IsolatingExecutor):
            own.kill()
        own.shutdown(cancel_futures=True)
        raise
    own.shutdown()


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
    task: str, problem: Problem, reference: Reference | None, known: BestKnown, ended: Sequence[tuple[Cell, Result]]
) -> TaskRuns:
    runs = tuple(
        Run(task, cell.label, cell.contestant.settings_digest, judged(result, problem))
        for cell, result in ended
        if cell.task == task
    )
    quiet = problem.without_noise
    known_best = reference or best_known_of(quiet, [run.result for run in runs], [known])
    return TaskRuns(task, quiet, known_best, runs)


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
