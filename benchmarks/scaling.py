"""How a comparison scales: cells per second with more workers, and what the driver itself costs with more cells.

    python benchmarks/scaling.py                              # 1, 2, 4, 8 workers of this machine; 100 to 10,000 cells
    python benchmarks/scaling.py --ray                        # the same workers as processors of a Ray cluster made here
    python benchmarks/scaling.py --cells 1000 --workers 2
    python benchmarks/scaling.py --workers --no-runs          # the driver alone: 10,000 cells in a minute

A cell is simulated: it waits instead of computing, so that more workers than processors can be measured, then evaluates a
few designs of `tiny`. *Efficiency* is cells per second over workers / wait. *Driver* is processor time of the driver's
process alone: plan, dispatch, records, and gathering; reports are not made. *Memory* is the driver's peak. With
`--no-runs` one cell runs, and all others are answered with its result under their seed: no process is made, and the wall
time is the driver's.
"""

from __future__ import annotations

import argparse
import json
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from solvers import Capabilities, Settings, Solver, SolverSpec, compare
from solvers.contract.metered_problem import MeteredProblem

WAIT_S = 0.05


@dataclass(frozen=True, kw_only=True)
class Waiting(Solver):
    """Waits as long as a cell is to take, then evaluates random designs.

    Attributes:
        wait_s: Seconds.
        designs: How many designs.
    """

    name: ClassVar[str] = "waiting"
    capabilities: ClassVar[Capabilities] = Capabilities()

    wait_s: float = WAIT_S
    designs: int = 10

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Wait, then evaluate."""
        time.sleep(self.wait_s)
        problem.evaluate(problem.space.sample(rng, self.designs))


@dataclass(frozen=True)
class Measured:
    """One comparison.

    Attributes:
        workers, cells: Of the comparison.
        wall_s: From its call to its return.
        driver_s: Processor time of the driver.
        memory_mb: The driver's peak.
        resumed_s: Wall-clock seconds of the same call with all records on disk.
    """

    workers: int
    cells: int
    wall_s: float
    driver_s: float
    memory_mb: float
    resumed_s: float


class Answering(Executor):
    """Makes the first call, and answers every other one with its result under the seed that it asks for."""

    def __init__(self) -> None:
        self._first = b""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Return a future that has ended."""
        (packed,) = args
        self._first = self._first or pickle.dumps(fn(packed))
        answer = pickle.loads(self._first)  # arrays of its own, as from another process
        future: Future[Any] = Future()
        future.set_result(replace(answer, result=replace(answer.result, seed=pickle.loads(packed).seed)))
        return future


def measure(workers: int, cells: int, *, wait_s: float, ray: bool, runs: bool = True) -> Measured:
    """Measure one comparison in a process of its own, so that its peak of memory is its own."""
    command = [sys.executable, __file__, "--one", json.dumps([workers, cells, wait_s, ray, runs])]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # errors go to the terminal
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def _one(workers: int, cells: int, wait_s: float, ray: bool, runs: bool) -> None:
    import resource

    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            "tiny",
            [SolverSpec(f"{Path(__file__).resolve()}:Waiting", {"wait_s": wait_s})],
            range(cells),
            100,
            Path(folder),
            workers=workers,
            ray="local" if ray else None,
        )
        began, used = time.perf_counter(), time.process_time()
        comparison = compare(settings, executor=None if runs else Answering())
        wall, driver = time.perf_counter() - began, time.process_time() - used
        failed = [run.result.reason for task in comparison.tasks for run in task.runs if not run.result.status.complete]
        if failed:
            raise SystemExit(f"{len(failed)} of {cells} cells failed, the first: {failed[0]}")
        began = time.perf_counter()
        compare(settings)
        resumed = time.perf_counter() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    print(json.dumps(vars(Measured(workers, cells, wall, driver, memory, resumed))))


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, and print a table of workers and one of cells."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2, 4, 8], help="side by side (default: 1 2 4 8)")
    parser.add_argument("--per-worker", type=int, default=40, help="cells for each worker (default: %(default)s)")
    parser.add_argument("--cells", type=int, nargs="*", default=[100, 1000, 10_000], help="default: 100 1000 10000")
    parser.add_argument("--wait", type=float, default=1.0, help="seconds of a cell in the first table (default: 1)")
    parser.add_argument("--ray", action="store_true", help="on a Ray cluster made here (needs dance-env[ray])")
    parser.add_argument("--no-runs", action="store_true", help="the second table is of the driver alone")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    asked = parser.parse_args(argv)
    if asked.one is not None:
        _one(*json.loads(asked.one))
        return 0
    if asked.workers:
        print("| workers | cells | wall s | cells/s | efficiency |\n| ---: | ---: | ---: | ---: | ---: |", flush=True)
    for workers in asked.workers:
        each = measure(workers, asked.per_worker * workers, wait_s=asked.wait, ray=asked.ray)
        rate = each.cells / each.wall_s
        print(
            f"| {workers} | {each.cells:,} | {each.wall_s:.1f} | {rate:.2f} | {rate * asked.wait / workers:.0%} |",
            flush=True,
        )
    print("\n| cells | wall s | cells/s | driver, ms a cell | memory, MB | resumed in s |", flush=True)
    print("| ---: | ---: | ---: | ---: | ---: | ---: |", flush=True)
    for cells in asked.cells:
        workers = max(asked.workers, default=2)
        each = measure(workers, cells, wait_s=0.0, ray=asked.ray, runs=not asked.no_runs)
        print(
            f"| {cells:,} | {each.wall_s:.1f} | {cells / each.wall_s:.1f} | {1e3 * each.driver_s / cells:.2f} | "
            f"{each.memory_mb:.0f} | {each.resumed_s:.1f} |",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
