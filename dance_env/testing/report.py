"""How a contract suite runs its checks and reports them; every suite of this project uses it.

A check is a function of the thing under check (a cost model, a solver with its budget, ...) that raises `CheckFailed`
where the contract is broken; the first line of its docstring says what the contract asks for.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from dance_env.suggest import nearest

T = TypeVar("T")
Check = Callable[[T], None]
_LONGEST_MESSAGE = 1000


class CheckFailed(AssertionError):
    """The contract is broken; the message says how."""


@dataclass(frozen=True)
class Outcome:
    """The result of one check.

    Attributes:
        check: The check's name.
        about: What the contract asks for.
        failure: What happened instead; empty where the check passed.
        declared: Why the author expects the check to fail; empty where it should pass.
    """

    check: str
    about: str
    failure: str
    declared: str

    @property
    def as_expected(self) -> bool:
        """Whether the check passed, or failed as declared. A declared failure that passes is not as expected."""
        return bool(self.failure) == bool(self.declared)

    def __str__(self) -> str:
        if self.as_expected:
            return f"known {self.check}: {self.declared}" if self.declared else f"ok    {self.check}"
        if not self.failure:
            return f"FAIL  {self.check}: declared to fail, but passes"
        return f"FAIL  {self.check}: {self.failure}\n      the contract: {self.about}"


@dataclass(frozen=True)
class Report:
    """The results of all checks of one subject.

    Attributes:
        subject: What was checked, such as "solver 'Mine'".
        outcomes: One per check, in the order in which they ran.
    """

    subject: str
    outcomes: tuple[Outcome, ...]

    @property
    def passed(self) -> bool:
        """Whether every check went as expected."""
        return all(outcome.as_expected for outcome in self.outcomes)

    def __str__(self) -> str:
        lines = [f"contract of {self.subject}:"]
        first_with: dict[str, str] = {}
        for outcome in self.outcomes:
            earlier = first_with.setdefault(outcome.failure, outcome.check)
            # One mistake often breaks many checks; its message is shown once.
            repeated = not outcome.as_expected and outcome.failure and earlier != outcome.check
            lines.append(f"FAIL  {outcome.check}: as {earlier}" if repeated else str(outcome))
        return "\n".join(lines)

    def raise_if_failed(self) -> None:
        """Raise `CheckFailed` with the whole report unless every check went as expected."""
        if not self.passed:
            raise CheckFailed(str(self))


def run_checks(
    subject: T,
    checks: Mapping[str, Check[T]],
    *,
    name: str,
    only: Iterable[str] | None = None,
    expected_failures: Mapping[str, str] | None = None,
    call: Callable[[Check[T], T], None] | None = None,
    on_outcome: Callable[[Outcome], None] | None = None,
) -> Report:
    """Run named checks on a subject.

    Args:
        subject: The argument of each check.
        checks: All checks of the suite, by name.
        name: What the report calls the subject.
        only: Names of the checks to run; all by default.
        expected_failures: Checks that the subject cannot pass, each with the reason. One that passes all the same is
            reported as a failure, so that the list stays true.
        call: Runs one check on the subject, for suites that limit its time; by default the check is simply called.
        on_outcome: Called after each check, to show progress.

    Returns:
        The report. A failing check raises nothing, see `Report.raise_if_failed`.

    Raises:
        ValueError: If a check does not exist; the message offers the nearest names.
    """
    declared = dict(expected_failures or {})
    names = list(checks) if only is None else list(only)
    for each in (*names, *declared):
        if each not in checks:
            raise ValueError(f"there is no check {each!r}. {nearest(each, checks)}")
    outcomes = []
    for each in names:
        failure = _failure(checks[each], subject, call)
        outcomes.append(Outcome(each, _about(checks[each]), failure, declared.get(each, "")))
        if on_outcome is not None:
            on_outcome(outcomes[-1])
    return Report(name, tuple(outcomes))


def _failure(check: Check[T], subject: T, call: Callable[[Check[T], T], None] | None) -> str:
    try:
        if call is None:
            check(subject)
        else:
            call(check, subject)
    except CheckFailed as error:
        return str(error)
    except Exception as error:  # a subject may raise anything, and the other checks still run
        return describe_error(error)
    return ""


def describe_error(error: BaseException) -> str:
    """Return what an unexpected error was, with the file and line where it was raised.

    Of a long message only the beginning is given: some libraries write whole arrays into theirs.
    """
    cause = error.__cause__ or error
    try:
        text = str(cause)
    except Exception:  # the subject's own `__str__` may raise
        text = "(its message cannot be shown)"
    if len(text) > _LONGEST_MESSAGE:
        text = f"{text[:_LONGEST_MESSAGE].rstrip()} ... ({len(text):,} characters)"
    frames = traceback.extract_tb(cause.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"it raised {type(cause).__name__}: {text}{where}"


def _about(check: Check[T]) -> str:
    return (check.__doc__ or "").strip()
