"""What the shell is told when a person presses Tab: argcomplete's protocol, for the parser of one command.

argcomplete asks by environment variables, and reads the answer from a file descriptor. Only the command that stands on the
line is imported.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any, NoReturn

Completer = Callable[..., Iterable[str]]

_SCRIPTS = ("py", "toml", "json")


def complete(commands: Mapping[str, Any]) -> NoReturn:
    """Answer the shell and end the process.

    Args:
        commands: By name, what has a `target`, `module:function`, whose module has `_parser()`, and a `text`.

    Raises:
        SystemExit: Always; argcomplete itself ends the process at once.
    """
    try:
        import argcomplete
        from argcomplete.lexers import split_line
    except ImportError:
        raise SystemExit(1) from None  # the shell then offers nothing; `dance completion` says what is missing
    start = int(os.environ["_ARGCOMPLETE"])
    words = split_line(os.environ["COMP_LINE"], int(os.environ["COMP_POINT"]))[3][start:]
    if words and words[0] in commands:
        parser: argparse.ArgumentParser = import_module(commands[words[0]].target.partition(":")[0])._parser()
        os.environ["_ARGCOMPLETE"] = str(start + 1)  # the line begins at the command's own name
    else:
        parser = argparse.ArgumentParser("dance")
        parser.add_argument("--version", action="version", version="")
        parser.add_argument("command", choices=list(commands))
    for action in parser._actions:
        completer = _completer(action)
        if completer is not None:
            action.completer = completer  # type: ignore[attr-defined]  # argcomplete reads it there
    argcomplete.autocomplete(parser)
    raise SystemExit(1)


def _completer(action: argparse.Action) -> Completer | None:
    """What completes an argument, by what it is called in the help; None leaves that to its choices, or to files."""
    called = str(action.metavar).split("|")
    if "TASK" in called:
        return _tasks
    if "SOLVER" in called:
        return _solvers
    return _settings if "NAME=VALUE" in called else None


def _tasks(prefix: str, **_: Any) -> list[str]:
    from dance_env.tasks.catalog import DEFAULT_VARIANTS, TASKS
    from dance_env.tasks.plug_ins import plug_in_tasks

    return [
        *(name for name in (*DEFAULT_VARIANTS, *TASKS, *plug_in_tasks()) if name.startswith(prefix)),
        *_files(prefix),
    ]


def _solvers(prefix: str, **_: Any) -> list[str]:
    from solvers.catalog import solver_names

    return [*(name for name in solver_names() if name.startswith(prefix)), *_files(prefix)]


def _settings(prefix: str, parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    from solvers.catalog import load_solver
    from solvers.comparison.setting_help import settings_of

    found = settings_of(load_solver(parsed_args.solver.partition(":")[0]))
    return [f"{each.name}=" for each in found if each.name.startswith(prefix)]


def _files(prefix: str) -> Iterable[str]:
    from argcomplete.completers import FilesCompleter

    return FilesCompleter(_SCRIPTS)(prefix)
