"""Records of a comparison: which of them still hold, and where new ones go. Only the driver reads and writes them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from dance_env.problem import Problem
from solvers.comparison.plan import Cell
from solvers.contract.record.file import RecordError
from solvers.contract.result import Result
from solvers.contract.settings import json_settings, opaque_settings
from solvers.contract.trainings import final_training

CODE = "solver"
"""The entry of `Result.software` that holds the digest of the solver's code."""


def recorded(cell: Cell, problem: Problem) -> Result | None:
    """Return the result of a cell where its record is there and holds, else None.

    A record holds if it is whole, the run went to its own end, and it is of the same problem, settings, budget, seed,
    code and package versions, and if the problem still gives its best design the same objective and training time, and a
    supernet the same price. A problem, a setting or a solver that has no fingerprint is never found again.
    """
    try:
        result = Result.load(cell.path)
    except (OSError, RecordError):
        return None
    solver = cell.contestant.solver
    software = cell.contestant.software
    fingerprint = problem.fingerprint()
    same = (
        fingerprint
        and result.problem_fingerprint == fingerprint
        and result.solver == solver.name
        and result.settings == json_settings(solver)
        and not opaque_settings(solver)
        and CODE in software
        and result.software == software
        and result.budget == cell.budget
        and result.seed == cell.seed
        and result.status.complete
        and all(getattr(result.ledger, name) == value for name, value in tuning_bill(cell).items())
    )
    return result if same and _best_holds(result, problem) and _bill_holds(result, problem) else None


def tuning_bill(cell: Cell) -> dict[str, Any]:
    """Return what choosing the settings of a cell's solver cost, as fields of the ledger."""
    nothing = {"tuning_runs": 0, "tuning_queries": 0, "tuning_gpu_hours": 0.0}
    return nothing | dict(cell.contestant.spec.tuning.get(cell.task, {}))


def keep(cell: Cell, result: Result) -> Result:
    """Write the record of a cell, and return the result as it is on record.

    Where the solver's code was edited while it ran, the record says so, and is not found again.

    Raises:
        OSError: If the record cannot be written; the message names it.
    """
    known = dict(cell.contestant.software)
    if result.software != known:
        same = cell.contestant.spec.solver is not None  # it was sent as it is: the code is the driver's
        result = dataclasses.replace(result, software=known if same else known | {CODE: "edited while it ran"})
    ledger = dataclasses.replace(result.ledger, **tuning_bill(cell))
    result = dataclasses.replace(result, label=cell.label, ledger=ledger)
    result.save(cell.path)
    return result


def _best_holds(result: Result, problem: Problem) -> bool:
    """Whether the problem evaluates a result's best design as the result says."""
    best = result.best
    if best is None:
        return True
    if problem.failures is not None and not result.trace.feasible[best]:
        return True  # every evaluation failed, or broke a limit: what the record says cannot be asked again
    try:
        evaluation = problem.evaluate(result.trace.designs[[best]])
    except (ValueError, TypeError, IndexError):  # no design of this problem
        return False
    claimed, found = result.trace.objective[best], evaluation.objective[0]
    same_violation = np.isclose(result.trace.violation[best], evaluation.violation[0], rtol=1e-9, atol=1e-12)
    return bool(np.isclose(claimed, found, rtol=1e-9, atol=0.0) and same_violation)


def _bill_holds(result: Result, problem: Problem) -> bool:
    """Whether the problem's training times and its price of a supernet are those of a result's bill."""
    ledger, best = result.ledger, result.best
    network = None if best is None else result.trace.designs[best][problem.space.network]
    claimed = [ledger.final_training_gpu_hours, ledger.supernet_gpu_hours, ledger.supernet_trainings]
    asked = ledger.gradient_queries > 0
    found = [
        final_training(problem, network),
        problem.supernet_gpu_hours if asked or not problem.is_timed else 0.0,
        problem.supernet_trainings if asked else 0.0,
    ]
    return all(
        one is two if one is None or two is None else bool(np.isclose(one, two, rtol=1e-9, atol=0.0))
        for one, two in zip(claimed, found, strict=True)
    )
