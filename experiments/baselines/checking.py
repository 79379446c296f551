"""Rows made again, by sampling: what is published is what the code as it is gives."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from dance_env.problem import Problem
from dance_env.tasks import make_problem
from experiments.baselines.plan import BUDGET
from experiments.baselines.store import Row, rows_of
from solvers.comparison.compare import compare
from solvers.comparison.settings import Settings


def sampled(rows: Sequence[Row], number: int, *, seed: int) -> list[Row]:
    """Return rows drawn without replacement."""
    chosen = np.random.default_rng(seed).choice(len(rows), min(number, len(rows)), replace=False)
    return [rows[each] for each in sorted(chosen)]


def run_again(rows: Sequence[Row], out: Path) -> Iterator[tuple[Row, Row]]:
    """Yield each row with the row of a new run of it, on record in `out`.

    Raises:
        ValueError: If a solver does not suit its task any more.
    """
    for row in rows:
        settings = Settings(tasks=row.task, solvers=[row.solver], seeds=[row.seed], budget=BUDGET, out=out, workers=1)
        (again,) = rows_of(compare(settings))
        yield row, again


def drift(rows: Sequence[Row], *, problem: Problem | None = None) -> list[str]:
    """Evaluate the designs of one task's rows again, and return a sentence on each that is not as published.

    Args:
        rows: Of one task.
        problem: The task's problem; made by its name where not given.
    """
    with_design = [row for row in rows if row.design]
    if not with_design:
        return []
    problem = (problem or make_problem(rows[0].task)).without_noise
    evaluation = problem.evaluate(np.array([row.indices for row in with_design]))
    found = []
    for row, objective, violation in zip(with_design, evaluation.objective, evaluation.violation, strict=True):
        where = f"{row.solver} on {row.task}, seed {row.seed}"
        if violation > 0.0:
            found.append(f"{where}: the design breaks a limit by {violation:g}")
        if not math.isclose(objective, row.objective, rel_tol=1e-9):
            found.append(f"{where}: the objective is {objective!r}, and {row.objective!r} is published")
    return found
