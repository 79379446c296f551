"""Solvers for a cluster's tests; loaded by path, as a user's would be."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from solvers import Solver


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@dataclass(frozen=True)
class Slow(Solver):
    """Notes on which host (by its raylet's process) it has begun, and waits until the file `go` is beside its note."""

    name = "slow"
    notes: str = ""

    def search(self, problem, rng):
        Path(self.notes, f"{os.getpid()}-{os.environ.get('RAY_RAYLET_PID', '')}").touch()
        problem.evaluate(problem.space.sample(rng, 5))
        while not Path(self.notes, "go").exists():
            time.sleep(0.02)
        problem.evaluate(problem.space.sample(rng, 5))


@dataclass(frozen=True)
class KillsWorker(Solver):
    """Kills the Ray worker that its run came from."""

    name = "kills-worker"
    notes: str = ""

    def search(self, problem, rng):
        Path(self.notes, f"{os.getpid()}-tried").touch()
        problem.evaluate(problem.space.sample(rng, 5))
        os.kill(parent_of(os.getppid()), signal.SIGKILL)
        time.sleep(3600)


@dataclass(frozen=True)
class Threads(Solver):
    """Fails unless its process is its own and has one thread."""

    name = "threads"
    seen = False

    def search(self, problem, rng):
        assert not Threads.seen, "another run's state"
        Threads.seen = True
        assert {os.environ[name] for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")} == {"1"}
        problem.evaluate(problem.space.sample(rng, 5))
