"""The command `dance coupling`: the measures of coupling of tasks, as the tables of docs/tasks.md."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from dance_env.analysis.coupling import Coupling, measure
from dance_env.analysis.exact import MAX_DESIGNS
from dance_env.command_line import TASK_HELP, Exit, Parser, as_json, say
from dance_env.commands.coupling_table import as_dicts, table
from dance_env.perturbations import Perturbation, split_task
from dance_env.problem import Problem
from dance_env.tasks import get_task, is_made_by_user, make_problem, task_names


def main(argv: Sequence[str] | None = None) -> int:
    """Measure tasks and print the table of docs/tasks.md; return the exit status."""
    options = _parser().parse_args(argv)
    bar = sys.stderr.isatty()
    measured: dict[str, tuple[Problem, Coupling]] = {}
    if options.task:
        _check_sizes(options.task)
    for name in options.task or [name for name in task_names(needs_supernet=False) if _size(name) <= MAX_DESIGNS]:
        problem = make_problem(name, accuracy_table=options.accuracy_table, cache_dir=options.cache_dir, progress=bar)
        measured[name] = problem, measure(problem, cache_dir=options.cache_dir, progress=bar)
    say(as_json(as_dicts(measured)) if options.json else table(measured) + "\n")
    return Exit.ANSWER


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        "coupling",
        "Measure how much network and accelerator depend on each other in tasks, over every design of each.",
        examples=["coupling", "coupling tiny macro-cifar10/edap", "coupling tiny --json"],
    )
    parser.add_argument(
        "task",
        nargs="*",
        metavar="TASK",
        help=f"{TASK_HELP} (default: every task that can be enumerated and needs no supernet)",
    )
    parser.add_argument(
        "--accuracy-table", metavar="FILE", help="measured accuracies (NAS-Bench-Macro's JSON, nb201's table)"
    )
    parser.add_argument("--cache-dir", metavar="FOLDER", help="of cost tables and exact optima")
    parser.add_json()
    return parser


def _size(name: str) -> int:
    task = get_task(name)
    return task.network_space.size * task.accelerator_space.size


def _check_sizes(names: Sequence[str]) -> None:
    """Refuse a wrong name, and a task of too many designs, before the first task is measured."""
    for name in names:
        plain, modifiers = split_task(name)
        Perturbation.parse(modifiers)
        if not is_made_by_user(plain) and _size(plain) > MAX_DESIGNS:
            raise ValueError(
                f"task {name!r} has {_size(plain):,} designs; looking at every one is practical up to {MAX_DESIGNS:,}. "
                f"Measure it on random networks: dance landscape {name}"
            )
