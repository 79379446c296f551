"""`dance supernet`: a supernet trained to judge networks, without favour, for the tasks that need one."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dance_env.accuracy.supernet.accuracy import save_supernet
from dance_env.device import usable_device
from dance_env.tasks import get_task
from solvers.methods.dance.images.catalog import image_task, image_task_names
from solvers.methods.dance.images.distributed import World
from solvers.methods.dance.images.drive import ProgressCallback, drive
from solvers.methods.dance.images.hardware import NoHardware
from solvers.methods.dance.images.search import SearchStage
from solvers.methods.dance.images.settings import ImageSearchSettings, preset
from solvers.methods.dance.images.task import ImageTask
from solvers.methods.dance.images.weight_training import Execution


def uniform_settings(network: str, *, epochs: int | None = None, seed: int = 0) -> ImageSearchSettings:
    """The preset of a network space, with every epoch on uniformly drawn paths: nothing is searched.

    Args:
        network: name of the network space.
        epochs: passes over the weights' images; the preset's number if None.
        seed: of everything that is drawn.

    Raises:
        ValueError: no preset of this name, or less than one epoch.
    """
    wanted = preset(network)
    search = replace(wanted.search, epochs=wanted.search.epochs if epochs is None else epochs)
    grown = min(wanted.choice.grown_epochs, search.epochs)
    choice = replace(wanted.choice, warmup_epochs=search.epochs, grown_epochs=grown)
    return replace(wanted, search=search, choice=choice, seed=seed)


def train_supernet(
    task: ImageTask,
    file: Path,
    *,
    settings: ImageSearchSettings,
    execution: Execution | None = None,
    progress: ProgressCallback | None = None,
) -> None:
    """Train on uniform paths and write the file that `SupernetAccuracy` reads; killed, it goes on where it stopped.

    Args:
        task: networks and images.
        file: what to write. Its checkpoint lies beside it, `<name>.training.safetensors`, until the end.
        settings: such as `uniform_settings` gives.
        execution: device and ranks; one CPU process if None.
        progress: called after each step.

    Raises:
        CheckpointError: the checkpoint is damaged, or of other settings, task or images.
        OSError: the folder cannot be written or the disk is full; what is there is intact.
    """
    execution = execution or Execution()
    stage = SearchStage(task, settings, term=NoHardware(), execution=execution)
    checkpoint = file.with_name(f"{file.stem}.training.safetensors")
    drive(stage, checkpoint, world=execution.world, progress=progress)
    if execution.world.leads:
        save_supernet(file, stage.supernet, space=task.network_space, data=task.data)
        for left in file.parent.glob(f"{file.stem}.training*.safetensors"):
            left.unlink()


def main(given: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    from rich.console import Console

    from solvers.methods.dance.images.show import progress_bars

    parser = argparse.ArgumentParser(
        prog="dance supernet",
        description="Train a supernet on uniform paths, so that it judges the networks of a task (--supernet FILE).",
    )
    parser.add_argument("task", help=f"one of {', '.join(image_task_names())}")
    parser.add_argument("file", type=Path, help="where to write it, such as runs/supernet.safetensors")
    parser.add_argument("--epochs", type=int, help="passes over the images (default: the task's preset)")
    parser.add_argument("--images", metavar="PLACE", help="a folder of the images, or another name on the hub")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--again", action="store_true", help="train anew where the file is there already")
    asked = parser.parse_args(given)
    console = Console(stderr=True)
    if asked.file.exists() and not asked.again:
        raise ValueError(f"{asked.file} is there already; give another name, or --again to replace it")
    world = World.from_environment()
    device = str(usable_device(f"cuda:{world.local_rank}" if asked.device == "cuda" else asked.device))
    settings = uniform_settings(get_task(asked.task).network, epochs=asked.epochs, seed=asked.seed)
    task = image_task(asked.task, location=asked.images, progress=world.leads)
    with progress_bars(console) as show:
        execution = Execution(device=device, world=world)
        train_supernet(task, asked.file, settings=settings, execution=execution, progress=show)
    world.leave()
    console.print(f"{asked.file}: use it with --supernet, supernet=..., or DANCE_SUPERNET", highlight=False)
    return 0
