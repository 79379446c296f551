"""The command `dance`: every job of the library by name."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

_SUBCOMMANDS: dict[str, tuple[str, str]] = {
    "agreement": ("dance_env.cost.audit.agreement:main", "compare how our cost model and another tool rank designs"),
    "audit": ("dance_env.cost.audit.audit:main", "hold the cost model against a file of reference points"),
    "choose": ("dance_env.commands.choose:main", "find the exact best design of a task under limits"),
    "coupling": (
        "dance_env.commands.coupling:main",
        "measure how much network and accelerator depend on each other in a task",
    ),
    "supernet": (
        "solvers.methods.dance.images.supernet_command:main",
        "train a supernet that judges networks, for a task",
    ),
    "evaluator": ("experiments.claims.evaluator_command:main", "train DANCE's evaluator, and report how good it is"),
}
"""Subcommands that stand in the room they belong to: `main(argv) -> exit status`, and one line of help."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status.

    A caller's mistake (an unknown name, an unwritable folder) ends in one clear line and status 2, an interrupt in
    status 130 with everything finished kept.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    if argv and argv[0] in _SUBCOMMANDS:
        return _guarded(lambda: _load(_SUBCOMMANDS[argv[0]][0])(argv[1:]))
    arguments = _parser().parse_args(argv)
    return _guarded(lambda: arguments.run(arguments))


def _guarded(job: Callable[[], int]) -> int:
    try:
        return job()
    except KeyboardInterrupt:
        print("\ninterrupted; what had finished is kept: run the same command to go on", file=sys.stderr)  # noqa: T201
        return 130
    except (ValueError, OSError, ImportError) as error:
        print(f"dance: {error}", file=sys.stderr)  # noqa: T201
        return 2


def _load(target: str) -> Callable[[Sequence[str]], int]:
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dance", description="Accelerator/network co-design: compare solvers, audit costs."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_compare_arguments(commands.add_parser("compare", help="let solvers fight on one task, and report"))
    listing = commands.add_parser("list", help="tasks and solvers, a line each")
    listing.set_defaults(run=_list)
    check = commands.add_parser("check-solver", help="run the contract suite on a solver")
    check.add_argument("solver", help="a solver's name, or path/to/file.py:Class")
    check.set_defaults(run=_check_solver)
    for name, (_, text) in _SUBCOMMANDS.items():
        commands.add_parser(name, help=text, add_help=False)
    return parser


def add_compare_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `dance compare` and `examples/compare.py`."""
    from solvers.comparison.plan import DEFAULT_SOLVERS
    from solvers.comparison.settings import DEFAULT_BUDGET, DEFAULT_SEEDS, DEFAULT_TASK, Settings

    defaults = Settings()
    parser.add_argument(
        "--task",
        nargs="+",
        action="extend",
        help="names of tasks, or path/to/file.py:function for a problem of yours; may be repeated "
        f"(default: {DEFAULT_TASK})",
    )
    parser.add_argument(
        "--solver",
        "--solvers",
        dest="solvers",
        nargs="+",
        action="extend",
        metavar="SOLVER",
        help="solvers: NAME, NAME:SETTING=VALUE,SETTING=VALUE, path/to/file.py:Class for one of yours, or a TOML file "
        f"that lists some; may be repeated (default: those of {', '.join(DEFAULT_SOLVERS)} that suit the task)",
    )
    parser.add_argument(
        "--seeds",
        type=_seeds,
        default=tuple(range(DEFAULT_SEEDS)),
        metavar="N|A,B,…",
        help="how many seeds, or which ones (default: 0,1,2)",
    )
    parser.add_argument(
        "--budget",
        type=int,
        default=DEFAULT_BUDGET,
        help="evaluations + gradient queries of one run (default: %(default)s)",
    )
    parser.add_argument(
        "--out", type=Path, default=defaults.out, help="folder for records, table and plots (default: %(default)s)"
    )
    parser.add_argument(
        "--accuracy-table",
        type=Path,
        default=None,
        metavar="JSON",
        help="the NAS-Bench-Macro table, to use it in place of the surrogate fitted to it",
    )
    parser.add_argument(
        "--supernet",
        type=Path,
        default=None,
        metavar="FILE",
        help="a trained supernet, for tasks of images (default: what DANCE_SUPERNET names)",
    )
    parser.add_argument(
        "--images", default=None, metavar="PLACE", help="a folder of those images, or another name on the hub"
    )
    parser.add_argument("--device", default="cpu", help="where a supernet runs (default: %(default)s)")
    parser.add_argument(
        "--workers", type=int, default=defaults.workers, help="processes side by side (default: %(default)s)"
    )
    parser.set_defaults(run=_compare)


def _seeds(text: str) -> tuple[int, ...]:
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"give a number of seeds (3) or the seeds (0,1,2), not {text!r}") from None
    return numbers if "," in text else tuple(range(numbers[0]))


def _compare(arguments: argparse.Namespace) -> int:
    from solvers.comparison.settings import DEFAULT_TASK, Settings
    from solvers.comparison.sources import Sources
    from solvers.comparison.spec import parse_specs
    from solvers.console import run_comparison
    from solvers.contract.result import Status

    settings = Settings(
        tasks=arguments.task or DEFAULT_TASK,
        solvers=None
        if arguments.solvers is None
        else [spec for each in arguments.solvers for spec in parse_specs(each)],
        seeds=arguments.seeds,
        budget=arguments.budget,
        out=arguments.out,
        sources=Sources(arguments.accuracy_table, arguments.supernet, arguments.images, arguments.device),
        workers=arguments.workers,
    )
    comparison = run_comparison(settings, command=(Path(sys.argv[0]).name, *sys.argv[1:]))
    return 1 if any(result.status is Status.FAILED for result in comparison.results) else 0


def _list(_: argparse.Namespace) -> int:
    from dance_env.tasks import TASKS
    from solvers.catalog import solver_names, solver_summary

    tasks = {
        name: f"{task.variant.objective} ({task.variant.technology.name}{', needs --supernet' * task.needs_supernet})"
        for name, task in TASKS.items()
    }
    solvers = {name: solver_summary(name) for name in solver_names()}
    for title, entries in {"tasks, by what they minimise": tasks, "solvers": solvers}.items():
        width = max(map(len, entries))
        print(f"{title}:")  # noqa: T201
        for name, text in entries.items():
            print(f"  {name:<{width}}  {text}".rstrip())  # noqa: T201
    return 0


def _check_solver(arguments: argparse.Namespace) -> int:
    from solvers.catalog import load_solver
    from solvers.testing import check_solver

    report = check_solver(load_solver(arguments.solver)())
    print(report)  # noqa: T201
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
