"""The contract's checks as a product: run them on your own solver.

from solvers.testing import check_solver
check_solver(MySolver()).raise_if_failed()
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Never

from dance_env.suggest import nearest
from solvers.contract.solver import Solver
from solvers.testing.checks import CHECKS, CheckFailed, Trial

__all__ = ["CHECKS", "CheckFailed", "Outcome", "Report", "check_solver"]


@dataclass(frozen=True)
class Outcome:
    """How one check went.

    Attributes:
        check: the check's name.
        about: what the contract asks for.
        failure: what the solver did instead; empty where it passed.
        declared: why the solver's author expects the check to fail; empty where it should pass.
    """

    check: str
    about: str
    failure: str
    declared: str

    @property
    def as_expected(self) -> bool:
        """Passed, or failed as declared; a declared failure that passes is not as expected."""
        return bool(self.failure) == bool(self.declared)

    def __str__(self) -> str:
        if not self.failure:
            return f"ok    {self.check}" if not self.declared else f"FAIL  {self.check}: declared to fail, but passes"
        if self.declared:
            return f"known {self.check}: {self.declared}"
        return f"FAIL  {self.check}: {self.failure}\n      the contract: {self.about}"


@dataclass(frozen=True)
class Report:
    """How all checks of one solver went.

    Attributes:
        solver: the solver's name.
        outcomes: one per check.
    """

    solver: str
    outcomes: tuple[Outcome, ...]

    @property
    def passed(self) -> bool:
        """Whether every check went as expected."""
        return all(outcome.as_expected for outcome in self.outcomes)

    def __str__(self) -> str:
        return "\n".join((f"contract of solver {self.solver!r}:", *map(str, self.outcomes)))

    def raise_if_failed(self) -> None:
        """Raise CheckFailed with the whole report unless every check went as expected."""
        if not self.passed:
            raise CheckFailed(str(self))


def check_solver(
    solver: Solver,
    *,
    budget: int = 64,
    checks: Iterable[str] | None = None,
    expected_failures: Mapping[str, str] | None = None,
    seconds: float = 300.0,
) -> Report:
    """Run the contract's named checks on a solver, on small synthetic problems.

    Args:
        solver: the solver, with settings that suit a small budget.
        budget: evaluations of each run, at least 8; each check makes one to three runs.
        checks: names of the checks to run; all of `CHECKS` by default.
        expected_failures: checks that this solver cannot pass, each with the reason. One that passes all the same is
            reported as a failure, so that the list stays true.
        seconds: processor time after which a check has failed, so that a solver without an end has a report too (where
            the system has such a timer, and this is the main thread).

    Returns:
        The report; nothing is raised for a failing check, see `Report.raise_if_failed`.

    Raises:
        ValueError: a check that does not exist, or a budget too small to see anything.
    """
    declared = dict(expected_failures or {})
    names = list(CHECKS) if checks is None else list(checks)
    for name in (*names, *declared):
        if name not in CHECKS:
            raise ValueError(f"there is no check {name!r}. {nearest(name, CHECKS)}")
    if budget < 8:
        raise ValueError(f"the checks need a budget of at least 8 evaluations, not {budget}")
    trial = Trial(solver, budget)
    return Report(
        type(solver).__name__, tuple(_outcome(name, trial, declared.get(name, ""), seconds) for name in names)
    )


def _outcome(name: str, trial: Trial, declared: str, seconds: float) -> Outcome:
    check = CHECKS[name]
    try:
        with _at_most(seconds):
            check(trial)
        failure = ""
    except _Endless:
        failure = (
            f"it did not end within {seconds:g} s, nor ask for anything more; end where nothing new is left to ask"
        )
    except CheckFailed as error:
        failure = str(error)
    except Exception as error:  # a solver under check may raise anything, and the other checks still run
        cause = error.__cause__ or error
        failure = f"it raised {type(cause).__name__}: {cause}"
    return Outcome(name, (check.__doc__ or "").strip(), failure, declared)


class _Endless(BaseException):
    """A check took too long; no `Exception`, so that a solver that catches everything does not catch this."""


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raise _Endless when this process has computed for so long."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_: object) -> Never:
        raise _Endless

    # Processor time, not the clock on the wall: a busy machine is no failure.
    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
        signal.signal(signal.SIGVTALRM, before)
