"""Messages between the driver, its server and the children."""

from __future__ import annotations

import pickle
import struct
from enum import IntEnum
from typing import Any

_LENGTH = struct.Struct(">Q")
_NOTE = struct.Struct(">Bqi")

NOTE_BYTES = _NOTE.size


class Command(IntEnum):
    """What the driver asks of the server."""

    RUN = 1
    """Fork a child; its socket, the file with its call and the file for a crash's traceback come along."""
    INTERRUPT = 2
    """Raise `TimeLimit` in it."""
    KILL = 3
    """Kill its process group."""


class Event(IntEnum):
    """What the server answers."""

    STARTED = 1
    """A child was forked; the value is its process id."""
    EXITED = 2
    """A child ended, and its process group was killed; the value is its exit status, negative for a signal."""


def note(kind: int, number: int, value: int = 0) -> bytes:
    """Return a message between driver and server: a command or an event, the number of the child, a value."""
    return _NOTE.pack(kind, number, value)


def parse_note(data: bytes) -> tuple[int, int, int]:
    """Return kind, number and value of a message."""
    return _NOTE.unpack(data)


def frame(message: Any) -> bytes:
    """Return a message of a child with its length before it."""
    data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(data)) + data


class Frames:
    """The messages in a stream of bytes that arrives in pieces."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Any]:
        """Return the messages that these bytes complete."""
        self._buffer += data
        messages = []
        while len(self._buffer) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self._buffer)[0]
            if len(self._buffer) < end:
                break
            messages.append(pickle.loads(memoryview(self._buffer)[_LENGTH.size : end]))
            del self._buffer[:end]
        return messages
