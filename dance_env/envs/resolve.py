"""From what a user names to the problem that is meant."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dance_env.problem import Problem


def resolve_problem(problem: Problem | str | None, task: str | None) -> Any:
    """The problem given, or that of the task named; the default task where neither is.

    Anything that evaluates designs of a space serves as a problem, a solver's metered handle among them.

    Raises:
        TypeError: something that is neither a name nor a problem, or both a problem and a task.
        ValueError: an unknown task; the message offers the nearest names.
    """
    if problem is not None and task is not None:
        raise TypeError("give either a task or a problem, not both")
    given = task if problem is None else problem
    if given is None or isinstance(given, str):
        from dance_env.tasks import DEFAULT_TASK, make_problem

        # The first build of a task's cost table takes a while: tell whoever sits in front of it.
        return make_problem(DEFAULT_TASK if given is None else given, progress=sys.stderr.isatty())
    if not (callable(getattr(given, "evaluate", None)) and hasattr(given, "space")):
        kind = type(given).__name__
        raise TypeError(f"expected a task's name or a problem (with `space` and `evaluate`); got {kind}")
    return given
