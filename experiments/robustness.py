"""How much each solver loses where a task is perturbed: `python -m experiments.robustness`.

Every solver on each task as it is, and under each perturbation; the median regret to the task's optimum, which no
perturbation moves. What is perturbed is defined in `dance_env.perturbations`.

python -m experiments.robustness               # everything: resumable; Ctrl-C, then go on. What the record holds stays
python -m experiments.robustness --page-only   # the tables again, from the record
"""

from __future__ import annotations

import argparse
import csv
import io
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache, partial
from pathlib import Path

import numpy as np
from rich.console import Console

from dance_env.analysis.exact import optimum
from dance_env.atomic import write_whole
from dance_env.problem import Problem
from dance_env.tasks import make_problem
from experiments.solving import solve
from solvers.catalog import load_solver
from solvers.comparison.judging import judged
from solvers.comparison.reference import Reference

RECORD = Path("docs/records/robustness")

TASKS = {"macro-cifar10/balanced": "100networks,1000", "accel-nasbench/edap": "30networks,1000"}
"""The budget of a run, by task."""

PERTURBATIONS = ("", "permuted=1", "noise=0.3", "dropped=0.2")
"""What every solver meets; the first is the task as it is. 0.3 points is the spread of ImageNet trainings in Accel-NASBench."""

OF_GRADIENTS = ("gradient_tau=0.8", "gradient_bias=0.8")
"""What only a solver that asks for gradients meets."""

SOLVERS = (
    "random", "evolution", "regularized-evolution", "annealing", "ppo", "tpe",
    "network-evolution", "network-local-search", "network-tpe", "separate", "edd", "dance", "dance-exact",
)  # fmt: skip

NEEDS_TRAINING = {"dance": ("permuted=1",)}
"""Left out: an evaluator ships for a task as it is, and would have to be trained for minutes for one with permuted options."""


@dataclass(frozen=True)
class Reading:
    """Where a run ended.

    Attributes:
        task, perturbation: What was solved; no perturbation is an empty text.
        solver: Its name.
        access: What it made use of.
        seed: Of the run.
        regret_pct: Of the design that it reports, judged without noise, above the optimum, %; infinite where it reports
            no feasible design.
    """

    task: str
    perturbation: str
    solver: str
    access: str
    seed: int
    regret_pct: float


def groups(tasks: Sequence[str]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield task, perturbation and the solvers that meet it."""
    for perturbation in (*PERTURBATIONS, *OF_GRADIENTS):
        for task in tasks:
            yield task, perturbation, tuple(each for each in SOLVERS if _meets(each, perturbation))


def _meets(solver: str, perturbation: str) -> bool:
    needs = load_solver(solver).capabilities
    if perturbation in OF_GRADIENTS and not (needs.needs_gradients or needs.needs_expectation):
        return False
    return perturbation not in NEEDS_TRAINING.get(solver, ())


def measure(task: str, perturbation: str, solver: str, *, seed: int, out: Path) -> Reading:
    """Run a solver on a perturbed task; a finished run is on record in `out`, and is read.

    Raises:
        SolverFailed: If the run fails.
        KeyboardInterrupt: If interrupted.
    """
    problem = _problem(task, perturbation)
    result = judged(solve(problem, solver, budget=TASKS[task], seed=seed, out=out), problem)
    least = _optimum(task)
    regret = 100.0 * (result.best_objective - least) / least
    return Reading(task, perturbation, solver, result.ledger.access, seed, round(regret, 6))


@cache
def _problem(task: str, perturbation: str) -> Problem:
    return make_problem(f"{task}:{perturbation}" if perturbation else task)


@cache
def _optimum(task: str) -> float:
    """The objective of a task's optimum: by a proof that ships, else by enumeration."""
    problem = _problem(task, "")
    return (Reference.shipped(problem) or Reference.of(optimum(problem))).objective


def _key(reading: Reading) -> tuple[int, int, int, int]:
    """What tells readings apart, in the order of the tables."""
    return (
        list(TASKS).index(reading.task),
        (*PERTURBATIONS, *OF_GRADIENTS).index(reading.perturbation),
        SOLVERS.index(reading.solver),
        reading.seed,
    )


def save(readings: Iterable[Reading], path: Path) -> None:
    """Write the readings as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Reading)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(each) for each in readings)
    write_whole(path, text.getvalue())


def load(path: Path) -> list[Reading]:
    """Read what `save` wrote."""
    rows = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
    return [
        Reading(
            row["task"],
            row["perturbation"],
            row["solver"],
            row["access"],
            seed=int(row["seed"]),
            regret_pct=float(row["regret_pct"]),
        )
        for row in rows
    ]


def median(values: Sequence[float]) -> float:
    """Return the upper median, so that it is the regret of a run."""
    return float(np.quantile(values, 0.5, method="higher"))


def page(readings: Sequence[Reading]) -> str:
    """Return the tables as Markdown: solver x perturbation, the median regret and the range over seeds."""
    lines = [
        "# Robustness, measured",
        "",
        "Made by `python -m experiments.robustness`. Regret of the design that a run reports, judged without noise, above the "
        "task's optimum, in %: the median over seeds, in brackets the least and the greatest. n where a solver was run with fewer "
        "seeds; – where it does not meet a perturbation or was not run; inf where half of its runs report no feasible design.",
    ]
    for task in dict.fromkeys(each.task for each in readings):
        rows = [each for each in readings if each.task == task]
        seeds = len({each.seed for each in rows})
        columns = [each for each in (*PERTURBATIONS, *OF_GRADIENTS) if any(row.perturbation == each for row in rows)]
        lines += ["", f"## {task}, budget {TASKS[task]}, {seeds} seeds", ""]
        lines.append(f"| solver | {' | '.join(f'`{each}`' if each else 'as it is' for each in columns)} |")
        lines.append(f"| --- |{' ---: |' * len(columns)}")
        known = [each for each in SOLVERS if any(row.solver == each for row in rows)]
        for solver in sorted(known, key=partial(_order, rows)):
            lines.append(f"| {solver} | {' | '.join(_cell(_of(rows, solver, each), seeds) for each in columns)} |")
    return "\n".join([*lines, ""])


def _order(rows: Sequence[Reading], solver: str) -> float:
    """The solver's median regret on the task as it is."""
    return median(_of(rows, solver, "") or [math.inf])


def _of(rows: Iterable[Reading], solver: str, perturbation: str) -> list[float]:
    return [each.regret_pct for each in rows if (each.solver, each.perturbation) == (solver, perturbation)]


def _cell(values: Sequence[float], seeds: int) -> str:
    if not values:
        return "–"
    fewer = "" if len(values) == seeds else f" (n = {len(values)})"
    return f"{median(values):.2f} [{min(values):.2f}, {max(values):.2f}]{fewer}"


def main(given: Sequence[str] | None = None) -> int:
    """Run; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=list(TASKS), metavar="TASK")
    parser.add_argument("--solvers", nargs="+", default=list(SOLVERS), choices=SOLVERS, metavar="NAME")
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="runs of each solver (default: 5)")
    parser.add_argument("--runs", type=Path, default=Path("runs/robustness"), help="where single runs are kept")
    parser.add_argument("--out", type=Path, default=RECORD, help=f"record and page (default: {RECORD})")
    parser.add_argument("--page-only", action="store_true", help="the tables alone, from the record")
    asked = parser.parse_args(given)
    console = Console(stderr=True)
    record = asked.out / "readings.csv"
    readings = load(record) if record.is_file() else []
    cells = [
        (task, what, solver)
        for task, what, solvers in groups(asked.tasks)
        for solver in solvers
        if solver in asked.solvers
    ]
    try:
        for seed in () if asked.page_only else range(asked.seeds):
            for task, perturbation, solver in cells:
                new = measure(task, perturbation, solver, seed=seed, out=asked.runs)
                readings = [each for each in readings if _key(each) != _key(new)] + [new]
            console.print(f"seed {seed}: {len(cells)} runs")
            save(sorted(readings, key=_key), record)
    except KeyboardInterrupt:
        console.print("interrupted; finished runs are kept: the same command goes on")
        return 130
    write_whole(asked.out / "report.md", page(readings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
