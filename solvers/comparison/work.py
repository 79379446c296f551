"""What is done for one cell, in whatever process: make the solver and the problem, run, and report how it ended."""

from __future__ import annotations

import pickle
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib import __import__ as import_by
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import cloudpickle

from dance_env.perturbations import split_task
from dance_env.problem import Problem
from dance_env.source_digest import digested_modules, read_source, source_digest
from dance_env.source_outline import Import, Outline
from dance_env.tasks import is_made_by_user, task_names
from solvers.comparison.plan import Cell
from solvers.comparison.processes import child
from solvers.comparison.sources import Sources
from solvers.comparison.spec import SolverSpec
from solvers.contract.budget import Budget
from solvers.contract.failure import TimeLimit, reason_of, traceback_of
from solvers.contract.nesting import with_inner
from solvers.contract.progress import Callback, Progress
from solvers.contract.result import Result
from solvers.contract.solver import SolverFailed

_SECONDS_BETWEEN_REPORTS = 0.2
_OURS = ("dance_env", "solvers")
_IMPORTED_LATE = ("torch._dynamo", "stable_baselines3")
"""What solvers of ours import when they search: an optimizer of torch's, PPO."""
_OFTEN_USED = ("torch", "stable_baselines3")
"""Packages of a second or more that solvers of users import, and that start no thread when they are imported."""

_prepared: dict[tuple[str, Sources], Problem] = {}
"""In a process that runs are forked from, and so in theirs: the problems that it has made. It lives for one comparison."""


@dataclass(frozen=True, eq=False)
class Job:
    """What a process needs to know of a cell."""

    spec: SolverSpec
    problem: str | Problem
    sources: Sources
    seed: int
    budget: Budget


@dataclass(frozen=True, eq=False)
class Attempt:
    """How a job ended.

    Attributes:
        result: The result; None where the search did not begin.
        reason: Why there is none.
        traceback: Of the error, where one is known.
    """

    result: Result | None
    reason: str = ""
    traceback: str = ""


def pack(cell: Cell) -> bytes:
    """Return a cell's job as bytes for another process; a solver of a script or a notebook goes with its class."""
    spec = cell.contestant.spec
    job = Job(spec, cell.problem, cell.sources, cell.seed, cell.budget)
    with ExitStack() as stack:
        for each in with_inner(cell.contestant.solver):
            stack.enter_context(_by_value(type(each).__module__))
        return cloudpickle.dumps(job)


def run_job(packed: bytes) -> Attempt:
    """Run a packed job in this process; whatever it raises but an interrupt is in the attempt."""
    try:
        job: Job = pickle.loads(packed)
        solver, problem = job.spec.make(), _problem(job)
        callback = None if child.report is None else _Throttled(child.report)
        return Attempt(solver.solve(problem, budget=job.budget, seed=job.seed, callback=callback))
    except SolverFailed as failure:
        return Attempt(failure.result)
    except (KeyboardInterrupt, TimeLimit):
        raise
    except BaseException as error:
        return Attempt(None, reason_of(error), traceback_of(error))


def _problem(job: Job) -> Problem:
    prepared = _prepared.get((job.problem, job.sources)) if isinstance(job.problem, str) else None
    return prepared or job.sources.problem(job.problem)


class _Throttled:
    """A solver's callback that passes on one report in a while, and always the last of a budget."""

    def __init__(self, report: Callback) -> None:
        self._report, self._next = report, 0.0

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if now >= self._next or progress.fraction >= 1.0:
            self._next = now + _SECONDS_BETWEEN_REPORTS
            self._report(progress)


def preparation(cells: Sequence[Cell]) -> Callable[[], None]:
    """Return what loads, once for all cells, what they have in common: modules, tasks, digests of code.

    It runs nothing that belongs to a user (files given by path, plug-ins, problems from Python), only what a solver of
    theirs uses of this library, and torch. It leaves out supernets, whose libraries start threads: a process with threads
    is not safe to fork.
    """
    kinds = {type(each).__module__ for cell in cells for each in with_inner(cell.contestant.solver)}
    solvers = sorted(filter(_is_ours, kinds))
    late = [name for name in _IMPORTED_LATE if any(name.split(".")[0] in digested_modules(each) for each in solvers)]
    others = [kind for kind in kinds if not _is_ours(kind)]
    imports = sorted({each for kind in others for each in _imports_of_user(kind)}, key=str)
    digested = sorted({*solvers, *(name for kind in others for name in _digested(kind))})
    tasks = {
        cell.problem
        for cell in cells
        if isinstance(cell.problem, str)
        and not is_made_by_user(split_task(cell.problem)[0])
        and cell.sources.supernet is None
    }
    simple = sorted(
        task for task in tasks if split_task(task)[0].partition("@")[0] not in task_names(needs_supernet=True)
    )
    return partial(_prepare, solvers, imports, digested, late, simple, cells[0].sources if cells else Sources())


def _prepare(
    solvers: Sequence[str],
    imports: Sequence[Import],
    digested: Sequence[str],
    late: Sequence[str],
    tasks: Sequence[str],
    sources: Sources,
) -> None:
    for each in (*imports, *(Import(solver, None) for solver in solvers)):
        with suppress(Exception):  # whoever needs it will say what is wrong
            import_by(each.module, fromlist=() if each.name is None else (each.name,))
    source_digest(*digested)  # the text of each module is read and parsed once, and not in each run
    for module in late if "torch" in sys.modules else ():
        with suppress(Exception):
            import_module(module)
    for task in tasks:
        with suppress(Exception):
            problem = sources.problem(task)
            problem.fingerprint()  # which it keeps
            _prepared[task, sources] = problem


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] in _OURS


def _imports_of_user(kind: str) -> set[Import]:
    """Return what the modules of a user's solver import of this library and of `_OFTEN_USED`, by the solver's module."""
    top = kind.partition(".")[0]  # of a file: the package that stands for its folder
    modules = [module for name, module in sys.modules.items() if name.partition(".")[0] == top]
    files = [file for each in modules if (file := getattr(each, "__file__", None) or "").endswith(".py")]
    imports = {each for file in files for each in Outline.of(read_source(Path(file))).imports}
    return {
        each
        for each in imports
        if (_is_ours(each.module) or each.module.partition(".")[0] in _OFTEN_USED)
        and not (each.level or each.for_types)
    }


def _digested(kind: str) -> set[str]:
    """Return the modules of this library that the digest of a user's solver looks at; none where that is not defined in a file."""
    try:
        return {name for name in digested_modules(kind) if _is_ours(name) and not name.endswith(".__init__")}
    except ValueError:
        return set()


@contextmanager
def _by_value(name: str | None) -> Iterator[None]:
    """Pickle classes of a module by value inside, where another process could not import it (a file given by path)."""
    module = sys.modules.get(name or "")
    if module is None or name == "__main__" or _importable(name or ""):
        yield
        return
    module = sys.modules.get((name or "").partition(".")[0], module)  # a file's folder: the modules beside it go along
    cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        cloudpickle.unregister_pickle_by_value(module)


def _importable(name: str) -> bool:
    if name.partition(".")[0].startswith("_dance_"):  # loaded by path, see `dance_env.from_file`
        return False
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False
