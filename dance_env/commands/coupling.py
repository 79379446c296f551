"""The command `dance coupling`: the measures of coupling of tasks, as the tables of docs/tasks.md."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from dance_env.analysis.coupling import Coupling, measure
from dance_env.commands.coupling_table import table
from dance_env.problem import Problem
from dance_env.tasks import make_problem, task_names


def main(argv: Sequence[str] | None = None) -> int:
    """Measure tasks and print the table of docs/tasks.md; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="dance coupling", description="Measure how much network and accelerator depend on each other."
    )
    parser.add_argument(
        "--task",
        nargs="+",
        action="extend",
        metavar="NAME",
        help="one or more, and may be repeated (default: every task with a table of accuracies)",
    )
    parser.add_argument("--accuracy-table", metavar="FILE", help="NAS-Bench-Macro's JSON instead of the surrogate")
    parser.add_argument("--cache-dir", metavar="FOLDER", help="of cost tables and exact optima")
    options = parser.parse_args(argv)
    bar = sys.stderr.isatty()
    measured: dict[str, tuple[Problem, Coupling]] = {}
    for name in options.task or task_names(needs_supernet=False):
        problem = make_problem(name, accuracy_table=options.accuracy_table, cache_dir=options.cache_dir, progress=bar)
        measured[name] = problem, measure(problem, cache_dir=options.cache_dir, progress=bar)
    sys.stdout.write(table(measured) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
