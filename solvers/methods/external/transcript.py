"""What was said between the platform and an agent, line by line, without a clock."""

from __future__ import annotations

import json
from typing import Any

NAME = "transcript.jsonl"
"""The ending of its file's name, beside the record."""

_MOST_BYTES = 64 << 20
_LONGEST_TEXT = 2_000


class Transcript:
    """The lines so far; mutable. After 64 MiB it says that it is cut, and takes nothing more."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._bytes = 0

    def sent(self, message: dict[str, Any]) -> None:
        """Note a message to the agent."""
        self._add({"to": "agent", "message": message})

    def received(self, message: Any) -> None:
        """Note a message of the agent's."""
        self._add({"from": "agent", "message": message})

    def received_text(self, text: str) -> None:
        """Note a line of the agent's that is no message; its beginning, where it is long."""
        self._add({"from": "agent", "text": text[:_LONGEST_TEXT]})

    def text(self) -> str:
        """Return JSON lines."""
        return "".join(self._lines)

    def _add(self, entry: dict[str, Any]) -> None:
        if self._bytes > _MOST_BYTES:
            return
        line = json.dumps(entry) + "\n"
        self._bytes += len(line)
        if self._bytes > _MOST_BYTES:
            line = json.dumps({"cut": f"the transcript is longer than {_MOST_BYTES} bytes"}) + "\n"
        self._lines.append(line)
