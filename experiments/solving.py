"""Runs of an experiment, one after the other in this process, each on record, so that a stopped experiment goes on.

A comparison gives each run a process, and with it a problem of its own. Where a problem takes longer to load than a run
takes, and a solver is known to end, that is not worth it.
"""

from __future__ import annotations

from pathlib import Path

from dance_env.problem import Problem
from solvers import make_solver
from solvers.comparison.plan import Cell
from solvers.comparison.records import keep, recorded
from solvers.comparison.sources import Sources
from solvers.comparison.spec import Contestant, SolverSpec
from solvers.contract.budget import Budget
from solvers.contract.record.file import record_path
from solvers.contract.result import Result


def solve(problem: Problem, solver: str, *, budget: str, seed: int, out: Path) -> Result:
    """Return what a solver finds: from its record in `out` where that holds, else from a run, which is then recorded.

    Args:
        problem: What is solved.
        solver: The solver's name.
        budget: Of the run.
        seed: Of the run.
        out: Folder of the records.

    Raises:
        SolverFailed: If the run fails.
        KeyboardInterrupt: If interrupted.
    """
    contestant = Contestant.of(SolverSpec(solver))
    path = record_path(
        out.resolve(),
        task=problem.name,
        solver=contestant.label,
        settings=contestant.settings_digest,
        budget=Budget.of(budget),
        seed=seed,
    )
    cell = Cell(problem.name, problem, contestant, seed, Budget.of(budget), Sources(), path)
    known = recorded(cell, problem)
    return known or keep(cell, make_solver(solver).solve(problem, budget=budget, seed=seed))
