"""The contract's checks as a product: `check_solver(MySolver()).raise_if_failed()`.

- `suite`: runs the checks and reports; `checks`: the checks themselves.
"""

from solvers.testing.suite import CHECKS, CheckFailed, Outcome, Report, check_solver

__all__ = ["CHECKS", "CheckFailed", "Outcome", "Report", "check_solver"]
