"""Cells run by an executor: each ends in a result, whatever its process did."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from multiprocessing import get_context
from queue import Empty, SimpleQueue

import numpy as np

from dance_env.problem import Problem
from solvers.comparison.cluster.executor import RayExecutor
from solvers.comparison.listener import Listener
from solvers.comparison.plan import Cell
from solvers.comparison.processes.executor import ProcessPerCall
from solvers.comparison.processes.isolating import CallFailed, IsolatingExecutor
from solvers.comparison.settings import Settings
from solvers.comparison.work import Attempt, pack, preparation, run_job
from solvers.contract.failure import reason_of, traceback_of
from solvers.contract.ledger import Ledger
from solvers.contract.record.trace import COLUMNS, Trace
from solvers.contract.result import Result, Status
from solvers.contract.settings import json_settings

_SECONDS_BETWEEN_REPORTS = 0.2
_LOOKED_AT = 256
"""So many of the first cells that have not started are asked whether they have: executors start them in about this order."""


def own_executor(settings: Settings, cells: Sequence[Cell]) -> Executor:
    """Return an executor that gives each run a process of its own.

    With `settings.ray`, on a Ray cluster. Where the system cannot fork (Windows) it is the standard library's, which knows
    no time limit.

    Args:
        settings: Where the runs go on, how many side by side, and how long one may take.
        cells: What will run, to load once what they have in common.

    Raises:
        ImportError: If the runs go to a Ray cluster, and Ray is not installed.
        OSError: If that cluster cannot be reached.
        ValueError: If there is a time limit, and the system cannot fork.
    """
    if settings.ray is not None:
        return RayExecutor(
            settings.ray,
            workers=settings.workers,
            timeout_s=settings.timeout_s,
            prepare=preparation(cells),
            gpu=settings.sources.device.startswith("cuda"),
        )
    if hasattr(os, "fork") and hasattr(os, "waitid"):
        return ProcessPerCall(settings.workers, timeout_s=settings.timeout_s, prepare=preparation(cells))
    if settings.timeout_s is not None:
        raise ValueError("a time limit needs a system that can fork; run without --timeout here")
    return ProcessPoolExecutor(settings.workers, get_context("spawn"), max_tasks_per_child=1)


def run_cells(
    cells: Sequence[Cell], problems: Mapping[str, Problem], executor: Executor, listener: Listener
) -> Iterator[tuple[Cell, Result]]:
    """Run cells and yield each with its result as it ends.

    Args:
        cells: What to run.
        problems: The problem of each task.
        executor: Where to run them: calls of `run_job`.
        listener: What to report to.

    Raises:
        KeyboardInterrupt: If a run was interrupted.
    """
    ended: SimpleQueue[Future[Attempt]] = SimpleQueue()  # `wait` would go over all futures each time that one ends
    waiting: dict[Future[Attempt], Cell] = {}
    for cell in cells:
        future = _submit(executor, cell)
        waiting[future] = cell
        future.add_done_callback(ended.put)
    not_started = dict.fromkeys(waiting)
    while waiting:
        done = _next_ended(ended)
        for future in [each for each in islice(not_started, _LOOKED_AT) if each.running() or each.done()]:
            del not_started[future]
            if future in waiting and future not in done:
                listener.started(waiting[future])
        if isinstance(executor, IsolatingExecutor):
            for future, progress in executor.reports():
                if future in waiting:
                    listener.progressed(waiting[future], progress)
        for future in done:
            cell = waiting.pop(future)
            yield cell, _result(future, cell, problems[cell.task], isolated=isinstance(executor, IsolatingExecutor))


def _next_ended(ended: SimpleQueue[Future[Attempt]]) -> list[Future[Attempt]]:
    """What has ended since the last time, in that order; empty where nothing has for a while."""
    done = []
    with suppress(Empty):
        done.append(ended.get(timeout=_SECONDS_BETWEEN_REPORTS))
        while True:
            done.append(ended.get_nowait())
    return done


def _submit(executor: Executor, cell: Cell) -> Future[Attempt]:
    try:
        return executor.submit(run_job, pack(cell))
    except Exception as error:  # a pool that an earlier run has broken, a solver that cannot be pickled
        refused: Future[Attempt] = Future()
        refused.set_exception(error)
        return refused


def _result(future: Future[Attempt], cell: Cell, problem: Problem, *, isolated: bool) -> Result:
    """The result of a cell that has ended, however it did."""
    try:
        attempt = future.result()
    except CallFailed as failure:
        found = failure.answer.result if isinstance(failure.answer, Attempt) else None
        if found is None or not failure.timed_out:
            status = Status.TIMED_OUT if failure.timed_out else Status.FAILED
            return _nothing(cell, problem, status, str(failure), failure.traceback, failure.seconds)
        # One that ended by itself, just when it was asked to, is as good as any.
        return found if found.status.complete else replace(found, status=Status.TIMED_OUT, reason=str(failure))
    except Exception as error:
        return _nothing(cell, problem, Status.FAILED, reason_of(error), traceback_of(error))
    found = attempt.result
    if found is None:
        return _nothing(cell, problem, Status.FAILED, attempt.reason, attempt.traceback)
    if found.status is Status.INTERRUPTED and not isolated:
        raise KeyboardInterrupt
    if found.status is Status.INTERRUPTED:
        # Ctrl-C does not reach a process of its own: it was the solver, or a library of its, that raised.
        return replace(found, status=Status.FAILED, reason="KeyboardInterrupt: raised by the solver")
    return replace(found, status=Status.FAILED) if found.status is Status.TIMED_OUT else found


def _nothing(cell: Cell, problem: Problem, status: Status, reason: str, traceback: str, seconds: float = 0.0) -> Result:
    """The result of a run that could not hand one over."""
    solver = cell.contestant.solver
    return Result(
        solver=solver.name,
        settings=json_settings(solver),
        seed=cell.seed,
        budget=cell.budget,
        task=problem.name,
        problem_fingerprint=problem.fingerprint() or "",
        status=status,
        reason=reason,
        ledger=Ledger(solver_seconds=seconds),
        trace=Trace(
            designs=np.empty((0, problem.space.num_choices), np.int64),
            **{name: np.empty(0, dtype) for name, dtype in COLUMNS.items()},
        ),
        best_named={},
        software=dict(cell.contestant.software),
        traceback=traceback,
        deterministic=solver.capabilities.deterministic,
    )
