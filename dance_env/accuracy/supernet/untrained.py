"""The accuracy model of an image task before anything is trained: a solver has to train, and may then judge by that."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dance_env.accuracy.supernet.accuracy import SupernetAccuracy
from dance_env.accuracy.supernet.image_data import ImageData
from dance_env.accuracy.supernet.network import Supernet
from dance_env.accuracy.supernet.trainable import TrainableSupernet
from dance_env.graph import BlockSpace


@dataclass(frozen=True, eq=False)
class UntrainedSupernet:
    """A `TrainedLater` accuracy model: it says what can be trained, and evaluates nothing by itself.

    A solver that trains a supernet gets the model that judges by it from `trained`. Accuracies of two runs are then
    accuracies of two supernets: compare such runs by training their networks from scratch.

    Attributes:
        space: the networks.
        data: the images.
        calibration_images, judging_images, device: of the model that `trained` returns; see `SupernetAccuracy`.
    """

    space: BlockSpace
    data: ImageData
    calibration_images: int = 256
    judging_images: int | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        self.trainable()  # images that do not fit are refused now

    @property
    def option_counts(self) -> tuple[int, ...]:
        """Options of each choice."""
        return tuple(len(choice.options) for choice in self.space.choices())

    def evaluate(self, networks: np.ndarray) -> np.ndarray:
        """Refuse: no network has been trained.

        Raises:
            RuntimeError: Always, with how to get a supernet.
        """
        raise RuntimeError(
            f"no supernet of {self.space.name} is trained yet, so {len(networks)} networks cannot be evaluated: use a "
            f"solver that trains one (dance), or give the problem a file (`dance supernet {self.space.name} FILE` "
            "writes one; then supernet=FILE)"
        )

    def trainable(self) -> TrainableSupernet:
        """Return the networks and images to train on."""
        return TrainableSupernet(self.space, self.data)

    def trained(self, supernet: Supernet) -> SupernetAccuracy:
        """Return the accuracy model that judges by a trained supernet.

        Args:
            supernet: trained on `trainable()`; the model resets its batch-norm averages.
        """
        return SupernetAccuracy(
            self.space,
            supernet,
            self.data,
            calibration_images=self.calibration_images,
            judging_images=self.judging_images,
            device=self.device,
        )

    def fingerprint(self) -> str:
        """Return a digest of networks, images and how they judge; no weights, since there are none."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        parts = ("untrained supernet", self.trainable().fingerprint(), self.calibration_images, self.judging_images)
        return hashlib.sha256(repr(parts).encode()).hexdigest()
