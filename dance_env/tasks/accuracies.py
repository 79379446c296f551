"""Where a task's accuracies come from: a table that ships or that a user has, or a trained supernet's file."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from dance_env.accuracy import AccuracyModel, SampledAccuracy, TensorAccuracy, load_surrogate, load_table
from dance_env.accuracy.accel_nasbench import load_accel_nasbench
from dance_env.accuracy.nas_bench_macro import TABLE_VARIABLE, download_table
from dance_env.cache import ArrayCache
from dance_env.graph import BlockSpace
from dance_env.graph.networks import macro_cifar10
from dance_env.progress import Progress
from dance_env.space import DesignSpace
from dance_env.tasks.catalog import DEFAULT_VARIANTS, TASKS, Task, get_task

SUPERNET_VARIABLE = "DANCE_SUPERNET"
"""Environment variable that names a supernet's file where no argument does."""

UNTRAINED = "untrained"
"""Stands for a supernet's file where a solver is to train a supernet of its own."""

CALIBRATION_IMAGES = 256
"""How many images of the weights' split a network's batch norm is measured on."""

JUDGING_IMAGES = {"dance-cifar10": 2_000, "dance-cifar100": 2_000, "dance-imagenet": 2_000}
"""How many held-out images judge a network; all of them where no number stands (the 1,000 digits of dance-mnist).

All are carried through the networks side by side: 2,000 take some 2 GB of activations in dance-cifar10.
"""


def macro_accuracy(networks: BlockSpace, table: str | Path | None) -> TensorAccuracy:
    """NAS-Bench-Macro's accuracies, measured or fitted, of a network space that is part of its own."""
    if table == "download":
        macro = load_table(download_table())
    elif is_measured(table):
        macro = load_table(table)
    else:
        macro = load_surrogate()
    space = DesignSpace(networks.choices())
    everything = networks.embed(space.unrank(np.arange(space.size)), macro_cifar10())
    return TensorAccuracy(macro.evaluate(everything).reshape(tuple(space.option_counts)))


def shipped_accuracy(task: Task, table: str | Path | None) -> AccuracyModel:
    """Return the accuracies of a task that needs no supernet.

    Raises:
        ValueError: If the task does not take a table, and one is given.
    """
    networks = task.network_space
    if isinstance(networks, BlockSpace):
        return macro_accuracy(networks, table)
    if table is not None:
        raise ValueError(f"the task {task.name!r} does not take accuracy_table: its accuracies ship with the package")
    return load_accel_nasbench()


def is_measured(table: str | Path | None) -> bool:
    """Return whether accuracies are NAS-Bench-Macro's own: a table is named here or by the environment variable."""
    return bool(table or os.environ.get(TABLE_VARIABLE))


def lacks_supernet(name: str) -> bool:
    """Return whether a name is an image task's, and the environment variable names no supernet for it."""
    known = name in TASKS or name in DEFAULT_VARIANTS
    return known and get_task(name).needs_supernet and not os.environ.get(SUPERNET_VARIABLE)


def supernet_accuracy(
    task: Task,
    supernet: str | os.PathLike[str] | None,
    *,
    images: str | os.PathLike[str] | None = None,
    device: str = "cpu",
    cache_dir: str | os.PathLike[str] | None = None,
    progress: Progress | bool | None = None,
) -> SampledAccuracy:
    """Return the accuracy model of an image task (torch is imported here).

    Args:
        task: One that needs a supernet.
        supernet: Its file, or `UNTRAINED`; else as for `make_problem`.
        images: As for `make_problem`.
        device: As for `make_problem`.
        cache_dir: As for `make_problem`.
        progress: As for `make_problem`.

    Raises:
        ValueError: As `make_problem`.
        FileNotFoundError: If there is no such file.
        ImportError: If a package of the extra "images" is missing.
    """
    networks = task.network_space
    assert isinstance(networks, BlockSpace), "supernets are rows of blocks"
    given = supernet or os.environ.get(SUPERNET_VARIABLE)
    how_to_train = f"`dance supernet {task.network} FILE` trains one"
    if not given:
        raise ValueError(
            f"the task {task.name!r} takes its accuracies from a trained supernet: name its file (supernet=..., "
            f"--supernet FILE, or the environment variable {SUPERNET_VARIABLE}); {how_to_train}. A solver that trains "
            f"its own (dance) takes supernet={UNTRAINED!r}"
        )
    if os.fspath(given) == UNTRAINED:
        from dance_env.accuracy.supernet.catalog import load_images
        from dance_env.accuracy.supernet.untrained import UntrainedSupernet

        return UntrainedSupernet(
            networks,
            load_images(task.network, location=None if images is None else os.fspath(images)),
            calibration_images=CALIBRATION_IMAGES,
            judging_images=JUDGING_IMAGES.get(task.network),
            device=device,
        )
    path = Path(given)
    if not path.is_file():
        there = "is no file" if path.exists() else "does not exist"
        by = "" if supernet else f" (named by the environment variable {SUPERNET_VARIABLE})"
        raise FileNotFoundError(f"the supernet {path}{by} {there}; {how_to_train}")
    from dance_env.accuracy.supernet.accuracy import SupernetAccuracy
    from dance_env.accuracy.supernet.catalog import load_images
    from dance_env.accuracy.supernet.weights_file import check_networks

    check_networks(path, networks)
    return SupernetAccuracy.load(
        path,
        space=networks,
        data=load_images(task.network, location=None if images is None else os.fspath(images)),
        calibration_images=CALIBRATION_IMAGES,
        judging_images=JUDGING_IMAGES.get(task.network),
        device=device,
        memory=ArrayCache.open(cache_dir),
        progress=progress,
    )
