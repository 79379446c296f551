"""`dance compare`: solvers compared on tasks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from solvers.commands.console import run_comparison, run_tuning
from solvers.comparison.plan import DEFAULT_SOLVERS
from solvers.comparison.settings import DEFAULT_BUDGET, DEFAULT_SEEDS, DEFAULT_TASKS, MAX_SEEDS, Settings
from solvers.comparison.sources import Sources
from solvers.comparison.spec import parse_specs
from solvers.comparison.spending import AXES
from solvers.contract.budget import Budget
from solvers.contract.record.file import safe_name

_FOLDER = Path("runs/compare")
_HIGHEST_SEED = 2**128

_EPILOG = f"""examples:
  dance compare
  dance compare --task tiny macro-cifar10/edap --seeds 5 --budget 1000
  dance compare --solver random evolution:population=20 evolution:population=100
  dance compare --solver "dance:steps=12" mine.py:Mine --timeout 600
  dance compare --solver variants.toml --out runs/variants
  dance compare --budget 100 --solver random "cmd:python my_agent.py"

A TOML file lists solvers with settings and labels:
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
    specs = None if asked.solvers is None else [spec for text in asked.solvers for spec in parse_specs(text)]
    tasks = asked.task or DEFAULT_TASKS
    settings = Settings(
        tasks=tasks,
        solvers=specs,
        seeds=asked.seeds,
        budget=Budget.parse(asked.budget),
        out=asked.out or default_folder(tasks),
        sources=Sources(
            asked.accuracy_table, asked.supernet, asked.images, asked.device, asked.fidelity, asked.noise_seed
        ),
        workers=asked.workers,
        timeout_s=asked.timeout,
        fresh_evaluators=asked.fresh_evaluators,
        ray=asked.ray,
    )
    if asked.tune_budget is not None:
        settings = run_tuning(settings, asked.tune_budget)
    comparison = run_comparison(settings, command=(Path(sys.argv[0]).name, *sys.argv[1:]), curves=asked.curves)
    return 0 if all(result.status.complete for result in comparison.results) else 1


def default_folder(tasks: Sequence[str]) -> Path:
    """Return where a comparison of these tasks goes: one folder for each set of tasks."""
    return _FOLDER / safe_name("+".join(task.replace("/", ".") for task in tasks))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dance compare",
        description="Compare solvers on tasks: every solver with every seed, each run in a process of its own.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--task",
        "--tasks",
        nargs="+",
        action="extend",
        metavar="TASK",
        help="names of tasks, or path/to/file.py:function for a problem of yours; may be repeated, and perturbed, such as "
        "tiny:permuted=1,noise=0.3,dropped=0.1 (docs/robustness.md) "
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
        type=_seeds,
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
    parser.add_argument(
        "--accuracy-table",
        type=Path,
        metavar="JSON",
        help="the NAS-Bench-Macro table, to use it in place of the surrogate fitted to it",
    )
    parser.add_argument(
        "--supernet",
        type=Path,
        metavar="FILE",
        help="a trained supernet, for tasks of images (default: what DANCE_SUPERNET names)",
    )
    parser.add_argument("--images", metavar="PLACE", help="a folder of those images, or another name on the hub")
    parser.add_argument(
        "--fidelity", metavar="NAME", help="the training schedule of the accuracies (accel-nasbench: proxy, longer)"
    )
    parser.add_argument(
        "--noise-seed",
        type=int,
        metavar="N",
        help="evaluations are single trainings drawn with this seed (accel-nasbench); judged without noise",
    )
    parser.add_argument("--device", default="cpu", help="where a supernet runs (default: %(default)s)")
    return parser


def _seeds(text: str) -> tuple[int, ...]:
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
