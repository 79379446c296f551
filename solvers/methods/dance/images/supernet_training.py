"""A supernet trained to judge networks, for the tasks that need one."""

from __future__ import annotations

from pathlib import Path

from dance_env.accuracy.supernet.accuracy import save_supernet
from dance_env.accuracy.supernet.catalog import load_images
from dance_env.accuracy.supernet.trainable import TrainableSupernet
from dance_env.graph import BlockSpace
from dance_env.progress import Progress
from dance_env.tasks import get_task, task_names
from solvers.methods.dance.images.hardware import NoHardware
from solvers.methods.dance.images.search import SearchStage
from solvers.methods.dance.images.settings import ImageSettings
from solvers.methods.dance.images.training.drive import drive
from solvers.methods.dance.images.training.weights import Execution


def image_task_names() -> list[str]:
    """Return the names of the image tasks: their network spaces alone, then the tasks in full."""
    full = task_names(needs_supernet=True)
    return [*dict.fromkeys(get_task(name).network for name in full), *full]


def trainable_supernet(name: str, *, location: str | None = None) -> TrainableSupernet:
    """Return the networks and images of an image task; no cost is looked up.

    Args:
        name: One of `image_task_names()`.
        location: A folder of the images, or another name on the hub; None for the usual one.

    Raises:
        ValueError: If there is no such task, or it has no images.
        ImportError: If a package of the extra "images" is missing.
        ImageDataError: If the images are missing, damaged or do not fit.
    """
    task = get_task(name)
    if not task.needs_supernet:
        raise ValueError(f"the task {task.name!r} has no images to train on; {', '.join(image_task_names())} have")
    networks = task.network_space
    assert isinstance(networks, BlockSpace), "supernets are rows of blocks"
    return TrainableSupernet(networks, load_images(task.network, location=location))


def train_supernet(
    trainable: TrainableSupernet,
    file: Path,
    *,
    settings: ImageSettings,
    seed: int = 0,
    execution: Execution | None = None,
    progress: Progress | None = None,
) -> None:
    """Train on uniform paths and write the file that `SupernetAccuracy` reads; if killed, it goes on where it stopped.

    Args:
        trainable: Networks and images.
        file: What to write. Its checkpoint lies beside it, `<name>.training.safetensors`, until the end.
        settings: Such as `ImageSettings.uniform` returns.
        seed: Of everything that is drawn.
        execution: Device and ranks; one CPU thread if None.
        progress: Called with (steps done, steps in all).

    Raises:
        CheckpointError: If the checkpoint is damaged, or of other settings, networks or images.
        OSError: If the folder cannot be written or the disk is full; what is there is intact.
    """
    execution = execution or Execution()
    stage = SearchStage(trainable, settings, seed=seed, term=NoHardware(), execution=execution)
    checkpoint = file.with_name(f"{file.stem}.training.safetensors")
    with execution.threads_capped():
        drive(stage, checkpoint, world=execution.world, progress=progress)
    if execution.world.leads:
        save_supernet(file, stage.supernet, space=trainable.space, data=trainable.data)
        for left in file.parent.glob(f"{file.stem}.training*.safetensors"):
            left.unlink()
