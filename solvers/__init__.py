"""Solvers of co-design problems, all on one contract: `solve(env, *, budget, seed, callback=None) -> Result`.

solver: the contract; ledger, meter, metered_problem, progress: what keeps a run honest; result, record: what it leaves
behind; catalog: solvers by name; testing: the contract's checks, for any solver. The families: random_search,
evolution, rl, dance, exhaustive, separate, edd.

Importing this package loads none of the families; `make_solver("ppo")` loads one.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from solvers.catalog import load_solver, make_solver, solver_names
    from solvers.contract.ledger import BudgetExhausted, Ledger
    from solvers.contract.progress import Callback, Progress
    from solvers.contract.record import RecordError, Trace, record_path
    from solvers.contract.result import Result, Status
    from solvers.contract.solver import Solver, SolverFailed

_HOMES = {
    "BudgetExhausted": "solvers.contract.ledger",
    "Callback": "solvers.contract.progress",
    "Ledger": "solvers.contract.ledger",
    "Progress": "solvers.contract.progress",
    "RecordError": "solvers.contract.record",
    "Result": "solvers.contract.result",
    "Solver": "solvers.contract.solver",
    "SolverFailed": "solvers.contract.solver",
    "Status": "solvers.contract.result",
    "Trace": "solvers.contract.record",
    "load_solver": "solvers.catalog",
    "make_solver": "solvers.catalog",
    "record_path": "solvers.contract.record",
    "solver_names": "solvers.catalog",
}

__all__ = [
    "BudgetExhausted",
    "Callback",
    "Ledger",
    "Progress",
    "RecordError",
    "Result",
    "Solver",
    "SolverFailed",
    "Status",
    "Trace",
    "load_solver",
    "make_solver",
    "record_path",
    "solver_names",
]


def __getattr__(name: str) -> Any:
    """Load a public name's module on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'solvers' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
