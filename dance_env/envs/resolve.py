"""From what a user names to the problem that is meant."""

from __future__ import annotations

import os
import sys
from typing import Any

from dance_env.problem import Problem
from dance_env.tasks import DEFAULT_TASK, make_problem


def resolve_problem(
    problem: Problem | str | None, task: str | None, supernet: str | os.PathLike[str] | None = None
) -> Problem:
    """Return the problem given, or that of the task named; the default task if neither is.

    Anything with `space` and `evaluate` serves as a problem, a solver's metered problem among them.

    Args:
        problem: a problem, or the name of a task.
        task: the name of a task, in place of `problem`.
        supernet: a trained supernet's file, for a task of images that is given by name.

    Raises:
        TypeError: If `problem` is neither a name nor a problem, or is given together with a task, or a problem with a
            supernet.
        ValueError: If the task is unknown (the nearest names are offered), or the file is of another task.
        FileNotFoundError: If there is no such supernet.
    """
    if problem is not None and task is not None:
        raise TypeError("give either a task or a problem, not both")
    given: Any = task if problem is None else problem
    if given is None or isinstance(given, str):
        # The first build of a task's cost table takes a while: show a bar to whoever sits in front of it.
        name = DEFAULT_TASK if given is None else given
        return make_problem(name, supernet=supernet, progress=sys.stderr.isatty())
    if supernet is not None:
        raise TypeError("a problem has its accuracies already: give a supernet with the name of a task")
    if not (callable(getattr(given, "evaluate", None)) and hasattr(given, "space")):
        kind = type(given).__name__
        raise TypeError(f"expected a task's name or a problem (with `space` and `evaluate`); got {kind}")
    return given
