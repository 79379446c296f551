"""The tasks by name."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

from dance_env.space import AcceleratorSpace, dance_buffers
from dance_env.suggest import nearest
from dance_env.tasks.accel_nasbench import ACCEL_NASBENCH
from dance_env.tasks.family import Family, Task
from dance_env.tasks.gpt import GPT
from dance_env.tasks.images import IMAGES, SUPERNET_VARIABLE
from dance_env.tasks.macro import MACRO
from dance_env.tasks.nb201 import NB201

FAMILIES: tuple[Family, ...] = (MACRO, ACCEL_NASBENCH, GPT, NB201, IMAGES)
"""All families, in the order of `task_names()`."""

TASKS: dict[str, Task] = {name: task for family in FAMILIES for name, task in family.tasks().items()}

DEFAULT_TASK = "macro-cifar10/balanced"

DEFAULT_VARIANTS: dict[str, str] = {network: family.default for family in FAMILIES for network in family.variants}
"""What a network space's name alone means."""

ACCELERATORS: dict[str, Callable[[], AcceleratorSpace]] = {"dance-buffers": dance_buffers}
"""Accelerator spaces besides DANCE's, on which any task may be asked: `<task>@<accelerators>`."""


def task_names(*, needs_supernet: bool | None = None) -> list[str]:
    """Return the names that `make_problem` knows in full, each on DANCE's accelerators.

    Args:
        needs_supernet: True for the tasks that need a trained supernet's file, False for those that run on a fresh
            install (and so need no table of accuracies either), None for all.
    """
    if needs_supernet is None:
        return list(TASKS)
    return [
        name
        for name, task in TASKS.items()
        if (task.needs_supernet if needs_supernet else not (task.needs_supernet or task.needs_table))
    ]


def get_task(name: str) -> Task:
    """Return the task of this name; a network's name alone means its default variant.

    Args:
        name: A task's or a network's, and `@` with one of `ACCELERATORS` where not DANCE's are meant.

    Raises:
        ValueError: If there is none; the nearest names are offered.
    """
    asked, at, accelerators = name.partition("@")
    full = f"{asked}/{DEFAULT_VARIANTS[asked]}" if asked in DEFAULT_VARIANTS else asked
    if full not in TASKS:
        raise ValueError(f"there is no task {asked!r}. {nearest(asked, [*TASKS, *DEFAULT_VARIANTS])}")
    if not at:
        return TASKS[full]
    if accelerators not in ACCELERATORS:
        raise ValueError(
            f"task {name!r}: there are no accelerators {accelerators!r}. {nearest(accelerators, ACCELERATORS)}"
        )
    return replace(TASKS[full], name=f"{full}@{accelerators}", accelerators=ACCELERATORS[accelerators])


def lacks_supernet(name: str) -> bool:
    """Return whether a name is an image task's, and the environment variable names no supernet for it."""
    asked = name.partition("@")[0]
    known = asked in TASKS or asked in DEFAULT_VARIANTS
    return known and get_task(name).needs_supernet and not os.environ.get(SUPERNET_VARIABLE)
