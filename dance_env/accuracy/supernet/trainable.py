"""What can be trained: the networks of a space, which share the weights of one supernet, and the images they classify."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from dance_env.accuracy.supernet.image_data import ImageData
from dance_env.accuracy.supernet.weights_file import space_digest
from dance_env.graph import BlockSpace


@dataclass(frozen=True, eq=False)
class TrainableSupernet:
    """Networks and images that belong together: all that a solver needs to train a supernet of its own.

    Attributes:
        space: the networks.
        data: the images, in three splits: for weights, for choices, for the final test.

    Raises:
        ImageDataError: If the images do not fit the networks' input or classes.
    """

    space: BlockSpace
    data: ImageData

    def __post_init__(self) -> None:
        channels, rows, _ = self.space.image_shape
        self.data.check_fits(num_classes=self.space.num_classes, channels=channels, image_size=rows)

    def fingerprint(self) -> str:
        """Return a digest of what the networks compute and of the images in each split."""
        return hashlib.sha256(f"{space_digest(self.space)} {self.data.fingerprint()}".encode()).hexdigest()
