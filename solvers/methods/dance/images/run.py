"""A whole image run: search, derive, train from scratch, test; every step kept in one folder and resumable."""

from __future__ import annotations

import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dance_env.accuracy.supernet.accuracy import save_supernet
from dance_env.graph import graph_to_dict
from solvers.methods.dance.images.drive import ProgressCallback, drive
from solvers.methods.dance.images.final import FinalStage
from solvers.methods.dance.images.folder import RunFolder
from solvers.methods.dance.images.hardware import HardwareTerm, TableCost
from solvers.methods.dance.images.plots import plot_probabilities, plot_training
from solvers.methods.dance.images.search import SearchStage
from solvers.methods.dance.images.settings import ImageSearchSettings
from solvers.methods.dance.images.task import ImageTask
from solvers.methods.dance.images.warm_up import start_from
from solvers.methods.dance.images.weight_training import Execution


def search_images(
    task: ImageTask,
    folder: str | Path,
    *,
    settings: ImageSearchSettings,
    term: HardwareTerm | None = None,
    execution: Execution | None = None,
    checkpoint_seconds: float = 60.0,
    progress: ProgressCallback | None = None,
    warmed: Path | None = None,
) -> dict[str, Any]:
    """Search a network, give it its best accelerator, train it from scratch, test it.

    Start it again with the same arguments after it was killed: it goes on from its last checkpoint, and the outcome is
    that of the uninterrupted run, to the bit on a CPU with the same number of threads. A run that has ended is not run
    again: its result is read.

    Args:
        task: networks, accelerators, costs, objective, images.
        folder: the run folder; made where it is missing. See `solvers.methods.dance.images.folder`.
        settings: of search and final training.
        term: what the search pays for hardware; the exact table's cost if None.
        execution: device and ranks; one CPU process if None.
        checkpoint_seconds: a checkpoint is written at least this often (and after each epoch).
        progress: called after each step.
        warmed: a checkpoint of `solvers.methods.dance.images.warm_up.warm_up` with the same settings: the search starts from
            it, and ends with the same bits as one that did its own warm-up.

    Returns:
        The content of `result.json`: the design in words, its true costs with units in their names, test accuracy
        (a fraction), error in percentage points, objective, violation, seconds of either stage.

    Raises:
        CheckpointError: the folder holds another run, or a damaged checkpoint.
        ImageDataError: the images are too few for the batch size.
        OSError: the folder cannot be written or the disk is full; what is there is intact.
    """
    run, execution = RunFolder(Path(folder)), execution or Execution()
    term = term or TableCost(task.objective, task.costs)
    search = SearchStage(task, settings, term=term, execution=execution)
    identity = {**search.identity(), "final": asdict(settings.final)}
    if execution.world.leads:
        run.claim(identity, _about(execution))
    execution.world.wait()
    if (run.path / "result.json").exists():
        finished: dict[str, Any] = run.read("result")
        return finished
    search_seconds = drive(
        search,
        run.search_checkpoint,
        world=execution.world,
        checkpoint_seconds=checkpoint_seconds,
        progress=progress,
        after_epoch=lambda: run.write("search", search.history),
        spent=0.0 if warmed is None else start_from(search, warmed),
    )
    network = search.network()
    final = FinalStage(task, settings, network=network, execution=execution)
    final_seconds = drive(
        final,
        run.final_checkpoint,
        world=execution.world,
        checkpoint_seconds=checkpoint_seconds,
        progress=progress,
        after_epoch=lambda: run.write("final", final.history),
    )
    accuracy = final.test()
    hardware = task.best_hardware(network, accuracy=accuracy)
    result = {
        "task": task.name,
        "seed": settings.seed,
        "hardware": term.describe(),
        "lambda2": settings.choice.lambda2,
        "test_accuracy": accuracy,
        "test_images": len(task.data.test),
        **task.describe(network, hardware, accuracy=accuracy),
        "search_seconds": search_seconds,
        "final_seconds": final_seconds,
    }
    if execution.world.leads:
        run.write("search", search.history)
        run.write("final", final.history)
        save_supernet(run.supernet, search.supernet, space=task.network_space, data=task.data)
        run.write("network", graph_to_dict(task.network_space.graph(np.asarray(network))))
        plot_probabilities(search.history, task.network_space, run.path / "probabilities.png")
        plot_training(search.history, final.history, run.path / "training.png")
        run.write("result", result)
    execution.world.wait()
    return result


def _about(execution: Execution) -> dict[str, Any]:
    """What the run ran on; results to the bit need the same."""
    return {
        "device": execution.device,
        "compiled": execution.compiled,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
