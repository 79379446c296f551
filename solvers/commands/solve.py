"""`dance solve`: one run of one solver on one task."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dance_env.command_line import TASK_HELP, Exit, Parser, as_json, say
from solvers.commands.sources import add_accuracies, add_trainings, sources_of

if TYPE_CHECKING:
    from solvers.comparison.run import Comparison
    from solvers.comparison.spec import SolverSpec

_FOLDER = Path("runs/solve")
_EXAMPLES = (
    "solve tiny evolution --budget 200",
    "solve macro-cifar10/edap dance-refined --setting descent.steps=12 candidates=8 --seed 3",
    "solve accel-nasbench/edap path/to/file.py:Class --budget 300networks --json",
    "solve tiny evolution --help",
)
_NOTES = """`dance solve TASK SOLVER --help` lists the settings of that solver, as `dance solvers SOLVER` does. The run is on
record in --out: the same command shows it again without a run, `dance verify` checks it, `dance report` makes a page of several."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the solver, print its best design with its costs, its regret and its bill; return 0.

    Returns:
        1 where the run failed or took too long, or found no design that meets the limits.

    Raises:
        ValueError: If a name, a setting or a number cannot be used, or the solver does not suit the task.
        OSError, ImportError: If a file or a package cannot be used.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    asked = _parser(argv).parse_args(argv)
    from solvers.commands.answers import console_for, run_content, run_text  # after the arguments: rich takes a while

    spec = _spec(asked.solver, asked.setting)
    comparison = _run(asked, spec, console_for(json=asked.json))
    if not comparison.runs:
        raise ValueError("; ".join(comparison.left_out))
    run = comparison.runs[0]
    say(as_json(run_content(comparison)) if asked.json else run_text(comparison))
    found = run.result.status.complete and run.result.best_objective < float("inf")
    return Exit.ANSWER if found else Exit.NEGATIVE


def _run(asked: argparse.Namespace, spec: SolverSpec, console: Any) -> Comparison:
    from solvers.commands.console import Display
    from solvers.comparison.compare import compare
    from solvers.comparison.settings import Settings
    from solvers.comparison.spec import Contestant
    from solvers.contract.budget import Budget

    label = Contestant.of(spec).label
    settings = Settings(
        tasks=asked.task,
        solvers=[spec],
        seeds=(asked.seed,),
        budget=Budget.parse(asked.budget),
        out=asked.out or default_folder(asked.task, label, asked.seed),
        sources=sources_of(asked),
        workers=1,
        timeout_s=asked.timeout,
    )
    with Display(console) as display:
        return compare(settings, listener=display.listener(quiet=True))


def default_folder(task: str, label: str, seed: int) -> Path:
    """Return where a run goes: one folder for each task, solver with settings, and seed."""
    from solvers.contract.record.file import safe_name

    return _FOLDER / safe_name(task.replace("/", ".")) / safe_name(f"{label}-{seed}")


def _spec(solver: str, settings: Sequence[str]) -> SolverSpec:
    """The solver with the settings that stand behind its name and behind --setting.

    Raises:
        ValueError: If one is no setting, or is given twice.
    """
    from dataclasses import replace

    from solvers.comparison.spec import SolverSpec

    spec = SolverSpec.parse(solver)
    given = dict(spec.settings)
    for text in settings:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name:
            raise ValueError(f"--setting takes SETTING=VALUE, such as population=20; got {text!r}")
        if name in given:
            raise ValueError(f"setting {name!r} is given twice")
        given[name] = value
    return replace(spec, settings=given)


def _parser(argv: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The parser; with the settings of a solver in its help, where the arguments name one and ask for help."""
    parser = Parser(
        "solve",
        "Run one solver on one task, and print the best design, what it costs, its regret where the optimum is known, and the "
        "bill. The exit status is 1 if the run fails, or finds no design within the limits.",
        examples=_EXAMPLES,
        notes=_settings_help(argv) if {"-h", "--help"} & set(argv) else _NOTES,
    )
    parser.add_argument("task", metavar="TASK", help=TASK_HELP)
    parser.add_argument(
        "solver",
        metavar="SOLVER",
        help="a solver's name (`dance solvers` lists them), path/to/file.py:Class, cmd:COMMAND, or WRAPPER(SOLVER)",
    )
    parser.add_argument(
        "--setting",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=VALUE",
        help="settings of the solver; may be repeated",
    )
    parser.add_argument(
        "--budget",
        default="1000",
        metavar="N|Nnetworks|Ngpuh",
        help="the most that the run may spend, as in dance compare (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of every random draw (default: %(default)s)")
    parser.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="wall-clock limit of the run (default: no limit)"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help=f"for the record (default: {_FOLDER}/TASK/SOLVER-SEED)"
    )
    add_accuracies(parser)
    add_trainings(parser)
    parser.add_json()
    return parser


def _settings_help(argv: Sequence[str]) -> str:
    """The settings of the solver that the arguments name, as text; the usual notes where they name none."""
    from solvers.catalog import solver_names, wrapper_names
    from solvers.commands.solvers import in_full

    named = [each.partition(":")[0] for each in argv if not each.startswith("-")]
    files = [each for each in argv if ".py:" in each]
    solver = next(
        (each for each in [*files, *named[1:]] if each in files or each in {*solver_names(), *wrapper_names()}), ""
    )
    return f"{in_full(solver)}\n{_NOTES}" if solver else _NOTES
