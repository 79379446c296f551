"""What a check is, and how an answer becomes a verdict."""

from __future__ import annotations

import importlib
import math
import numbers
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Check = Callable[[Any], str]
"""From an answer to what is wrong with it, as a sentence; empty where nothing is."""

_CHECKS: dict[str, Check] = {}


@dataclass(frozen=True)
class Verdict:
    """What a check says of an answer.

    Attributes:
        exercise: Its number, such as "1.2".
        state: "right", "wrong" or "not yet".
        reason: What is wrong; empty otherwise.
    """

    exercise: str
    state: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.exercise}: {self.state}" + (f": {self.reason}" if self.reason else "")


def exercise(number: str) -> Callable[[Check], Check]:
    """Register a function as the check of an exercise."""

    def register(function: Check) -> Check:
        _CHECKS[number] = function
        return function

    return register


def judge(number: str, answer: Any) -> Verdict:
    """Return the verdict on an answer; None, `...` and `NotImplementedError` stand for no answer yet.

    Raises:
        KeyError: If there is no such exercise.
    """
    found = re.fullmatch(r"([1-5])\.\d", number)
    if found is None:
        raise KeyError(f"exercises are numbered LESSON.NUMBER, such as 1.1; got {number!r}")
    importlib.import_module(f"checks.lesson_{found[1]}")
    if number not in _CHECKS:
        raise KeyError(f"there is no exercise {number}; lesson {found[1]} has {', '.join(exercises(found[1]))}")
    if answer is None or answer is ...:
        return Verdict(number, "not yet")
    try:
        wrong = _CHECKS[number](answer)
    except NotImplementedError:
        return Verdict(number, "not yet")
    except Exception as error:  # of the student's code: the check must say so, not stop the notebook
        wrong = f"it ends in {type(error).__name__}: {error}"
    return Verdict(number, "wrong", wrong) if wrong else Verdict(number, "right")


def check(number: str, answer: Any) -> None:
    """Print the verdict on an answer."""
    print(judge(number, answer))


def exercises(lesson: str) -> list[str]:
    """Return the numbers of a lesson's exercises."""
    importlib.import_module(f"checks.lesson_{lesson}")
    return sorted(number for number in _CHECKS if number.startswith(f"{lesson}."))


def number_is(
    answer: Any, expected: float, *, unit: str, within: float = 0.0, mistakes: dict[float, str] | None = None
) -> str:
    """Return what is wrong with a number; empty if nothing.

    Args:
        answer: What was given.
        expected: What is right.
        unit: What it counts.
        within: Relative difference that is still right.
        mistakes: Numbers that well-known mistakes give, with what to say of each.
    """
    if isinstance(answer, bool) or not isinstance(answer, numbers.Real):
        return f"give a number of {unit}, not {answer!r}"
    value = float(answer)
    if math.isclose(value, expected, rel_tol=max(within, 1e-9)):
        return ""
    for wrong, reason in (mistakes or {}).items():
        if math.isclose(value, wrong, rel_tol=max(within, 1e-9)):
            return reason
    way = "more" if value > expected else "fewer"
    return f"{value:g} {unit} is {way} than there are"
