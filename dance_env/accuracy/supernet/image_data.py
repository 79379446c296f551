"""A data set cut in three: weights train on one split, the network choice on a second, the test is seen once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache

import torch

from dance_env.accuracy.supernet.augment import Augmentation, Normalization, augment
from dance_env.accuracy.supernet.sources import ImageDataError, ImageSource
from dance_env.accuracy.supernet.streams import stream


@dataclass(frozen=True, eq=False)
class Split:
    """Some of a source's images."""

    source: ImageSource
    indices: torch.Tensor = field(repr=False)  # (n,) int64 into the source

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def labels(self) -> torch.Tensor:
        """`(n,)` int64."""
        return self.source.labels[self.indices]

    def read(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return uint8 images `(b, C, H, W)` and labels `(b,)` of rows of this split."""
        indices = self.indices[rows]
        return self.source.read(indices), self.source.labels[indices]


@dataclass(frozen=True, eq=False)
class ImageData:
    """The three splits, and how their pixels become a network's input."""

    name: str
    weights: Split  # trains the shared weights
    choices: Split  # held out: trains the network choice, and ranks networks
    test: Split  # seen once, by the final network
    normalization: Normalization
    augmentation: Augmentation

    @property
    def training(self) -> Split:
        """Weights and choices together: what the final network trains on."""
        return Split(self.weights.source, torch.cat([self.weights.indices, self.choices.indices]))

    @property
    def unaugmented(self) -> ImageData:
        """The same data, whose training batches are only normalized."""
        return replace(self, augmentation=Augmentation())

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return self.weights.source.num_classes

    @property
    def channels(self) -> int:
        """1 for gray, 3 for RGB."""
        return self.weights.source.channels

    def check_fits(self, *, num_classes: int, channels: int, image_size: int) -> None:
        """Raise `ImageDataError` unless a network of these classes and this input can be trained on the data."""
        for what, needed, given in (
            ("classes", num_classes, self.num_classes),
            ("channels", channels, self.channels),
            ("pixels along an image's edge", image_size, self.normalization.image_size),
        ):
            if needed != given:
                raise ImageDataError(
                    f"{self.name}: the network expects {needed} {what}, the data set has {given}; "
                    "choose the network space made for this data set, or another data set"
                )

    def fingerprint(self) -> str:
        """Return a digest of the images, and of which split holds which."""
        digest = hashlib.sha256()
        for split in (self.weights, self.choices, self.test):
            digest.update(split.source.fingerprint().encode())
            digest.update(split.indices.numpy().tobytes())
        digest.update(repr((self.normalization, self.augmentation)).encode())
        return digest.hexdigest()


def stratified(labels: torch.Tensor, fractions: tuple[float, ...], *, seed: int) -> list[torch.Tensor]:
    """Cut `range(len(labels))` into parts that hold the same share of every class; the last part takes the remainder.

    Args:
        labels: `(n,)` int64.
        fractions: share of each part but the last, each in (0, 1), together below 1.
        seed: of the shuffle within each class.

    Returns:
        `len(fractions) + 1` int64 index tensors, disjoint, together all of `range(n)`; classes are mixed, so that any
        run of a split is a fair sample (batch statistics of one class alone mean nothing).
    """
    if any(not 0 < fraction < 1 for fraction in fractions) or sum(fractions) >= 1:
        raise ValueError(f"fractions must lie in (0, 1) and sum to less than 1, got {fractions}")
    parts: list[list[torch.Tensor]] = [[] for _ in range(len(fractions) + 1)]
    for label in labels.unique().tolist():
        members = torch.nonzero(labels == label).flatten()
        members = members[torch.randperm(len(members), generator=stream(seed, "split", label))]
        start, share = 0, 0.0
        for part, fraction in enumerate(fractions):
            share += fraction
            end = round(share * len(members))
            parts[part].append(members[start:end])
            start = end
        parts[-1].append(members[start:])
    joined = [torch.cat(part) for part in parts]
    return [part[torch.randperm(len(part), generator=stream(seed, "split/mix", len(part)))] for part in joined]


def cut(
    training: ImageSource,
    test: ImageSource | None,
    *,
    image_size: int,
    augmentation: Augmentation,
    choices_share: float,
    test_share: float = 0.2,
    seed: int = 0,
) -> ImageData:
    """Make the three splits; without a test set of its own, the data set gives up `test_share` of its images."""
    if test is not None:
        for what in ("num_classes", "channels", "image_size"):
            if getattr(training, what) != getattr(test, what):
                raise ImageDataError(
                    f"{training.name}: training images have {what} {getattr(training, what)}, "
                    f"test images {getattr(test, what)}; both must be the same data set"
                )
        choices, weights = stratified(training.labels, (choices_share,), seed=seed)
        test_split = Split(test, torch.arange(len(test.labels)))
    else:
        held, choices, weights = stratified(training.labels, (test_share, choices_share), seed=seed)
        test_split = Split(training, held)
    if min(len(weights), len(choices), len(test_split)) == 0:
        raise ImageDataError(
            f"{training.name}: {len(training.labels)} images are too few to cut into three splits of every class"
        )
    weights_split = Split(training, weights)
    mean, std = _statistics(weights_split)
    return ImageData(
        training.name,
        weights_split,
        Split(training, choices),
        test_split,
        Normalization(mean, std, image_size),
        augmentation,
    )


def training_batch(
    split: Split, data: ImageData, *, batch_size: int, seed: int, name: str, step: int, rank: int = 0, ranks: int = 1
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the augmented batch of one step, `(b, C, S, S)` float32 and `(b,)` labels; a pure function of its arguments.

    Each epoch is a fresh shuffle; the last, incomplete batch of an epoch is dropped. With several ranks, `batch_size`
    is what all of them take together, and each gets its own part.
    """
    per_epoch = steps_per_epoch(split, batch_size)
    epoch, place = divmod(step, per_epoch)
    rows = _epoch_order(len(split), seed, name, epoch)[place * batch_size : (place + 1) * batch_size][rank::ranks]
    images, labels = split.read(rows)
    augmented = augment(
        images,
        data.augmentation,
        normalization=data.normalization,
        generator=stream(seed, f"{name}/augment", step, rank),
    )
    return augmented, labels


@lru_cache(maxsize=4)  # the weights' and the choices' epoch; drawing ImageNet's 1.2 million takes 50 ms
def _epoch_order(count: int, seed: int, name: str, epoch: int) -> torch.Tensor:
    """Return the order `(count,)` in which an epoch reads a split's rows; shared, so never written to."""
    return torch.randperm(count, generator=stream(seed, f"{name}/order", epoch))


def steps_per_epoch(split: Split, batch_size: int) -> int:
    """Return the number of whole batches in the split.

    Raises:
        ImageDataError: If there is not even one.
    """
    if batch_size < 1 or len(split) < batch_size:
        raise ImageDataError(
            f"{split.source.name}: a batch of {batch_size} cannot be drawn from a split of {len(split)} images; "
            "use a batch size between 1 and that"
        )
    return len(split) // batch_size


def plain_batches(split: Split, data: ImageData, *, batch_size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield all images of the split in order, normalized and not augmented; the last batch may be smaller."""
    for rows in torch.arange(len(split)).split(batch_size):
        images, labels = split.read(rows)
        yield data.normalization(images), labels


def _statistics(split: Split, *, at_most: int = 10_000) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return per-channel mean and deviation of 0..1 pixels, over at most `at_most` images spread evenly over the split."""
    rows = torch.linspace(0, len(split) - 1, min(len(split), at_most)).round().to(torch.int64)
    count, total, squares = 0, torch.zeros(split.source.channels).double(), torch.zeros(split.source.channels).double()
    for part in rows.split(1_000):
        pixels = split.read(part)[0].double() / 255.0
        count += pixels.numel() // pixels.shape[1]
        total += pixels.sum((0, 2, 3))
        squares += pixels.square().sum((0, 2, 3))
    mean = total / count
    std = (squares / count - mean.square()).clamp(min=1e-12).sqrt()
    return tuple(round(value, 6) for value in mean.tolist()), tuple(round(value, 6) for value in std.tolist())
