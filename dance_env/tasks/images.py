"""The tasks of the paper's own spaces, `dance-cifar10/...` and others: their accuracies come from a trained supernet."""

from __future__ import annotations

import os
from pathlib import Path

from dance_env.accuracy import SampledAccuracy, TrainedLater
from dance_env.cache import ArrayCache
from dance_env.graph import BlockSpace
from dance_env.objective import EDAP, Linear, Objective
from dance_env.tasks.family import Family, Loaded, Sources, Task, Variant, deadline

SUPERNET_VARIABLE = "DANCE_SUPERNET"
"""Environment variable that names a supernet's file where no argument does."""

UNTRAINED = "untrained"
"""Stands for a supernet's file where a solver is to train a supernet of its own."""

CALIBRATION_IMAGES = 256
"""How many images of the weights' split a network's batch norm is measured on."""

JUDGING_IMAGES = {
    "dance-cifar10": 2_000,
    "dance-cifar10-lite": 2_000,
    "dance-cifar100": 2_000,
    "dance-imagenet": 2_000,
}
"""How many held-out images judge a network; all of them where no number stands (the 1,000 digits of dance-mnist).

All are carried through the networks side by side: 2,000 take some 2 GB of activations in dance-cifar10.
"""


def _image_variants(
    *, edap_js_mm2: float, per_second: float, per_joule: float, deadline_s: float
) -> dict[str, Variant]:
    """The three variants of a space of DANCE's.

    Args:
        edap_js_mm2: the EDAP that is worth a percentage point of error.
        per_second, per_joule: percentage points: about the inverse of the latency and energy of a middling network on
            an accelerator that suits it, so that either weighs about a point.
        deadline_s: of the latency-limited variant: one that some networks can meet, on few accelerators each.
    """
    return {
        "edap": Variant(Objective(EDAP(reference_js_mm2=edap_js_mm2), weight=1.0)),
        "linear": Variant(Objective(Linear(latency_s=per_second, energy_j=per_joule, area_mm2=0.5), weight=1.0)),
        "latency-limited": Variant(
            Objective(Linear(energy_j=per_joule, area_mm2=1.0), weight=1.0, constraints=deadline(deadline_s))
        ),
    }


# Over random networks, each on the accelerator that is best for it, the medians of EDAP, latency and energy are
#   dance-mnist     1.6e-8 J s mm2   0.114 ms   0.145 mJ
#   dance-cifar10   1.2e-6           0.643      1.16
#   dance-cifar10-lite  1.6e-9       0.047      0.052
#   dance-imagenet  2.4e-5           3.06       5.04
# and the deadlines are met by 22, 44, 47 and 59 % of them (docs/tasks.md).
_CIFAR = _image_variants(edap_js_mm2=1e-6, per_second=1_500, per_joule=900, deadline_s=1 / 1_600)
IMAGE_VARIANTS: dict[str, dict[str, Variant]] = {
    "dance-mnist": _image_variants(edap_js_mm2=1e-8, per_second=10_000, per_joule=7_000, deadline_s=1 / 10_000),
    "dance-cifar10": _CIFAR,
    "dance-cifar10-lite": _image_variants(edap_js_mm2=1e-9, per_second=21_000, per_joule=19_000, deadline_s=1 / 24_000),
    "dance-cifar100": _CIFAR,  # the same networks but for the last layer
    "dance-imagenet": _image_variants(edap_js_mm2=1e-5, per_second=330, per_joule=200, deadline_s=1 / 320),
}
"""Of the spaces whose accuracies come from a trained supernet, by network space."""


def supernet_accuracy(task: Task, sources: Sources) -> SampledAccuracy:
    """Return the accuracy model of an image task (torch is imported here).

    Args:
        task: One that needs a supernet.
        sources: The supernet's file, or `UNTRAINED`; the images.

    Raises:
        ValueError: As `make_problem`.
        FileNotFoundError: If there is no such file.
        ImportError: If a package of the extra "images" is missing.
    """
    networks = task.network_space
    assert isinstance(networks, BlockSpace), "supernets are rows of blocks"
    images = None if sources.images is None else os.fspath(sources.images)
    given = sources.supernet or os.environ.get(SUPERNET_VARIABLE)
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
            load_images(task.network, location=images),
            calibration_images=CALIBRATION_IMAGES,
            judging_images=JUDGING_IMAGES.get(task.network),
            device=sources.device,
        )
    path = Path(given)
    if not path.is_file():
        there = "is no file" if path.exists() else "does not exist"
        by = "" if sources.supernet else f" (named by the environment variable {SUPERNET_VARIABLE})"
        raise FileNotFoundError(f"the supernet {path}{by} {there}; {how_to_train}")
    from dance_env.accuracy.supernet.accuracy import SupernetAccuracy
    from dance_env.accuracy.supernet.catalog import load_images
    from dance_env.accuracy.supernet.weights_file import check_networks

    check_networks(path, networks)
    return SupernetAccuracy.load(
        path,
        space=networks,
        data=load_images(task.network, location=images),
        calibration_images=CALIBRATION_IMAGES,
        judging_images=JUDGING_IMAGES.get(task.network),
        device=sources.device,
        memory=ArrayCache.open(sources.cache_dir),
        progress=sources.progress is True,
    )


def _load(task: Task, sources: Sources) -> Loaded:
    accuracy = supernet_accuracy(task, sources)
    return Loaded(accuracy, (UNTRAINED,) if isinstance(accuracy, TrainedLater) else ())


IMAGES = Family(
    variants=IMAGE_VARIANTS,
    default="edap",
    load=_load,
    source="a trained supernet (supernet=...)",
    takes=("supernet", "images"),
)
