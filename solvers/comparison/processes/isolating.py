"""What `compare` asks of an executor whose calls cannot harm one another."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from typing import Any


class CallFailed(RuntimeError):
    """A call raised an error, or its process ended before it returned.

    Attributes:
        traceback: The error's traceback, or the last Python frames of a process that died; empty where unknown.
        seconds: Wall time of the call.
        timed_out: Whether it was asked to end for its time limit.
        answer: What it returned upon that; None if it returned nothing.
    """

    def __init__(
        self, message: str, *, traceback: str = "", seconds: float = 0.0, timed_out: bool = False, answer: Any = None
    ) -> None:
        super().__init__(message)
        self.traceback, self.seconds, self.timed_out, self.answer = traceback, seconds, timed_out, answer


class IsolatingExecutor(Executor):
    """Makes each call in a process of its own; the future of one that failed raises `CallFailed`."""

    @abstractmethod
    def reports(self) -> Iterator[tuple[Future[Any], Any]]:
        """Return what running calls have reported since the last time: each call's future and its message."""

    @abstractmethod
    def kill(self) -> None:
        """Kill running calls, cancel the others, and end."""
