"""What a claim is given besides its scale: a folder of its own, and somebody to tell how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Tell = Callable[[str, int, int], object]
"""Called with what is being done, the parts done and the parts in all."""


def tell_nobody(what: str, done: int, total: int) -> None:
    """Progress for those who did not ask."""


@dataclass(frozen=True)
class Work:
    """Where and for whom.

    Attributes:
        folder: solver records and image runs are kept here, so that an interrupted claim goes on.
        command: the command line that tests one claim, with `{claim}` and `{scale}` to be filled in.
        tell: progress.
    """

    folder: Path
    command: str = "python -m experiments.reproduce_dance --scale {scale} --claims {claim}"
    tell: Tell = tell_nobody

    def command_of(self, claim: str, scale: str) -> str:
        """The command line that tests one claim."""
        return self.command.format(claim=claim, scale=scale)
