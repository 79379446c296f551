"""Image tasks and hardware terms by name."""

from __future__ import annotations

import os
from pathlib import Path

from dance_env.accuracy import UnknownAccuracy
from dance_env.accuracy.supernet.catalog import load_images
from dance_env.cost import Technology
from dance_env.objective import Objective
from dance_env.progress import Progress
from dance_env.suggest import nearest
from dance_env.tasks import get_task, task_names
from solvers.methods.dance.images.hardware import EvaluatorCost, ExpectedMacs, HardwareTerm, NoHardware, TableCost
from solvers.methods.dance.images.task import ImageTask

HARDWARE_TERMS = ("table", "evaluator", "macs", "none")
"""What a search can pay for hardware: exact costs, the learned evaluator's, operations, nothing."""


def image_task(
    name: str = "dance-mnist",
    *,
    objective: Objective | None = None,
    location: str | Path | None = None,
    technology: Technology | None = None,
    split_seed: int = 0,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: Progress | bool | None = None,
) -> ImageTask:
    """An image task: one of `dance_env.tasks` that needs a supernet, with the images to train one.

    Args:
        name: such as "dance-mnist/linear"; "dance-mnist" alone is its "edap".
        objective: instead of the task's own.
        location: a local folder of the images, or another name on the hub.
        technology: of the accelerators, instead of the task's own.
        split_seed: of the cut into weights, choices and test.
        cache_dir: of the cost table; its own default if None.
        progress: of the cost table's first build (about 15 s on one core for dance-mnist).

    Raises:
        ValueError: unknown name, with the nearest ones.
        ImportError: a package of the extra "images" is missing.
        ImageDataError: the images are missing, damaged or do not fit.
    """
    if name not in image_task_names():
        raise ValueError(f"there is no image task {name!r}. {nearest(name, image_task_names())}")
    task = get_task(name)
    data = load_images(task.network, location=location, seed=split_seed)
    return ImageTask(
        name=task.network if task is get_task(task.network) else task.name,
        network_space=task.network_space,
        accelerator_space=task.accelerator_space,
        costs=task.costs(technology=technology, cache_dir=cache_dir, progress=progress),
        objective=objective or task.variant.objective,
        data=data,
    )


def image_task_names() -> list[str]:
    """The names that `image_task` knows: network spaces alone, then tasks in full."""
    full = task_names(needs_supernet=True)
    return [*dict.fromkeys(get_task(name).network for name in full), *full]


def hardware_term(name: str, task: ImageTask, *, device: str = "cpu") -> HardwareTerm:
    """A hardware term of `HARDWARE_TERMS`; "evaluator" is trained now unless it was before.

    Raises:
        ValueError: unknown name, with the nearest ones.
    """
    if name == "table":
        return TableCost(task.objective, task.costs)
    if name == "macs":
        return ExpectedMacs.of(task.network_space)
    if name == "none":
        return NoHardware()
    if name == "evaluator":
        from solvers.methods.dance.evaluator import MUON, load_or_train

        problem = task.problem(UnknownAccuracy(task.network_space))
        evaluator, _, _ = load_or_train(problem, MUON, device=device)
        counts = tuple(len(choice.options) for choice in task.network_space.choices())
        return EvaluatorCost(evaluator, task.objective, counts)
    raise ValueError(f"unknown hardware term {name!r}. {nearest(name, HARDWARE_TERMS)}")
