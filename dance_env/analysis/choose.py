"""The command `dance choose`: the exact best design of a task under limits."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from dance_env.analysis.exact import COST, MAX_DESIGNS, Optimum, least, optimum
from dance_env.from_file import is_in_file
from dance_env.objective import Metric
from dance_env.objective.quantities import METRIC_LABELS, quantity
from dance_env.problem import Problem
from dance_env.tasks import DEFAULT_TASK, get_task, make_problem

OBJECTIVE = "objective"
LEAST = (OBJECTIVE, COST, *get_args(Metric), "edp_js", "edap_js_mm2")


def main(argv: Sequence[str] | None = None) -> int:
    """The command: 0 where a design meets the limits, 1 where none does."""
    parser = argparse.ArgumentParser(
        prog="dance choose",
        description="Look at every design of a task, and print the best one that meets the limits.",
    )
    parser.add_argument(
        "--task", default=DEFAULT_TASK, help="a task's name, or path/to/file.py:function (default: %(default)s)"
    )
    parser.add_argument(
        "--least", default=OBJECTIVE, choices=LEAST, help="what is to be least (default: the task's objective)"
    )
    parser.add_argument(
        "--limit",
        nargs="+",
        type=_limit,
        metavar="METRIC=VALUE",
        help=f"largest values of {', '.join(get_args(Metric))}, in the unit of the name, in place of the task's limits",
    )
    parser.add_argument(
        "--accuracy-table", type=Path, metavar="JSON", help="NAS-Bench-Macro's table, not the surrogate"
    )
    arguments = parser.parse_args(argv)
    _check_size(arguments.task)
    bar = sys.stderr.isatty()
    problem = make_problem(arguments.task, accuracy_table=arguments.accuracy_table, progress=bar)
    if arguments.limit is not None:
        problem = problem.limited(dict(arguments.limit))
    if arguments.least == OBJECTIVE:
        found = optimum(problem, progress=bar)
    else:
        found = least(problem, arguments.least, progress=bar)
    sys.stdout.write(report(problem, found))
    return 0 if found.feasible else 1


def report(problem: Problem, found: Optimum) -> str:
    """The design by name, what it costs, and what it is the best of."""
    design, cost = problem.space.decode(found.design[None])[0], found.evaluation.cost
    values = {"error_pct": found.evaluation.error_pct[0]}
    values |= {name: getattr(cost, name)[0] for name in METRIC_LABELS if name != "error_pct"}
    exceeded = problem.violations(found.design[None])[0]
    if exceeded:
        by = ", ".join(f"{name} by {100 * amount:.2f} %" for name, amount in exceeded.items())
        head = f"No design meets these limits. The nearest one exceeds {by}; the best"
    else:
        head = "The best design"
    lines = [f"{head}, of {found.designs_compared:,}:"]
    lines += [f"  {name:<10} {option}" for name, option in design.items()]
    lines += [f"  {METRIC_LABELS[name]:<10} {quantity(name, float(value))}" for name, value in values.items()]
    return "\n".join([*lines, f"  {'objective':<10} {found.objective:.4f} points"]) + "\n"


def _check_size(name: str) -> None:
    """Refuse a task of too many designs before any file of its accuracies is asked for."""
    if is_in_file(name):
        return
    task = get_task(name)
    size = task.network_space.size * task.accelerator_space.size
    if size > MAX_DESIGNS:
        raise ValueError(
            f"task {task.name!r} has {size:,} designs; looking at every one is practical up to {MAX_DESIGNS:,}. "
            f"Let a solver search: dance compare --task {task.name}"
        )


def _limit(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"give METRIC=VALUE, such as latency_s=0.0004, not {text!r}") from None
