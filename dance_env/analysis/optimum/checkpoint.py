"""Where an interrupted proof goes on."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dance_env.atomic import write_whole
from dance_env.cache import content_key
from dance_env.problem import Problem
from dance_env.source_digest import source_digest


@dataclass(frozen=True)
class Checkpoint:
    """A file that holds how far a proof is.

    Attributes:
        path: The file.
        key: What the proof depends on: the problem, and this code.
    """

    path: Path
    key: str

    @classmethod
    def of(
        cls,
        problem: Problem,
        path: str | os.PathLike[str],
        *,
        code: str = "dance_env.analysis.optimum.proving",
    ) -> Checkpoint:
        """Return the checkpoint of a problem's proof.

        Args:
            problem: What is proved of.
            path: The file.
            code: The module that proves; a file that other code left counts as none.

        Raises:
            ValueError: If the problem has no fingerprint.
        """
        fingerprint = problem.fingerprint()
        if fingerprint is None:
            raise ValueError(
                f"problem {problem.name!r} has no fingerprint, so that a checkpoint of an earlier day may be another "
                "problem's; prove it without one (checkpoint=None)"
            )
        return cls(Path(path), content_key("optimum", source_digest(code), fingerprint))

    def load(self) -> dict[str, Any] | None:
        """Return what was saved; None where there is nothing, or it is damaged or of another problem or code."""
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return content if isinstance(content, dict) and content.get("key") == self.key else None

    def save(self, **state: Any) -> None:
        """Save how far the proof is."""
        write_whole(self.path, json.dumps({"key": self.key, **state}))

    def remove(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)
