"""The command `dance`: every job of the library by name."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

from dance_env.suggest import nearest


class _Command(NamedTuple):
    """A command: its function `main(argv) -> exit status`, one line of help, and whether it goes on where it stopped."""

    target: str
    text: str
    resumes: bool = False


_COMMANDS = {
    "compare": _Command("solvers.commands.compare:main", "compare solvers on tasks, and report", resumes=True),
    "report": _Command("solvers.commands.report:main", "make the report of run folders again, or of several together"),
    "verify": _Command("solvers.commands.verify:main", "evaluate every design of a run folder again, and report drift"),
    "mcp": _Command("solvers.commands.mcp:main", "serve one run to an agent, over the Model Context Protocol"),
    "list": _Command("solvers.commands.list_names:main", "tasks and solvers, a line each"),
    "check-solver": _Command("solvers.commands.check_solver:main", "run the contract suite on a solver"),
    "choose": _Command("dance_env.commands.choose:main", "find the exact best design of a task under limits"),
    "optimum": _Command(
        "dance_env.commands.optimum:main", "find the best design of a task, and prove that none is better", resumes=True
    ),
    "coupling": _Command(
        "dance_env.commands.coupling:main",
        "measure how much network and accelerator depend on each other in a task",
        resumes=True,
    ),
    "landscape": _Command(
        "dance_env.commands.landscape:main",
        "measure how hard a task is to search: feasible designs, best accelerators, local optima",
    ),
    "audit": _Command("dance_env.cost.audit.audit:main", "hold the cost model against a file of reference points"),
    "agreement": _Command(
        "dance_env.cost.audit.agreement_command:main",
        "compare how our cost model and another tool rank designs",
        resumes=True,
    ),
    "supernet": _Command(
        "solvers.methods.dance.images.supernet_command:main",
        "train a supernet that judges networks, for a task",
        resumes=True,
    ),
}
"""Each is loaded when it is asked for."""

_EXAMPLES = """examples:
  dance compare --task tiny --solver random evolution dance
  dance choose --task macro-cifar10 --limit latency_s=0.4ms
  dance check-solver path/to/file.py:Class

dance COMMAND --help says more."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line, and return the exit status.

    A caller's mistake (an unknown name, an unwritable folder) ends in one clear line and status 2, an interrupt in
    status 130 with everything finished kept.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    if not argv or argv[0] in ("-h", "--help"):
        print(_help())  # noqa: T201
        return 0
    if argv[0] in ("-V", "--version"):
        print(f"dance-env {_version()} (Python {platform.python_version()})")  # noqa: T201
        return 0
    if argv[0] not in _COMMANDS:
        print(f"dance: there is no command {argv[0]!r}. {nearest(argv[0], _COMMANDS)}", file=sys.stderr)  # noqa: T201
        return 2
    command = _COMMANDS[argv[0]]
    return _guarded(lambda: _load(command.target)(argv[1:]), resumes=command.resumes)


def _guarded(job: Callable[[], int], *, resumes: bool) -> int:
    try:
        status = job()
        sys.stdout.flush()  # here, and not at the very end, where a closed pipe could not be caught
        return status
    except KeyboardInterrupt:
        more = "; what had finished is kept: run the same command to go on" if resumes else ""
        print(f"\ninterrupted{more}", file=sys.stderr)  # noqa: T201
        return 130
    except BrokenPipeError:  # `dance list | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still buffered goes nowhere
        return 141
    except (ValueError, OSError, ImportError) as error:
        print(f"dance: {error}", file=sys.stderr)  # noqa: T201
        return 2


def _load(target: str) -> Callable[[Sequence[str]], int]:
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


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
    try:
        return version("dance-env")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "(not installed)"


if __name__ == "__main__":
    sys.exit(main())
