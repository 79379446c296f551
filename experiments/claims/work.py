"""What a claim is given besides its scale: a folder of its own, and somebody to tell how far it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

Tell = Callable[[str, int, int], object]
"""Called with what is being done, the parts done and the parts in all."""


def ignore(what: str, done: int, total: int) -> None:
    """Do nothing with progress."""


def default_workers() -> int:
    """Two, or one on a machine with a single core."""
    return min(2, os.cpu_count() or 1)


@dataclass(frozen=True)
class Work:
    """Where and for whom.

    Attributes:
        folder: solver records and image runs are kept here, so that an interrupted claim goes on.
        command: the command line that tests one claim, with `{claim}` and `{scale}` to be filled in.
        tell: progress.
        workers: solver runs that go on side by side.
    """

    folder: Path
    command: str = "python -m experiments.reproduce_dance --scale {scale} --claims {claim}"
    tell: Tell = ignore
    workers: int = field(default_factory=default_workers)

    def command_of(self, claim: str, scale: str) -> str:
        """The command line that tests one claim."""
        return self.command.format(claim=claim, scale=scale)
