"""The command that measures tasks."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from dance_env.analysis.coupling.measuring import Coupling, measure
from dance_env.analysis.coupling.table import table
from dance_env.problem import Problem


def main(argv: Sequence[str] | None = None) -> int:
    """The command line: measures tasks and prints the table of docs/tasks.md; returns the exit status."""
    from rich.console import Console

    from dance_env.tasks import make_problem, task_names

    parser = argparse.ArgumentParser(
        prog="dance coupling", description="Measure how much network and accelerator depend on each other."
    )
    parser.add_argument(
        "--task",
        action="append",
        metavar="NAME",
        help="may be repeated; default: every task with a table of accuracies",
    )
    parser.add_argument("--accuracy-table", metavar="FILE", help="NAS-Bench-Macro's JSON instead of the surrogate")
    parser.add_argument("--cache-dir", metavar="FOLDER", help="of cost tables and exact optima")
    options = parser.parse_args(argv)
    measured: dict[str, tuple[Problem, Coupling]] = {}
    for name in options.task or task_names(needs_supernet=False):
        problem = make_problem(name, accuracy_table=options.accuracy_table, cache_dir=options.cache_dir, progress=True)
        measured[name] = problem, measure(problem, cache_dir=options.cache_dir, progress=True)
    Console(width=10_000, soft_wrap=True).print(table(measured), markup=False, highlight=False)
    return 0
