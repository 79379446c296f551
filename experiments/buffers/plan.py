"""What is asked: tasks, and memories from the smallest to the largest."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dance_env.space import AcceleratorSpace, dance_buffers
from dance_env.tasks import get_task

TASKS = (
    "macro-cifar10/edap",
    "macro-cifar10/linear",
    "accel-nasbench/edap",
    "accel-nasbench/linear",
    "gpt-s/edap",
    "gpt-s/linear",
)

KIB = 512
"""Words of 16 bits in 1 KiB."""
CHOSEN_KIB = tuple(words // KIB for words in dance_buffers().glb_words or ())
"""The buffers of `dance_buffers()`."""
SMALLER_KIB = (8, 16)
"""Below them, to see on which side of the range an optimum lies."""
DEFAULT = (108, 6.4)
"""Buffer (KiB) and bandwidth (words per cycle) of the technology of all other tasks."""

DESCENTS = 8
"""From random networks, where a task is too large to be enumerated."""


@dataclass(frozen=True)
class Study:
    """Accelerators under which a task is asked at once.

    Attributes:
        task: Its name.
        accelerators: DANCE's arrays with some memories.
    """

    task: str
    accelerators: AcceleratorSpace


def studies(task: str) -> list[Study]:
    """Return the parts of a task's study; language models have large tables, and take one buffer at a time."""
    space = dance_buffers()
    small = tuple(size * KIB for size in SMALLER_KIB)
    if get_task(task).network.startswith("gpt"):
        groups: list[tuple[int, ...]] = [(words,) for words in (*small, *(space.glb_words or ()))]
    else:
        groups = [space.glb_words or (), small]
    return [Study(task, replace(space, glb_words=words)) for words in groups]
