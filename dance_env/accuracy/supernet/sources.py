"""Where images come from: the protocol that every data set meets, and the one that fits in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Protocol

import torch


class ImageDataError(ValueError):
    """A data set is missing, damaged, or not of the size or classes that the network needs."""


class ImageSource(Protocol):
    """Labeled square images, read by index."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    @property
    def labels(self) -> torch.Tensor:
        """`(n,)` int64."""
        ...

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        ...

    @property
    def channels(self) -> int:
        """1 for gray, 3 for RGB."""
        ...

    @property
    def image_size(self) -> int:
        """Pixels along either edge, as `read` returns them."""
        ...

    def read(self, indices: torch.Tensor) -> torch.Tensor:
        """Return `(b, channels, image_size, image_size)` uint8 of indices `(b,)` int64."""
        ...

    def fingerprint(self) -> str:
        """Return a digest that changes when the images or labels do."""
        ...


@dataclass(frozen=True, eq=False)
class MemoryImages:
    """A data set held as one uint8 array: MNIST, CIFAR, and anything of a few gigabytes."""

    name: str
    images: torch.Tensor = field(repr=False)  # (n, channels, size, size) uint8
    labels: torch.Tensor = field(repr=False)  # (n,) int64
    num_classes: int

    def __post_init__(self) -> None:
        if self.images.dtype != torch.uint8 or self.images.ndim != 4:
            raise ImageDataError(
                f"{self.name}: expected images as uint8 (n, channels, height, width), "
                f"got {self.images.dtype} {tuple(self.images.shape)}"
            )
        if self.images.shape[2] != self.images.shape[3]:
            raise ImageDataError(f"{self.name}: expected square images, got {tuple(self.images.shape[2:])} pixels")
        check_labels(self.name, self.labels, len(self.images), self.num_classes)

    @property
    def channels(self) -> int:
        """1 for gray, 3 for RGB."""
        return int(self.images.shape[1])

    @property
    def image_size(self) -> int:
        """Pixels along either edge."""
        return int(self.images.shape[2])

    def read(self, indices: torch.Tensor) -> torch.Tensor:
        """Return `(b, channels, size, size)` uint8 of indices `(b,)` int64."""
        return self.images[indices]

    def fingerprint(self) -> str:
        """Return SHA-256 over shape, pixels and labels."""
        digest = hashlib.sha256(str(tuple(self.images.shape)).encode())
        digest.update(self.images.contiguous().numpy().tobytes())
        digest.update(self.labels.contiguous().numpy().tobytes())
        return digest.hexdigest()


def check_labels(name: str, labels: torch.Tensor, count: int, num_classes: int) -> None:
    """Raise unless there is one label per image and every label is a class."""
    if labels.dtype != torch.int64 or labels.shape != (count,):
        raise ImageDataError(
            f"{name}: expected {count} int64 labels, one per image, got {labels.dtype} {tuple(labels.shape)}"
        )
    if count == 0:
        raise ImageDataError(f"{name}: the data set holds no images")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= num_classes:
        raise ImageDataError(
            f"{name}: expected labels 0..{num_classes - 1} for {num_classes} classes, got {low}..{high}; "
            "check the label column and the number of classes"
        )
