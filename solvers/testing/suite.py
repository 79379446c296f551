"""The contract's checks as a product: run them on your own solver.

from solvers.testing import check_solver
check_solver(MySolver()).raise_if_failed()
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Never

from dance_env.testing.report import Check, CheckFailed, Outcome, Report, run_checks
from solvers.contract.failure import TimeLimit
from solvers.contract.solver import Solver, SolverFailed
from solvers.testing.checks import CHECKS, Trial

__all__ = ["CHECKS", "CheckFailed", "Outcome", "Report", "check_solver"]


def check_solver(
    solver: Solver,
    *,
    budget: int = 64,
    checks: Iterable[str] | None = None,
    expected_failures: Mapping[str, str] | None = None,
    seconds: float = 300.0,
    on_outcome: Callable[[Outcome], None] | None = None,
) -> Report:
    """Run the contract's named checks on a solver, on small synthetic problems.

    Args:
        solver: The solver, with settings that suit a small budget.
        budget: Evaluations of each run, at least 8; each check makes one to three runs.
        checks: Names of the checks to run; all of `CHECKS` by default.
        expected_failures: Checks that this solver cannot pass, each with the reason. One that passes all the same is
            reported as a failure, so that the list stays true.
        seconds: Time after which a check has failed, whether the solver computes or waits (where the system has such a
            timer, and this is the main thread).
        on_outcome: Called after each check, to show progress.

    Returns:
        The report; nothing is raised for a failing check, see `Report.raise_if_failed`.

    Raises:
        ValueError: If a check does not exist, or the budget is too small to see anything.
    """
    if budget < 8:
        raise ValueError(f"the checks need a budget of at least 8 evaluations, not {budget}")

    def call(check: Check[Trial], trial: Trial) -> None:
        with _at_most(seconds):
            check(trial)

    return run_checks(
        Trial(solver, budget),
        CHECKS,
        name=f"solver {type(solver).__name__!r}",
        only=checks,
        expected_failures=expected_failures,
        call=call,
        on_outcome=on_outcome,
    )


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Fail a check that takes longer.

    Raises:
        CheckFailed: If the time limit ended the check.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_: object) -> Never:
        raise TimeLimit

    # Time on the wall: a solver that waits for something needs an end as well as one that computes.
    started, before = time.monotonic(), signal.signal(signal.SIGALRM, ring)
    # It rings again every second: a solver that catches everything may have caught the first.
    others, interval = signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    except (TimeLimit, SolverFailed) as error:
        if not isinstance(error, TimeLimit) and not isinstance(error.__cause__, TimeLimit):
            raise
        raise CheckFailed(
            f"it did not end within {seconds:g} s; end where nothing new is left to ask, and let BudgetExhausted pass"
        ) from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
        if others:  # somebody else's timer, such as pytest-timeout's, goes on
            signal.setitimer(signal.ITIMER_REAL, max(0.001, others - (time.monotonic() - started)), interval)
