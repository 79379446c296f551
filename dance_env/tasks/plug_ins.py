"""Tasks of installed distributions: functions that return a problem, by entry points."""

from __future__ import annotations

import warnings
from importlib.metadata import EntryPoint, entry_points

from dance_env.from_file import names_a_file
from dance_env.problem import Problem
from dance_env.tasks.catalog import DEFAULT_VARIANTS, TASKS

ENTRY_POINT_GROUP = "dance_env.tasks"
"""A distribution offers a task with `[project.entry-points."dance_env.tasks"]  name = "module:function"`."""

_RESERVED = ":@"
"""What has a meaning of its own in a task's name: perturbations, files, accelerators."""


def plug_in_tasks() -> dict[str, EntryPoint]:
    """Return the tasks of installed distributions by name; one that is named like one of ours is left out with a warning."""
    found: dict[str, EntryPoint] = {}
    for each in entry_points(group=ENTRY_POINT_GROUP):
        if each.name in TASKS or each.name in DEFAULT_VARIANTS or any(mark in each.name for mark in _RESERVED):
            warnings.warn(
                f"{origin(each)} offers a task named {each.name!r}, which is a name of this library or holds one of "
                f"{' '.join(_RESERVED)}: it is left out. Use it by path/to/file.py:function, or have it renamed",
                UserWarning,
                stacklevel=3,
            )
        else:
            found.setdefault(each.name, each)
    return found


def origin(plug_in: EntryPoint) -> str:
    """Return which distribution offers a task."""
    return f"{plug_in.dist.name if plug_in.dist is not None else 'a plug-in'} ({plug_in.value})"


def is_made_by_user(name: str) -> bool:
    """Return whether a task is made by a user's file or an installed distribution, and is not one of the catalog.

    Args:
        name: Of the task, without perturbations.
    """
    if names_a_file(name):
        return True
    return name.partition("@")[0] not in {*TASKS, *DEFAULT_VARIANTS} and name in plug_in_tasks()


def plug_in_problem(name: str) -> Problem:
    """Return the problem of a distribution's task.

    Args:
        name: One of `plug_in_tasks()`.

    Raises:
        ValueError: If it fails, or makes something else than a problem; the message names the distribution.
    """
    plug_in = plug_in_tasks()[name]
    try:
        made = plug_in.load()()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"the task {name!r} of {origin(plug_in)} cannot be made: {reason}") from error
    if not isinstance(made, Problem):
        raise ValueError(f"the task {name!r} of {origin(plug_in)} gives {type(made).__name__}, not a dance_env.Problem")
    return made
