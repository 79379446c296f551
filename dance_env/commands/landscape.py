"""The command `dance landscape`: how hard tasks are to search, as the tables of docs/tasks.md."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from dance_env.analysis.landscape import Landscape, measure
from dance_env.analysis.landscape.measuring import NETWORKS, STARTS
from dance_env.command_line import TASK_HELP, Exit, Parser, as_json, say, whole_number
from dance_env.commands.landscape_table import as_dict, table
from dance_env.perturbations import Perturbation, split_task
from dance_env.problem import Problem
from dance_env.tasks import get_task, is_made_by_user, make_problem


def main(argv: Sequence[str] | None = None) -> int:
    """Measure tasks and print a table, or JSON; return the exit status."""
    options = _parser().parse_args(argv)
    for name in options.task:
        plain, modifiers = split_task(name)
        Perturbation.parse(modifiers)
        if not is_made_by_user(plain):
            get_task(plain)  # a wrong name is told before the first task is measured
    bar = sys.stderr.isatty()
    measured: dict[str, tuple[Problem, Landscape]] = {}
    for name in options.task:
        problem = make_problem(
            name,
            accuracy_table=options.accuracy_table,
            supernet=options.supernet,
            cache_dir=options.cache_dir,
            progress=bar,
        )
        measured[name] = (
            problem,
            measure(
                problem,
                networks=options.networks,
                starts=options.starts,
                seed=options.seed,
                cache_dir=options.cache_dir,
                progress=bar,
            ),
        )
    if options.json:
        say(as_json({name: as_dict(problem, found) for name, (problem, found) in measured.items()}))
    else:
        say(table(measured) + "\n")
    return Exit.ANSWER


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        "landscape",
        "Measure how hard tasks are to search: feasible designs, best accelerators, local optima. Every design is looked at "
        "where that is practical, else random networks on every accelerator.",
        examples=["landscape tiny accel-nasbench/edap", "landscape gpt-s --networks 100 --json"],
    )
    parser.add_argument("task", nargs="+", metavar="TASK", help=TASK_HELP)
    parser.add_json()
    parser.add_argument(
        "--networks",
        type=whole_number(1),
        default=NETWORKS,
        metavar="N",
        help="random networks of a task that cannot be enumerated (default: %(default)s)",
    )
    parser.add_argument(
        "--starts", type=whole_number(1), default=STARTS, metavar="N", help="descents (default: %(default)s)"
    )
    parser.add_argument("--seed", type=whole_number(0), default=0, help="of random networks and starts (default: 0)")
    parser.add_argument("--accuracy-table", metavar="FILE", help="as for `dance compare`")
    parser.add_argument("--supernet", metavar="FILE", help="of a task of images")
    parser.add_argument("--cache-dir", metavar="FOLDER", help="of cost tables and exact optima")
    return parser
