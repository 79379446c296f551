"""Solvers that prepare something before their first run on a problem."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from dance_env.problem import Problem


@runtime_checkable
class Prepares(Protocol):
    """A solver whose first run on a problem may train something for minutes, which later runs find in a cache."""

    def unprepared(self, problem: Problem) -> str:
        """Return what has to be trained first, in a sentence; empty where it ships with the package."""
        ...
