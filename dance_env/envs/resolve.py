"""From what a user names to the problem that is meant."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dance_env.problem import Problem


def resolve_problem(problem: Problem | str | None, task: str | None, supernet: Any = None) -> Any:
    """The problem given, or that of the task named; the default task where neither is.

    A supernet's file goes with the name of a task that needs one.

    Anything that evaluates designs of a space serves as a problem, a solver's metered handle among them.

    Raises:
        TypeError: something that is neither a name nor a problem, or both a problem and a task or a supernet.
        ValueError: an unknown task, the message offers the nearest names; a task that needs another file, or none.
        FileNotFoundError: no such supernet.
    """
    if problem is not None and task is not None:
        raise TypeError("give either a task or a problem, not both")
    given = task if problem is None else problem
    if given is None or isinstance(given, str):
        from dance_env.tasks import DEFAULT_TASK, make_problem

        # The first build of a task's cost table takes a while: tell whoever sits in front of it.
        name = DEFAULT_TASK if given is None else given
        return make_problem(name, supernet=supernet, progress=sys.stderr.isatty())
    if supernet is not None:
        raise TypeError("a problem has its accuracies already: give a supernet with the name of a task")
    if not (callable(getattr(given, "evaluate", None)) and hasattr(given, "space")):
        kind = type(given).__name__
        raise TypeError(f"expected a task's name or a problem (with `space` and `evaluate`); got {kind}")
    return given
