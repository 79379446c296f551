"""`dance compare`: solvers compared on tasks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dance_env.command_line import TASK_HELP, Exit, Parser, as_json, say
from dance_env.tasks.catalog import DEFAULT_VARIANTS, TASKS
from solvers.catalog import solver_names
from solvers.commands.sources import add_accuracies, add_trainings, sources_of
from solvers.comparison.plan import DEFAULT_SOLVERS
from solvers.comparison.settings import DEFAULT_BUDGET, DEFAULT_SEEDS, DEFAULT_TASKS, MAX_SEEDS, Settings
from solvers.comparison.spec import SolverSpec, parse_specs
from solvers.comparison.spending import AXES
from solvers.contract.budget import Budget
from solvers.contract.record.file import safe_name

_FOLDER = Path("runs/compare")
_HIGHEST_SEED = 2**128

_EXAMPLES = (
    "compare",
    "compare tiny macro-cifar10/edap --seeds 5 --budget 1000",
    "compare --solver random evolution:population=20 evolution:population=100",
    'compare tiny --solver "dance:steps=12" mine.py:Mine --timeout 600',
    "compare --solver variants.toml --out runs/variants",
    'compare tiny --budget 100 --solver random "cmd:python my_agent.py"',
)
_NOTES = f"""A TOML file lists solvers with settings and labels:
  [[solver]]
  name = "evolution"
  label = "small"
  settings = {{ population = 20 }}

Finished runs are on record in --out: the same command again goes on where it stopped, and tries failed runs again.
The exit status is 1 if a run failed or took too long, 2 for a mistake in the command, 130 after Ctrl-C.
Default solvers: those of {", ".join(DEFAULT_SOLVERS)} that suit the task; with the
default tasks, those that need no training of an evaluator first."""


def main(argv: Sequence[str] | None = None) -> int:
    """Compare, print the table, write the report, and return 0 if no run failed or took too long, else 1."""
    asked = _parser().parse_args(argv)
    from solvers.commands.answers import (
        comparison_content,
        console_for,
    )  # after the arguments: rich and scipy take a second
    from solvers.commands.console import run_comparison, run_tuning

    specs = None if asked.solvers is None else [spec for text in asked.solvers for spec in parse_specs(text)]
    _check_names(specs or [])
    console = console_for(json=asked.json)
    tasks = asked.task or DEFAULT_TASKS
    settings = Settings(
        tasks=tasks,
        solvers=specs,
        seeds=asked.seeds,
        budget=Budget.parse(asked.budget),
        out=asked.out or default_folder(tasks),
        sources=sources_of(asked),
        workers=asked.workers,
        timeout_s=asked.timeout,
        fresh_evaluators=asked.fresh_evaluators,
        ray=asked.ray,
    )
    tuning = None
    if asked.tune_budget is not None:
        settings, tuning = run_tuning(settings, asked.tune_budget, console=console)
    command = (Path(sys.argv[0]).name, *sys.argv[1:])
    comparison = run_comparison(settings, command=command, curves=asked.curves, console=console, tuning=tuning)
    if asked.json:
        say(as_json(comparison_content(comparison)))
    return Exit.ANSWER if all(result.status.complete for result in comparison.results) else Exit.NEGATIVE


def default_folder(tasks: Sequence[str]) -> Path:
    """Return where a comparison of these tasks goes: one folder for each set of tasks."""
    return _FOLDER / safe_name("+".join(task.replace("/", ".") for task in tasks))


def _check_names(specs: Sequence[SolverSpec]) -> None:
    """Say so where a task stands among the solvers: everything behind --solver is one."""
    for spec in specs:
        if spec.name in {*TASKS, *DEFAULT_VARIANTS} and spec.name not in solver_names():
            raise ValueError(
                f"{spec.name!r} is a task, and stands behind --solver: tasks come first, dance compare {spec.name} ..."
            )


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        "compare",
        "Compare solvers on tasks: every solver with every seed, each run in a process of its own.",
        examples=_EXAMPLES,
        notes=_NOTES,
    )
    parser.add_argument(
        "task",
        nargs="*",
        metavar="TASK",
        help=f"{TASK_HELP}; perturbed: tiny:permuted=1,noise=0.3,dropped=0.1 (docs/robustness.md) "
        f"(default: {' '.join(DEFAULT_TASKS)})",
    )
    parser.add_argument(
        "--solver",
        "--solvers",
        dest="solvers",
        nargs="+",
        action="extend",
        metavar="SOLVER",
        help="NAME, NAME:SETTING=VALUE,SETTING=VALUE, path/to/file.py:Class for one of yours, cmd:COMMAND for a program "
        "that speaks JSON lines, WRAPPER(SOLVER), or a TOML file that lists some; may be repeated (default: see below)",
    )
    parser.add_argument(
        "--seeds",
        type=seeds_of,
        default=tuple(range(DEFAULT_SEEDS)),
        metavar="N|A,B,…",
        help="how many seeds, or which ones (default: 0,1,2)",
    )
    parser.add_argument(
        "--budget",
        default=str(DEFAULT_BUDGET),
        metavar="N|Nnetworks|Ngpuh",
        help="the most that one run may spend: 4000 (evaluations + gradient queries), 300networks (trained networks), "
        "500gpuh (GPU-hours of training), or several with commas (default: %(default)s)",
    )
    parser.add_argument(
        "--tune-budget",
        metavar="N|Nnetworks|Ngpuh",
        help="tune each named solver first, with runs that may spend this in all on a task, on seeds of their own; both are "
        "compared (docs/tuning.md)",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help=f"for records, tables and plots (default: {_FOLDER}/TASK)"
    )
    parser.add_argument(
        "--curves",
        nargs="+",
        choices=list(AXES),
        default=list(AXES),
        metavar="AXIS",
        help=f"what the report draws the best design so far against: some of {', '.join(AXES)} (default: all)",
    )
    parser.add_argument(
        "--workers", type=int, default=Settings().workers, help="runs side by side (default: %(default)s)"
    )
    parser.add_argument(
        "--ray",
        metavar="auto|local|HOST:PORT",
        help="run on a Ray cluster: the one of this machine, one made here of --workers processors, or the one of that head "
        "(needs dance-env[ray]; docs/machines.md)",
    )
    parser.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="wall-clock limit of one run (default: no limit)"
    )
    parser.add_argument(
        "--fresh-evaluators",
        action="store_true",
        help="solvers with a learned evaluator train one for each seed, in place of one for all",
    )
    add_accuracies(parser)
    add_trainings(parser)
    parser.add_json()
    return parser


def seeds_of(text: str) -> tuple[int, ...]:
    """Return the seeds that a text says: how many (`3`), or which ones (`0,1,2`).

    Raises:
        argparse.ArgumentTypeError: If it says none.
    """
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"give a number of seeds (3) or the seeds (0,1,2), not {text!r}") from None
    if "," not in text:
        if not 1 <= numbers[0] <= MAX_SEEDS:
            raise argparse.ArgumentTypeError(f"give 1 to {MAX_SEEDS:,} seeds, not {text}")
        return tuple(range(numbers[0]))
    if not all(0 <= number < _HIGHEST_SEED for number in numbers):
        raise argparse.ArgumentTypeError(f"a seed is a whole number from 0 to 2^128 - 1; got {text}")
    return tuple(numbers)
