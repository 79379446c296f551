"""Images through Hugging Face `datasets`: a hub name, a folder of parquet files, or a folder of images by class."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dance_env.accuracy.supernet.sources import ImageDataError, ImageSource, MemoryImages, check_labels

_IN_MEMORY_BYTES = 2 * 1024**3
_FINGERPRINT_IMAGES = 256
_LABEL_NAMES = ("label", "labels", "fine_label")


def load_hugging_face(
    name: str,
    *,
    location: str | Path,
    num_classes: int,
    channels: int = 3,
    image_size: int,
    resize: bool = False,
    image_column: str | None = None,
    label_column: str | None = None,
    cache_dir: str | Path | None = None,
    workers: int = 4,
) -> tuple[ImageSource, ImageSource | None]:
    """Return training images, and test images where the data set has a split for them ("test", else "validation").

    Args:
        name: what messages call the data set.
        location: a folder (parquet files, or `train/<class>/*.png`) or a name on the hub such as "uoft-cs/cifar10";
            "uoft-cs/cifar10@REVISION" reads that commit, branch or tag.
        num_classes: number of classes of the network.
        channels: 1 reads the images as gray, 3 as RGB.
        image_size: edge in pixels that every image must have, or is brought to if `resize`.
        resize: scale the shorter edge to `image_size` and cut the center, instead of refusing other sizes.
        image_column: where the images are; found by type if None.
        label_column: where the classes are; found by name ("label", "labels", "fine_label") if None.
        cache_dir: where `datasets` keeps its copy; its own default if None.
        workers: threads that decode images.

    Raises:
        ImportError: If `datasets` or Pillow is not installed (extra "images").
        ImageDataError: If nothing is there, a column is missing, an image does not decode, or sizes or classes do not fit.
    """
    splits = _load(name, location, cache_dir)
    if "train" not in splits:
        raise ImageDataError(f"{name}: expected a split named train in {location}, got {sorted(splits)}")
    test_name = next((split for split in ("test", "validation", "valid", "val") if split in splits), None)
    sources: list[ImageSource] = []
    for split in ("train", test_name):
        if split is None:
            continue
        table = splits[split]
        column = _image_column(name, table, image_column)
        table, labels = _labels(name, table, label_column, num_classes)
        lazy = DecodedImages(
            f"{name}/{split}",
            _undecoded(table, column),
            labels,
            num_classes,
            channels=channels,
            image_size=image_size,
            resize=resize,
            workers=workers,
        )
        small = len(lazy) * channels * image_size**2 <= _IN_MEMORY_BYTES
        sources.append(lazy.in_memory() if small else lazy)
    return sources[0], sources[1] if len(sources) > 1 else None


@dataclass(frozen=True)
class Cells:
    """The column of a table that holds images, still encoded."""

    table: Any
    column: str

    def __len__(self) -> int:
        return len(self.table)

    def cells(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        """Return `{"bytes": ..., "path": ...}` of each row; one is None where the other says where the image is."""
        found = self.table[rows][self.column] if rows else []
        return [{"bytes": None, "path": None} if cell is None else cell for cell in found]


@dataclass(frozen=True, eq=False)
class DecodedImages:
    """A data set too large for memory: images are decoded when they are read, by a few threads."""

    name: str
    encoded: Cells = field(repr=False)
    labels: torch.Tensor  # (n,) int64
    num_classes: int
    channels: int
    image_size: int
    resize: bool
    workers: int = 4

    def __post_init__(self) -> None:
        check_labels(self.name, self.labels, len(self.encoded), self.num_classes)
        if self.channels not in (1, 3):
            raise ImageDataError(f"{self.name}: images have 1 channel (gray) or 3 (RGB), not {self.channels}")

    def __len__(self) -> int:
        return len(self.encoded)

    def read(self, indices: torch.Tensor) -> torch.Tensor:
        """Return `(b, channels, image_size, image_size)` uint8 of indices `(b,)` int64."""
        rows = indices.tolist()
        cells = self.encoded.cells(rows)
        with ThreadPoolExecutor(max(1, self.workers)) as pool:
            pixels = list(pool.map(self._decode, rows, cells))
        return torch.from_numpy(np.stack(pixels))

    def in_memory(self) -> MemoryImages:
        """Decode everything once."""
        parts = [self.read(rows) for rows in torch.arange(len(self)).split(1_000)]
        return MemoryImages(self.name, torch.cat(parts), self.labels, self.num_classes)

    def fingerprint(self) -> str:
        """Return SHA-256 over the labels, the reading rules and a sample of the encoded images.

        The sample is spread evenly over the data set and includes its first and last image. Reading every byte of
        ImageNet would take longer than an epoch, so a change to an image outside the sample goes unnoticed.
        """
        digest = hashlib.sha256(repr((len(self), self.channels, self.image_size, self.resize)).encode())
        digest.update(self.labels.numpy().tobytes())
        sample = torch.linspace(0, len(self) - 1, min(_FINGERPRINT_IMAGES, len(self)), dtype=torch.float64)
        for cell in self.encoded.cells(sample.round().to(torch.int64).tolist()):
            digest.update(cell["bytes"] or str(cell["path"]).encode())
        return digest.hexdigest()

    def _decode(self, row: int, cell: dict[str, Any]) -> np.ndarray:
        """Return one image as `(channels, size, size)` uint8."""
        import io

        from PIL import Image

        try:
            with Image.open(io.BytesIO(cell["bytes"]) if cell["bytes"] else cell["path"]) as opened:
                image = opened.convert("L" if self.channels == 1 else "RGB")
        except Exception as error:  # a damaged file makes Pillow raise any of a dozen unrelated types
            where = f" ({cell['path']})" if cell["path"] else ""
            raise ImageDataError(
                f"{self.name}: image {row}{where} does not decode ({type(error).__name__}: {error}); "
                "the file is damaged: fetch the data set again"
            ) from error
        size = self.image_size
        if self.resize and image.size != (size, size):
            scale = size / min(image.size)
            width, height = (max(size, round(edge * scale)) for edge in image.size)
            left, top = (width - size) // 2, (height - size) // 2
            image = image.resize((width, height), Image.Resampling.BILINEAR).crop((left, top, left + size, top + size))
        if image.size != (size, size):
            raise ImageDataError(
                f"{self.name}: image {row} is {image.size[0]} x {image.size[1]} pixels, the network expects "
                f"{size} x {size}; choose another network space, or have the images resized"
            )
        pixels = np.asarray(image, np.uint8)
        return pixels[None] if self.channels == 1 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _load(name: str, location: str | Path, cache_dir: str | Path | None) -> Any:
    """Return the splits by name, from a folder if there is one at `location`, else from the hub."""
    for package, module, job in (("datasets", "datasets", "read"), ("pillow", "PIL", "decoded")):
        if find_spec(module) is None:
            raise ImportError(
                f"{name} is {job} with the package {package}, which is not installed: pip install 'dance-env[images]'"
            )
    import datasets

    folder = Path(location).expanduser()
    cache = None if cache_dir is None else str(cache_dir)
    if not folder.exists():
        if folder.is_absolute() or str(location).startswith((".", "~")) or str(location).count("/") > 1:
            raise ImageDataError(f"{name}: no folder {folder}; give a folder that exists, or a name on the hub")
        hub, _, revision = str(location).partition("@")
        return _described(
            name, location, lambda: datasets.load_dataset(hub, revision=revision or None, cache_dir=cache)
        )
    if not folder.is_dir():
        raise ImageDataError(f"{name}: {folder} is a file; give the folder that holds the parquet files or images")
    parquet = _parquet_files(folder)
    if parquet:
        return _described(name, location, lambda: datasets.load_dataset("parquet", data_files=parquet, cache_dir=cache))
    if not any(path.is_dir() for path in folder.iterdir()):
        raise ImageDataError(f"{name}: {folder} holds neither parquet files nor folders of images")
    return _described(
        name, location, lambda: datasets.load_dataset("imagefolder", data_dir=str(folder), cache_dir=cache)
    )


def _described(name: str, location: str | Path, load: Any) -> Any:
    """Run `load`; whatever the library raises becomes one sentence about this data set."""
    try:
        return load()
    except Exception as error:  # datasets, pyarrow, fsspec and the hub client raise dozens of unrelated types
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        cause = error.__cause__
        detail = f" ({str(cause).splitlines()[0]})" if cause is not None and str(cause) else ""
        raise ImageDataError(f"{name}: cannot read the data set at {location}: {first}{detail}") from error


def _parquet_files(folder: Path) -> dict[str, list[str]]:
    """Return parquet files by split, from names such as `train-00000-of-00002.parquet` or `test/0000.parquet`."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("*.parquet")):
        place = str(path.relative_to(folder)).lower()
        for split in ("train", "test", "validation", "valid", "val"):
            if place.startswith(split) or f"/{split}" in place:
                found.setdefault(split, []).append(str(path))
                break
    return found


def _image_column(name: str, table: Any, asked: str | None) -> str:
    """Return the column that holds images: the one asked for, or the only one of an image's type or name."""
    from datasets import Image

    columns = list(table.column_names)
    if asked is not None:
        if asked not in columns:
            raise ImageDataError(f"{name}: no column {asked!r}; the data set has {columns}")
        return asked
    typed = [column for column in columns if isinstance(table.features[column], Image)]
    named = typed or [column for column in columns if column in ("image", "img")]
    if len(named) != 1:
        raise ImageDataError(
            f"{name}: expected one column of images, or one called image or img; the data set has {columns}"
        )
    return named[0]


def _undecoded(table: Any, column: str) -> Cells:
    """Return the image column as `{"bytes", "path"}` cells, left for our own threads to decode."""
    from datasets import Image

    try:
        return Cells(table.select_columns([column]).cast_column(column, Image(decode=False)), column)
    except Exception as error:  # pyarrow's cast errors come in several types
        raise ImageDataError(f"{table.info.dataset_name}: column {column!r} does not hold images: {error}") from error


def _labels(name: str, table: Any, asked: str | None, num_classes: int) -> tuple[Any, torch.Tensor]:
    """Return the table without unlabeled rows, and its labels; raise unless they are of exactly `num_classes` classes."""
    from datasets import ClassLabel

    columns = list(table.column_names)
    candidates: Sequence[str] = [asked] if asked is not None else [c for c in _LABEL_NAMES if c in columns]
    if not candidates or candidates[0] not in columns:
        raise ImageDataError(f"{name}: no label column {asked or list(_LABEL_NAMES)}; the data set has {columns}")
    column = candidates[0]
    feature, values = table.features[column], np.asarray(table[column])
    if not np.issubdtype(values.dtype, np.integer):
        raise ImageDataError(f"{name}: labels in column {column!r} are {values.dtype}, expected integers")
    declared = feature.num_classes if isinstance(feature, ClassLabel) else None
    found = declared if declared is not None else int(values.max()) + 1
    if found != num_classes:
        raise ImageDataError(
            f"{name}: the network has {num_classes} classes, the data set {found}; "
            "choose the network space made for this data set, or another label column"
        )
    if values.min() < 0:  # the hub marks images without a label by -1
        kept = np.flatnonzero(values >= 0)
        table, values = table.select(kept), values[kept]
    return table, torch.from_numpy(values.astype(np.int64))
