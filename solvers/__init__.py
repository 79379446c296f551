"""Solvers of co-design problems, all on one contract: `solve(env, *, budget, seed, callback=None) -> Result`.

contract: the solver, what it is given, its bill, what a run leaves behind. methods: the solvers, a file or a room for each
family. middleware: solvers around any of them. catalog: solvers by name. comparison: solvers with seeds on tasks, a process
for each run. report: tables, plots, pages. leaderboard: run folders that others hand in, verified
and ranked. testing: the contract's checks, for any solver. commands, cli: the command line.

Importing this package loads none of these; `make_solver("ppo")` loads one solver.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from solvers.catalog import load_solver, make_solver, solver_names
    from solvers.comparison.compare import compare
    from solvers.comparison.run import Comparison
    from solvers.comparison.settings import Settings
    from solvers.comparison.spec import SolverSpec
    from solvers.contract.budget import Budget
    from solvers.contract.capabilities import Capabilities
    from solvers.contract.ledger import BudgetExhausted, Ledger
    from solvers.contract.metered_problem import MeteredProblem
    from solvers.contract.progress import Callback, Progress
    from solvers.contract.record import RecordError, Trace, record_path
    from solvers.contract.result import Result, Status
    from solvers.contract.solver import Solver, SolverFailed

_HOMES = {
    "compare": "solvers.comparison.compare",
    "SolverSpec": "solvers.comparison.spec",
    "Settings": "solvers.comparison.settings",
    "Comparison": "solvers.comparison.run",
    "Budget": "solvers.contract.budget",
    "BudgetExhausted": "solvers.contract.ledger",
    "Callback": "solvers.contract.progress",
    "Capabilities": "solvers.contract.capabilities",
    "Ledger": "solvers.contract.ledger",
    "MeteredProblem": "solvers.contract.metered_problem",
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
    "Budget",
    "BudgetExhausted",
    "Callback",
    "Capabilities",
    "Comparison",
    "Ledger",
    "MeteredProblem",
    "Progress",
    "RecordError",
    "Result",
    "Settings",
    "Solver",
    "SolverFailed",
    "SolverSpec",
    "Status",
    "Trace",
    "compare",
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
