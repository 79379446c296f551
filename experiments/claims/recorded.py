"""Solver runs that a claim needs, kept on disk: what has run once is not run again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

from dance_env.problem import Problem
from solvers.contract.progress import Progress
from solvers.contract.record.file import RecordError, record_path
from solvers.contract.result import Result, Status
from solvers.contract.settings import json_settings, settings_digest
from solvers.contract.solver import Solver

_PACKAGES = Path(__file__).resolve().parents[2]
# Code that only shows results; and the scales, whose values are part of whatever is kept.
_LEFT_OUT = (
    "solvers/report/",
    "experiments/claims/page",
    "experiments/claims/pictures",
    "experiments/claims/scale",
    "solvers/cli",
    "solvers/console",
)


def recorded(
    solver: Solver,
    problem: Problem,
    *,
    budget: int,
    seed: int,
    folder: Path,
    callback: Callable[[Progress], object] | None = None,
) -> Result:
    """The result of a run, read from `folder` where the same code has done the very same run before.

    Raises:
        KeyboardInterrupt: interrupted; what had finished before is kept.
    """
    settings = json_settings(solver)
    place = folder / "records" / source_digest()[:12]
    path = record_path(
        place, task=problem.name, solver=solver.name, settings=settings_digest(solver), budget=budget, seed=seed
    )
    try:
        found = Result.load(path)
        if found.settings == settings and found.problem_fingerprint == problem.fingerprint() and found.budget == budget:
            return found
    except (FileNotFoundError, RecordError):
        pass
    result = solver.solve(problem, budget=budget, seed=seed, callback=callback)
    if result.status is Status.INTERRUPTED:
        raise KeyboardInterrupt
    result.save(path)
    return result


@cache
def source_digest() -> str:
    """SHA-256 over the code that measures: both packages' Python files, but for `_LEFT_OUT`."""
    digest = hashlib.sha256()
    for package in ("dance_env", "solvers"):
        for path in sorted((_PACKAGES / package).rglob("*.py")):
            name = path.relative_to(_PACKAGES).as_posix()
            if not name.startswith(_LEFT_OUT):
                digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
