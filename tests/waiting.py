"""Tests wait for what happens, for as long as a busy machine takes, and move the clock of a time limit by themselves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

PATIENCE_S = 300.0
"""Longer than any machine takes, and shorter than the time limit of a test: it is only waited for where a test fails."""


def within(condition: Callable[[], object], seconds: float = PATIENCE_S) -> bool:
    """Whether a condition comes to hold; asked until it does, and once more when the time is up."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return bool(condition())
        time.sleep(0.02)
    return True


def alive(pid: int) -> bool:
    """Whether a process runs: one that has ended is none, even if nobody has collected it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):  # it may end between the opening and the reading
        return False


def numbers_in(file: Path) -> list[int]:
    """The numbers that another process writes into a file, each with a space behind it; empty until there is one."""
    text = file.read_text() if file.is_file() else ""
    return [int(each) for each in text[: text.rfind(" ") + 1].split()]


class Ahead:
    """A clock that goes as the system's does, and is put forward by hand."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def put_forward(self, seconds: float) -> None:
        """Let so many seconds pass at once."""
        self._seconds += seconds

    def monotonic(self) -> float:
        """Seconds; see `time.monotonic`."""
        return time.monotonic() + self._seconds


@contextmanager
def clock_of_runs() -> Iterator[Ahead]:
    """The clock by which runs in processes of their own are timed.

    A limit can then be far above what a busy machine takes, and still be reached as soon as a test wants it to be.
    """
    clock = Ahead()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("solvers.comparison.processes.executor.time", SimpleNamespace(monotonic=clock.monotonic))
        patch.setattr("solvers.comparison.processes.executor._LONGEST_WAIT_S", 0.1)  # how often it looks at the clock
        yield clock
