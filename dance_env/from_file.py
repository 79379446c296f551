"""A user's solver, problem and the like, by the path of their file: `path/to/file.py:name`."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dance_env.suggest import nearest
from dance_env.user_folder import UserFolder


class UserFileError(ValueError):
    """A user's file cannot be run, or what it defines fails; the message names the file, the line and what to do.

    The error itself is the `__cause__`.
    """


def is_in_file(name: str) -> bool:
    """Return whether a name is of the form `path/to/file.py:name` (or lacks the last part)."""
    return ".py:" in name or name.endswith(".py")


def names_a_file(task: str) -> bool:
    """Return whether a task's name is a file of the user's: `path/to/file.py:function`, or `path/to/task.toml`."""
    return is_in_file(task) or is_in_toml(task)


def is_in_toml(task: str) -> bool:
    """Return whether a task's name is of the form `path/to/task.toml` or `path/to/task.toml:variant`."""
    return ".toml:" in task or task.endswith(".toml")


def load_from_file(name: str, *, what: str, example: str, fits: Callable[[Any], bool]) -> Any:
    """Run a Python file, and return what it calls by a name.

    A file is run once per process, and again if it was edited. It may import the modules beside it.

    Args:
        name: `path/to/file.py:name`. The file is run, so give only files that you trust.
        what: What is looked for, for messages: "solver".
        example: What stands behind the colon, for messages: "Class".
        fits: Which values of the file to offer where there is no such name.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If there is no such name in it; the nearest that fit are offered.
        UserFileError: If the file cannot be run.
    """
    file, _, attribute = name.rpartition(":") if ".py:" in name else (name, "", "")
    path = Path(file)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {file} to load the {what} {name!r} from")
    if not attribute:
        raise ValueError(f"{name!r} names a file but no {what} in it; write {file}:{example}")
    with naming_the_line(name, what=what):
        module = UserFolder(path.resolve().parent).load(path.resolve())
    if not hasattr(module, attribute):
        own = [
            key
            for key, value in vars(module).items()
            if fits(value) and getattr(value, "__module__", "") == module.__name__
        ]
        raise ValueError(f"there is no {attribute!r} in {file}. {nearest(attribute, own)}")
    return getattr(module, attribute)


@contextmanager
def naming_the_line(name: str, *, what: str) -> Iterator[None]:
    """Turn any error inside the block into a `UserFileError` that names the user's file and line.

    Args:
        name: `path/to/file.py:name`.
        what: What the block runs, for messages: "problem".

    Raises:
        UserFileError: If the block raises an error.
    """
    try:
        yield
    except UserFileError:
        raise
    except (Exception, SystemExit) as error:
        file = Path(name.rpartition(":")[0] if ".py:" in name else name)
        place, cure = _place(error, file), _cure(error)
        raise UserFileError(f"{what} {name}: {place}: {type(error).__name__}: {_text(error)}. {cure}") from error


def _place(error: BaseException, file: Path) -> str:
    """Return the last line of a file in the user's folder that took part."""
    if isinstance(error, SyntaxError) and error.filename is not None:
        return f"{_shown(Path(error.filename), file)}, line {error.lineno}"
    folder = file.resolve().parent
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if Path(frame.filename).is_relative_to(folder):
            inside = "" if frame.name == "<module>" else f", in {frame.name}"
            return f"{_shown(Path(frame.filename), file)}, line {frame.lineno}{inside}"
    return str(file)


def _shown(path: Path, file: Path) -> str:
    """Return a path as the user would write it, who gave `file`."""
    folder = file.resolve().parent
    return str(file.parent / path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def _text(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f"{error.msg}: {(error.text or '').strip()!r}"
    return str(error).rstrip(".")


def _cure(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        top = error.name.partition(".")[0]
        return f"Install the package that holds {top!r}, or put {top}.py beside the file."
    return "Correct it, and run the same again."
