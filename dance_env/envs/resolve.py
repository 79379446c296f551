"""From what a user names to the problem that is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dance_env.problem import Problem

DEFAULT_TASK = "macro-cifar10/balanced"


def resolve_problem(problem: Problem | str | None, task: str | None) -> Any:
    """The problem given, or that of the task named; the default task where neither is.

    Anything that evaluates designs of a space serves as a problem, a solver's metered handle among them.

    Raises:
        TypeError: something that is neither a name nor a problem, or both a problem and a task.
        ValueError: an unknown task; the message offers the nearest names.
    """
    if problem is not None and task is not None:
        raise TypeError("give either a task or a problem, not both")
    chosen = DEFAULT_TASK if problem is None and task is None else (task if problem is None else problem)
    if isinstance(chosen, str):
        from dance_env.tasks import make_problem

        return make_problem(chosen)
    if not (callable(getattr(chosen, "evaluate", None)) and hasattr(chosen, "space")):
        raise TypeError(
            f"expected a task's name or a problem (with `space` and `evaluate`); got {type(chosen).__name__}"
        )
    return chosen
