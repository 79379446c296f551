"""The files that a task names: all below the folder of its own file, Python code among them only where it is named."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dance_env.from_file import load_from_file
from dance_env.tasks.description.place import Place


@dataclass(frozen=True)
class TaskFolder:
    """The folder of a task's file.

    Attributes:
        path: Of the folder, resolved.
        shown: As the user wrote it.
        digests: By name relative to the folder, the SHA-256 of each file that was named so far.
    """

    path: Path
    shown: Path
    digests: dict[str, str] = field(default_factory=dict)

    def file(self, name: str, place: Place) -> Path:
        """Return the path of a file that a key names.

        Raises:
            TaskFileError: If the path is absolute or leads out of the folder, or there is no such file.
        """
        given = Path(name)
        resolved = (self.path / given).resolve()
        if given.is_absolute() or not resolved.is_relative_to(self.path):
            raise place.error(
                f"{name!r} lies outside the folder of the task's file; name a file below {self.shown or '.'}, by a "
                "relative path without links out of it"
            )
        if not resolved.is_file():
            raise place.error(f"there is no file {name!r} below {self.shown}")
        self.digests[given.as_posix()] = hashlib.sha256(resolved.read_bytes()).hexdigest()
        return resolved

    def code(self, name: str, place: Place, *, what: str) -> Any:
        """Return what a Python file of the folder calls by a name, `file.py:name`. The file is run.

        Raises:
            TaskFileError: As `file`, if the name is not of this form, or the file has no such name.
            UserFileError: If the file cannot be run.
        """
        file, colon, attribute = name.partition(".py:")
        if not colon or not attribute:
            raise place.error(f"expected a Python file and a name in it, such as 'mine.py:{what}', got {name!r}")
        path = self.file(f"{file}.py", place)
        with place.blamed():
            return load_from_file(f"{path}:{attribute}", what=what, example=what, fits=inspect.isfunction)

    def made(self, name: str, place: Place, *, what: str, fits: Callable[[Any], bool]) -> Any:
        """Return a value of a Python file: what stands under a name, or what it returns when it is called.

        Raises:
            TaskFileError, UserFileError: As `code`; also if it is nothing that `fits`.
        """
        found = self.code(name, place, what=what)
        if not inspect.isclass(found) and fits(found):
            return found
        if callable(found):
            from dance_env.from_file import naming_the_line

            with naming_the_line(str(self.shown / name), what=what):
                found = found()
        if not fits(found):
            raise place.error(f"{name} gives {type(found).__name__}, which is no {what}")
        return found
