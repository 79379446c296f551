"""Cells run side by side in processes of their own; one, two or N workers leave the same records."""

from __future__ import annotations

import multiprocessing
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from solvers.comparison.plan import Cell
from solvers.comparison.work import Attempt, pack, run_job
from solvers.contract.progress import Progress
from solvers.contract.result import Result

OnProgress = Callable[[Cell, Progress], object]

_SECONDS_BETWEEN_REPORTS = 0.2
ONE_THREAD_EACH = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""What a worker's environment sets to 1."""

_reports: Any = None  # in a worker process: where it tells its progress


def run_cells(
    cells: Sequence[Cell], *, workers: int, on_progress: OnProgress | None = None
) -> Iterator[tuple[Cell, Result]]:
    """Run cells and yield each with its result as it ends.

    Args:
        cells: what to run.
        workers: processes; with one, the cells run here, in order.
        on_progress: told how far each running cell is, a few times a second.

    Raises:
        ChildProcessError: a worker was killed from outside, for want of memory for example.
    """
    if workers == 1 or len(cells) < 2:
        for cell in cells:
            yield cell, _result(run_job(pack(cell), _Reporter(cell, on_progress) if on_progress else None))
        return
    context = multiprocessing.get_context("spawn")
    reports = context.Queue()
    with _one_thread_each():
        pool = ProcessPoolExecutor(min(workers, len(cells)), context, _start_worker, (reports,))
        try:
            yield from _gather(pool, cells, reports, on_progress)
        except BaseException as error:
            for process in list((pool._processes or {}).values()):
                process.terminate()
            pool.shutdown(wait=False, cancel_futures=True)
            if isinstance(error, BrokenProcessPool):
                raise ChildProcessError(
                    "a worker process was killed, perhaps for want of memory; cells that had finished are on record: "
                    "run the same again, with fewer workers if memory is short"
                ) from error
            raise
        pool.shutdown()


def _gather(
    pool: ProcessPoolExecutor, cells: Sequence[Cell], reports: Any, on_progress: OnProgress | None
) -> Iterator[tuple[Cell, Result]]:
    running: dict[Future[Attempt], Cell] = {
        pool.submit(_run_in_worker, number, pack(cell)): cell for number, cell in enumerate(cells)
    }
    while running:
        done, _ = wait(running, timeout=_SECONDS_BETWEEN_REPORTS, return_when=FIRST_COMPLETED)
        for number, progress in _drain(reports):
            if on_progress is not None:
                on_progress(cells[number], progress)
        for future in done:
            yield running.pop(future), _result(future.result())


def _drain(reports: Any) -> Iterator[tuple[int, Progress]]:
    while True:
        try:
            yield reports.get_nowait()
        except queue.Empty:
            return


def _start_worker(reports: Any) -> None:
    global _reports
    _reports = reports
    _reports.cancel_join_thread()  # reports that nobody reads any more do not keep a worker from ending
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker has a parent"
    parent.join()
    os._exit(1)


def _run_in_worker(number: int, packed: bytes) -> Attempt:
    return run_job(packed, _Reporter(number, lambda _, progress: _reports.put((number, progress))))


def _result(attempt: Attempt) -> Result:
    assert attempt.result is not None, "a search that began has a result"
    return attempt.result


class _Reporter:
    """A solver's callback that passes on one report in a while, and always the last of a budget."""

    def __init__(self, cell: Any, report: Callable[[Any, Progress], object]) -> None:
        self._cell, self._report, self._next = cell, report, 0.0

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if now >= self._next or progress.fraction >= 1.0:
            self._next = now + _SECONDS_BETWEEN_REPORTS
            self._report(self._cell, progress)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Children inherit one thread each: on a busy machine two threads ran RL 15 to 26 times slower than one."""
    before = {name: os.environ.get(name) for name in ONE_THREAD_EACH}
    os.environ.update(dict.fromkeys(ONE_THREAD_EACH, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
