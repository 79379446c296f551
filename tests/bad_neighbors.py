"""Solvers that harm the process they run in; loaded by path, as a user's would be."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from solvers import Solver


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class Panic(BaseException):
    """As PyO3 raises."""


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def endless() -> list[Any]:
    values: list[Any] = []
    values.append(values)
    return values


class Bad(Solver):
    """Evaluates five designs, and then does what its class does."""

    def search(self, problem, rng):
        problem.evaluate(problem.space.sample(rng, 5))
        self.harm(problem)

    def harm(self, problem):
        raise NotImplementedError


@dataclass(frozen=True)
class Exit0(Bad):
    name = "exit-0"

    def harm(self, problem):
        os._exit(0)


@dataclass(frozen=True)
class Exit7(Bad):
    name = "exit-7"

    def harm(self, problem):
        os._exit(7)


@dataclass(frozen=True)
class SysExit(Bad):
    name = "sys-exit"

    def harm(self, problem):
        sys.exit(3)


@dataclass(frozen=True)
class Segfault(Bad):
    name = "segfault"

    def harm(self, problem):
        ctypes.string_at(0)


@dataclass(frozen=True)
class Abort(Bad):
    name = "abort"

    def harm(self, problem):
        os.abort()


@dataclass(frozen=True)
class Killed(Bad):
    name = "killed"

    def harm(self, problem):
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Terminated(Bad):
    name = "terminated"

    def harm(self, problem):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)


@dataclass(frozen=True)
class Panics(Bad):
    name = "panics"

    def harm(self, problem):
        raise Panic("a panic of Rust's")


@dataclass(frozen=True)
class ExitsGenerator(Bad):
    name = "generator-exit"

    def harm(self, problem):
        raise GeneratorExit


@dataclass(frozen=True)
class Interrupts(Bad):
    name = "interrupts"

    def harm(self, problem):
        raise KeyboardInterrupt


@dataclass(frozen=True)
class RaisesUnspeakable(Bad):
    name = "unspeakable"

    def harm(self, problem):
        raise Unspeakable


@dataclass(frozen=True)
class Fails(Bad):
    name = "fails"

    def harm(self, problem):
        raise ValueError("of its own")


@dataclass(frozen=True)
class AsksForNaN(Bad):
    name = "nan"

    def harm(self, problem):
        problem.evaluate(problem.space.sample(problem_rng(), 2) * float("nan"))


def problem_rng():
    import numpy as np

    return np.random.default_rng(0)


@dataclass(frozen=True)
class ClosesDescriptors(Bad):
    name = "closes-descriptors"

    def harm(self, problem):
        os.closerange(3, 256)


@dataclass(frozen=True)
class FailsInWorker(Bad):
    name = "fails-in-worker"

    def __post_init__(self):
        if "solvers.comparison.processes.server" in sys.modules:
            raise RuntimeError("not here")

    def harm(self, problem):
        pass


@dataclass(frozen=True)
class Sleeps(Bad):
    """Notes its process's number first, in a file of its name in the folder `notes`."""

    name = "sleeps"
    notes: str = ""

    def harm(self, problem):
        Path(self.notes, self.name).write_text(f"{os.getpid()} ")
        time.sleep(3600)


@dataclass(frozen=True)
class SleepsOn(Bad):
    """Notes its process's number as `Sleeps` does, and that of one which leaves its group; takes no hint."""

    name = "sleeps-on"
    notes: str = ""

    def harm(self, problem):
        other = os.fork()
        if other == 0:
            os.setsid()
            time.sleep(3600)
        Path(self.notes, self.name).write_text(f"{os.getpid()} {other} ")
        while True:
            try:
                time.sleep(600)
            except BaseException:
                continue


@dataclass(frozen=True)
class LeavesThread(Bad):
    name = "leaves-thread"

    def harm(self, problem):
        threading.Thread(target=time.sleep, args=(600,)).start()


@dataclass(frozen=True)
class LeavesProcess(Bad):
    """Leaves a process in its group, and one that left it."""

    name = "leaves-process"

    def harm(self, problem):
        if os.fork() == 0:
            if os.fork() == 0:
                os.setsid()
            time.sleep(600)


@dataclass(frozen=True)
class ForksOn(Bad):
    """Both processes go on with the run."""

    name = "forks-on"

    def harm(self, problem):
        os.fork()


@dataclass(frozen=True)
class ChangesFolder(Bad):
    name = "changes-folder"

    def harm(self, problem):
        os.chdir("/")


@dataclass(frozen=True)
class ChangesEnvironment(Bad):
    name = "changes-environment"

    def harm(self, problem):
        os.environ["DANCE_NAS_BENCH_MACRO"] = "/nope"
        os.environ["PATH"] = ""
        sys.setrecursionlimit(60)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        signal.signal(signal.SIGALRM, signal.SIG_IGN)


@dataclass(frozen=True)
class Prints(Bad):
    name = "prints"

    def harm(self, problem):
        sys.stdout.write("x" * 2_000_000)
        sys.stderr.write("x" * 2_000_000)


@dataclass(frozen=True)
class UnprintableSetting(Bad):
    name = "unprintable-setting"
    value: Any = field(default_factory=Unprintable)

    def harm(self, problem):
        pass


@dataclass(frozen=True)
class EndlessSetting(Bad):
    name = "endless-setting"
    value: Any = field(default_factory=endless)

    def harm(self, problem):
        pass


@dataclass(frozen=True)
class EditsInput(Bad):
    """Writes into whatever it gave and got, where it is let."""

    name = "edits-input"

    def harm(self, problem):
        designs = problem.space.sample(problem_rng(), 4)
        networks = designs[:2, problem.space.network].copy()
        evaluations = [problem.evaluate(designs), problem.evaluate_networks(networks)]
        costs = [problem.costs.on_all_hardware(networks), *(each.cost for each in evaluations)]
        arrays = [designs, networks, problem.space.option_counts, problem.space.offsets, problem.costs.area_mm2]
        arrays += [getattr(each, name) for each in evaluations for name in ("objective", "accuracy", "violation")]
        arrays += [getattr(each, name) for each in costs for name in ("latency_s", "energy_j", "area_mm2")]
        for array in arrays:
            try:
                array[...] = 0
            except ValueError:  # read-only
                continue


@dataclass(frozen=True)
class TooMany(Bad):
    name = "too-many"

    def harm(self, problem):
        problem.evaluate(problem.space.sample(problem_rng(), 200_000))


@dataclass(frozen=True)
class ReturnsNaN(Bad):
    name = "returns-nan"

    def search(self, problem, rng):
        super().search(problem, rng)
        return float("nan")

    def harm(self, problem):
        pass
