"""What all commands of `dance` share: their parser, JSON answers and exit statuses."""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import IntEnum
from pathlib import PurePath
from typing import Any, Never

from dance_env.suggest import nearest

TASK_HELP = (
    "a task's name (`dance tasks` lists them), path/to/task.toml for a task of yours (:VARIANT behind it), or "
    "path/to/file.py:function"
)
_TASK_OPTIONS = ("--task", "--tasks")
_SPACES = "\n\t\u00a0\u2009\u202f"
"""What is not `str.isprintable`, and is printed all the same."""


class Exit(IntEnum):
    """The exit statuses of `dance`, as docs/cli.md lists them."""

    ANSWER = 0
    NEGATIVE = 1
    MISTAKE = 2
    INTERNAL_ERROR = 70
    INTERRUPTED = 130
    PIPE_CLOSED = 141


class Parser(argparse.ArgumentParser):
    """The parser of one command: help with examples, options and names in any order, mistakes in one line.

    Options are not abbreviated, so that a new option never changes what an old command line means.

    Args:
        command: The command's name; the program is `dance COMMAND`.
        description: What it does, in one or two sentences.
        examples: Command lines, without the leading `dance`.
        notes: What else the help says, behind the examples.
    """

    def __init__(self, command: str, description: str, *, examples: Sequence[str], notes: str = "") -> None:
        lines = ["examples:", *(f"  dance {example}" for example in examples)]
        super().__init__(
            prog=f"dance {command}",
            description=description,
            epilog="\n".join([*lines, *(["", notes.strip()] if notes else [])]),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def add_json(self) -> None:
        """Add `--json`."""
        self.add_argument("--json", action="store_true", help="print the answer as JSON")

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, wherever options and names stand.

        Raises:
            SystemExit: With status 2 for a mistake, which is said on standard error; with 0 after `--help`.
        """
        return self.parse_intermixed_args(args, namespace)

    def error(self, message: str) -> Never:
        """Say what is wrong in one line on standard error, and exit with status 2."""
        said = printable(self._explained(message)).rstrip(".")
        self.exit(Exit.MISTAKE, f"dance: {said} ({self.prog} --help says more)\n")

    def _explained(self, message: str) -> str:
        """Argparse's message, with the nearest name where one was misspelt."""
        if message.startswith("unrecognized arguments: "):
            return self._unrecognized(message.removeprefix("unrecognized arguments: ").split())
        found = re.match(r"argument (\S+): invalid choice: (\S+)", message)
        if found:
            option = found[1].split("/")[0]
            action = next(
                (each for each in self._actions if option in (*each.option_strings, each.metavar, each.dest)), None
            )
            if action is not None and action.choices is not None:
                value = found[2].strip("'\"")
                return f"{found[1]} cannot be {value!r}. {nearest(value, action.choices)}"
        return message

    def _unrecognized(self, arguments: Sequence[str]) -> str:
        option = next((each.partition("=")[0] for each in arguments if each.startswith("-")), "")
        if option in _TASK_OPTIONS and any("TASK" in str(each.metavar).split("|") for each in self._actions):
            return f"there is no option {option}: the task stands by itself, {self.prog} TASK"
        if option:
            known = [each for each in self._option_string_actions if each.startswith("--")]
            return f"there is no option {option}. {nearest(option, known)}"
        return f"what is {' '.join(map(repr, arguments))}? {self.prog} takes no further names"


def whole_number(least: int) -> Callable[[str], int]:
    """Return the type of an option that takes a whole number of at least `least`."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"give a whole number of {least} or more, not {text!r}")
        return value

    return parse


def seconds(text: str) -> float:
    """Parse the value of an option that takes a positive number of seconds; infinity is no limit.

    Raises:
        ArgumentTypeError: If it is no such number.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not value > 0:
        raise argparse.ArgumentTypeError(f"give a number of seconds above 0, not {text!r}")
    return value


def as_json(content: Any) -> str:
    """Return an answer as JSON with a line break at its end; what is not finite is null.

    Args:
        content: Of dataclasses, mappings, sequences, paths, NumPy scalars and arrays, and JSON's own types.
    """
    return json.dumps(_plain(content), indent=1, allow_nan=False) + "\n"


def printable(text: str) -> str:
    """Return a text with control characters and lone surrogates as their escapes: a terminal would act on them."""
    return "".join(each if each.isprintable() or each in _SPACES else ascii(each)[1:-1] for each in text)


def say(text: str) -> None:
    """Write an answer to standard output, as `printable` makes it: names of users' files may hold anything."""
    sys.stdout.write(printable(text))


def columns(rows: Iterable[Sequence[str]]) -> list[str]:
    """Return rows as lines of aligned columns, two spaces apart."""
    table = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, PurePath):
        return str(value)
    if hasattr(value, "tolist"):  # NumPy's
        return _plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value
