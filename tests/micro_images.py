"""A whole image problem in miniature, which a search finishes in a second; shared by tests and their subprocesses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from dance_env.accuracy import AccuracyModel
from dance_env.accuracy.supernet.augment import Augmentation
from dance_env.accuracy.supernet.image_data import ImageData, cut
from dance_env.accuracy.supernet.sources import MemoryImages
from dance_env.accuracy.supernet.trainable import TrainableSupernet
from dance_env.accuracy.supernet.untrained import UntrainedSupernet
from dance_env.cost.table import CostTable
from dance_env.graph import BlockSpace, Slot
from dance_env.objective import EDAP, Objective
from dance_env.problem import Problem
from dance_env.space import AcceleratorSpace, FactorSum
from solvers.methods.dance.images.settings import ChoiceSettings, ImageSettings
from solvers.methods.dance.images.training.weights import WeightSettings

OPERATORS = ("mb3_k3", "mb3_k5", "zero")


def micro_space(*, num_classes: int = 3, size: int = 8) -> BlockSpace:
    """Two choices of 3 and 2 options on 8 x 8 gray images."""
    return BlockSpace(
        "micro",
        (1, size, size),
        num_classes,
        stem_channels=4,
        stem_stride=1,
        slots=(
            Slot("block1", OPERATORS, 4, 4, 1, size),
            Slot("block2", OPERATORS[:2], 4, 6, 2, size),
        ),
        head_channels=16,
    )


def micro_images(*, count: int = 150, size: int = 8, num_classes: int = 3, seed: int = 0) -> MemoryImages:
    """Noise, with a bright band whose row tells the class."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % num_classes
    images = rng.integers(0, 120, (count, 1, size, size))
    for image, label in zip(images, labels, strict=True):
        image[0, 1 + 2 * label : 3 + 2 * label] += 130
    return MemoryImages("micro", torch.from_numpy(images.astype(np.uint8)), torch.from_numpy(labels), num_classes)


def micro_data(**changes: int) -> ImageData:
    """90 images for the weights, 30 for the choices, 30 for the test, cropped at random."""
    return cut(micro_images(**changes), None, image_size=8, augmentation=Augmentation(1), choices_share=0.2)


def micro_costs(space: BlockSpace, accelerators: AcceleratorSpace) -> CostTable:
    """More operations cost more; which accelerator is best depends on the network."""
    options = [sum(layer.macs for layer in layers) for part in space.parts() for layers in part.layers]
    hardware = accelerators.hardware()
    speed = (hardware.pe_x * hardware.pe_y).astype(np.float64)
    macs = np.array(options, np.float64)[:, None]
    fixed = float(sum(layer.macs for layer in space.fixed_layers()))
    overhead = 1.0 + speed / 100.0
    counts = [len(choice.options) for choice in space.choices()]
    return CostTable(
        latency_s=FactorSum.per_choice(counts, 1e-9 * fixed / speed, 1e-9 * macs / speed),
        energy_j=FactorSum.per_choice(counts, 1e-12 * fixed * overhead, 1e-12 * macs * overhead),
        area_mm2=0.1 + speed / 50.0,
    )


def micro_trainable() -> TrainableSupernet:
    """The micro networks and images."""
    return TrainableSupernet(micro_space(), micro_data())


def micro_problem(*, weight: float = 1.0, accuracy: AccuracyModel | None = None) -> Problem:
    """The micro networks on 24 accelerators, EDAP; nothing is trained unless `accuracy` is."""
    space = micro_space()
    accelerators = AcceleratorSpace((2, 4), (2, 4), (4, 8), ("WS", "OS", "RS"))
    return Problem(
        "micro",
        space,
        accelerators,
        micro_costs(space, accelerators),
        accuracy or UntrainedSupernet(space, micro_data(), calibration_images=60),
        Objective(EDAP(1e-15), weight),
    )


def micro_settings(**changes: object) -> ImageSettings:
    """1 + 2 epochs of 3 steps, and 3 epochs of 4 from scratch; `changes` go to the choice's settings."""
    weights = WeightSettings(epochs=3, batch_size=30, learning_rate=0.1, label_smoothing=0.1)
    choice = ChoiceSettings(warmup_epochs=1, every=2, learning_rate=0.1, lambda2=0.1)
    return ImageSettings(search=weights, choice=replace(choice, **changes), final=weights)  # type: ignore[arg-type]
