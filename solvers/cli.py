# PYTHON_ARGCOMPLETE_OK
"""The command `dance`: every job of the library by name.

Nothing of the library is imported before a command is known, so that `dance --help` and the completion of commands take no
time, and an interrupt during the imports is caught.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NamedTuple


class _Command(NamedTuple):
    """A command: its function `main(argv) -> exit status`, one line of help, and whether it goes on where it stopped.

    The function's module also has `_parser()`, which completion reads.
    """

    target: str
    text: str
    resumes: bool = False


_COMMANDS = {
    "tasks": _Command("dance_env.commands.tasks:main", "list the tasks, or show one in full"),
    "solvers": _Command("solvers.commands.solvers:main", "list the solvers, or show the settings of one"),
    "solve": _Command(
        "solvers.commands.solve:main", "run one solver on one task, and show what it found", resumes=True
    ),
    "compare": _Command("solvers.commands.compare:main", "compare solvers on tasks, and report", resumes=True),
    "report": _Command("solvers.commands.report:main", "make the report of run folders again, or of several together"),
    "verify": _Command("solvers.commands.verify:main", "evaluate every design of a run folder again, and report drift"),
    "leaderboard": _Command(
        "solvers.commands.leaderboard:main", "verify and rank the run folders of a class, on one page"
    ),
    "optimum": _Command(
        "dance_env.commands.optimum:main", "find the best design of a task, and prove that none is better", resumes=True
    ),
    "choose": _Command("dance_env.commands.choose:main", "find the exact best design of a task under limits"),
    "optimise-hardware": _Command(
        "dance_env.commands.optimise_hardware:main", "find the exact best accelerator for given networks, under limits"
    ),
    "explain": _Command(
        "dance_env.commands.explain:main",
        "say why a design costs what it costs: layers, bounds, single changes, dataflows",
    ),
    "export": _Command(
        "dance_env.commands.export:main", "write a design for Timeloop, AccelForge, ZigZag, ONNX, PyTorch or as JSON"
    ),
    "audit": _Command(
        "dance_env.cost.audit.command:main",
        "hold the cost model against reference points, or against another tool",
        resumes=True,
    ),
    "check": _Command("solvers.commands.check:main", "run the contract suite on a solver or a cost model"),
    "coupling": _Command(
        "dance_env.commands.coupling:main",
        "measure how much network and accelerator depend on each other in a task",
        resumes=True,
    ),
    "landscape": _Command(
        "dance_env.commands.landscape:main",
        "measure how hard a task is to search: feasible designs, best accelerators, local optima",
    ),
    "supernet": _Command(
        "solvers.commands.supernet:main",
        "train a supernet that judges networks, for a task",
        resumes=True,
    ),
    "mcp": _Command("solvers.commands.mcp:main", "serve one run to an agent, over the Model Context Protocol"),
    "completion": _Command("solvers.commands.completion:main", "print the code that completes dance in a shell"),
}
"""Each is loaded when it is asked for."""

_RENAMED = {
    "list": "`dance tasks` or `dance solvers`",
    "check-solver": "`dance check`",
    "agreement": "`dance audit --backend`",
}
"""Commands of earlier versions, and what does their job now."""

_EXAMPLES = """examples:
  dance tasks
  dance solve tiny evolution --budget 200
  dance compare tiny --solver random evolution dance
  dance choose macro-cifar10 --limit latency_s=0.4ms
  dance check path/to/file.py:Class

dance COMMAND --help says more."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line, and return the exit status, one of `dance_env.command_line.Exit`.

    A caller's mistake (an unknown name, an unwritable folder) ends in one clear line and status 2, an interrupt in
    status 130 with everything finished kept.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    command = _COMMANDS.get(argv[0]) if argv else None
    return _guarded(lambda: _run(argv), resumes=command is not None and command.resumes)


def _run(argv: Sequence[str]) -> int:
    if "_ARGCOMPLETE" in os.environ:  # the shell asks what could stand next
        from solvers.commands.completing import complete

        complete(_COMMANDS)
    if not argv or argv[0] in ("-h", "--help"):
        print(_help())  # noqa: T201
        return 0
    if argv[0] in ("-V", "--version"):
        print(_version())  # noqa: T201
        return 0
    if argv[0] not in _COMMANDS:
        raise ValueError(_unknown(argv[0]))
    return _load(_COMMANDS[argv[0]].target)(argv[1:])


def _guarded(job: Callable[[], int], *, resumes: bool) -> int:
    try:
        status = job()
        sys.stdout.flush()  # here, and not at the very end, where a closed pipe could not be caught
        return status
    except KeyboardInterrupt:
        more = "; what had finished is kept: run the same command to go on" if resumes else ""
        print(f"\ninterrupted{more}", file=sys.stderr)  # noqa: T201
        return 130
    except BrokenPipeError:  # `dance tasks | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still buffered goes nowhere
        return 141
    except (ValueError, OSError, ImportError) as error:
        from dance_env.command_line import printable

        print(f"dance: {printable(_told(error))}", file=sys.stderr)  # noqa: T201
        return 2
    except Exception:
        import traceback

        from dance_env.command_line import printable

        sys.stderr.write(printable(traceback.format_exc()))
        print("dance: this is a mistake of the library, not yours; please report the lines above", file=sys.stderr)  # noqa: T201
        return 70


def _told(error: Exception) -> str:
    """What an error says, without the operating system's number of it."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
    return str(error)


def _load(target: str) -> Callable[[Sequence[str]], int]:
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


def _unknown(name: str) -> str:
    from dance_env.suggest import nearest

    if name in _RENAMED:
        return f"{name!r} has a new name: {_RENAMED[name]}"
    return f"there is no command {name!r}. {nearest(name, _COMMANDS)}"


def _help() -> str:
    width = max(map(len, _COMMANDS))
    lines = [f"  {name:<{width}}  {command.text}" for name, command in _COMMANDS.items()]
    return "\n".join(
        [
            "usage: dance [--help] [--version] COMMAND ...",
            "",
            "Accelerator/network co-design: compare solvers, choose designs, audit costs.",
            "",
            "commands:",
            *lines,
            "",
            _EXAMPLES,
        ]
    )


def _version() -> str:
    import platform
    from importlib.metadata import PackageNotFoundError, version

    try:
        number = version("dance-env")
    except PackageNotFoundError:  # run from a checkout that is not installed
        number = "(not installed)"
    return f"dance-env {number} (Python {platform.python_version()})"


if __name__ == "__main__":
    sys.exit(main())
