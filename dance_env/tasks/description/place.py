"""A place in a task's file, for messages: the file, the line, the key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from dance_env.from_file import UserFileError
from dance_env.tasks.description.lines import Path, line_of


class TaskFileError(ValueError):
    """A task's file says something wrong; the message names the file, the line, the key, and what was expected."""


@dataclass(frozen=True)
class Place:
    """A key or table of a file.

    Attributes:
        file: As the user wrote it.
        path: The keys that lead there, with the index in each array.
        lines: Of the file's keys (see `line_numbers`).
    """

    file: str
    path: Path = ()
    lines: dict[Path, int] = field(default_factory=dict, repr=False)

    def __truediv__(self, key: str | int) -> Place:
        """Return the place of a key, or of an element, inside this one."""
        return Place(self.file, (*self.path, key), self.lines)

    def __str__(self) -> str:
        line = line_of(self.path, self.lines)
        where = [self.file, *([] if line is None else [f"line {line}"]), *([self.key] if self.path else [])]
        return ", ".join(where)

    @property
    def key(self) -> str:
        """Such as `network.slots[1].stride`."""
        text = ""
        for part in self.path:
            text += f"[{part}]" if isinstance(part, int) else f"{'.' * bool(text)}{part}"
        return text

    def error(self, message: str) -> TaskFileError:
        """Return an error that names this place."""
        return TaskFileError(f"{self}: {message}")

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Turn an error of a value that is made of what stands here into one that names this place.

        Raises:
            TaskFileError: If the block raises a TypeError or ValueError that does not name a place itself.
        """
        try:
            yield
        except (TaskFileError, UserFileError):
            raise
        except (TypeError, ValueError) as error:
            raise self.error(str(error)) from error
