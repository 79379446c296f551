"""The table of NAS-Bench-Macro: 6,561 networks, each trained three times on CIFAR-10 by its authors.

Su et al., "Prioritized Architecture Sampling with Monto-Carlo Tree Search", CVPR 2021 (Apache-2.0). The table is not
part of this package: give the file, or have it downloaded.
"""

from __future__ import annotations

import itertools
import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from dance_env.accuracy.tensor import TensorAccuracy
from dance_env.cache import default_cache_dir

TABLE_VARIABLE = "DANCE_NAS_BENCH_MACRO"
TABLE_URL = "https://raw.githubusercontent.com/xiusu/NAS-Bench-Macro/HEAD/data/nas-bench-macro_cifar10.json"
TABLE_SHA256 = "686dee8363cc21cca8c1f321ad5749454f2d9b9ca5972682e137e539bc522297"
NUM_BLOCKS = 8
NUM_OPERATORS = 3
KEYS = tuple("".join(digits) for digits in itertools.product("012", repeat=NUM_BLOCKS))
"""The table's keys in C order of the tensor: one digit a block, the option index."""

STAGES = ((0, 2), (2, 5), (5, 8))
"""Blocks of each stage; the first of a stage changes the shape, so that an identity there is a convolution."""

_HINT = "Expected nas-bench-macro_cifar10.json of github.com/xiusu/NAS-Bench-Macro"


def load_table(path: str | Path | None = None) -> TensorAccuracy:
    """Return the measured accuracies, the mean of three trainings of each network.

    Args:
        path: The JSON file; without one, the file that the environment variable DANCE_NAS_BENCH_MACRO names; without
            that, a download with `pooch` (extra "download"), checked against its SHA-256 and kept in the cache folder.

    Returns:
        A tensor of shape (3,) * 8, axis = block, index = operator (0 identity, 1 mb3_k3, 2 mb6_k5).

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not this table: no JSON, truncated, other keys, or accuracies outside 0..100.
        ImportError: If a download is needed and pooch is not installed.
        OSError: If the file cannot be read, or the download failed.
    """
    return TensorAccuracy(read_trainings(path).mean(axis=1).reshape((NUM_OPERATORS,) * NUM_BLOCKS) / 100.0)


def same_network(key: str) -> str:
    """Return the key that stands for all designs that are the same network: identities moved to the end of their stage.

    An identity behind a stage's first block does nothing, wherever it stands: the 6,561 designs are 3,969 networks, and
    the table gives equal networks the same accuracies (they were trained once).
    """
    stages = []
    for start, stop in STAGES:
        rest = key[start + 1 : stop]
        stages.append(key[start] + rest.replace("0", "").ljust(len(rest), "0"))
    return "".join(stages)


def read_trainings(path: str | Path | None = None) -> np.ndarray:
    """Return each training's test accuracy, percent, (6561, 3), rows in the order of `KEYS`; errors as `load_table`."""
    given = path or os.environ.get(TABLE_VARIABLE) or download_table()
    file = Path(given).expanduser()
    if not file.is_file():
        source = "the path given" if path else f"the environment variable {TABLE_VARIABLE}"
        raise FileNotFoundError(f"no accuracy table at {file} (from {source}). {_HINT}.")
    table = _parse(file)
    missing, unknown = [key for key in KEYS if key not in table], sorted(set(table) - set(KEYS))
    if missing or unknown:
        raise ValueError(
            f"accuracy table {file}: keys must be the {len(KEYS)} strings of {NUM_BLOCKS} digits 0..2; {len(missing)} "
            f"are missing (first: {missing[:1]}) and {len(unknown)} are unknown (first: {unknown[:1]}). {_HINT}."
        )
    return np.array([_accuracies(file, key, table[key]) for key in KEYS])


def _parse(file: Path) -> dict[str, Any]:
    try:
        table = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # JSONDecodeError, UnicodeDecodeError, or nested too deeply
        raise ValueError(f"accuracy table {file} is no complete JSON file ({error}): truncated? {_HINT}.") from error
    if not isinstance(table, dict):
        raise ValueError(f"accuracy table {file} must hold a JSON object; got a {type(table).__name__}. {_HINT}.")
    return table


def _accuracies(file: Path, key: str, entry: Any) -> list[float]:
    values = entry.get("test_acc") if isinstance(entry, dict) else None
    if not isinstance(values, list) or len(values) != 3:
        raise ValueError(f"accuracy table {file}, network {key}: expected three numbers under 'test_acc'. {_HINT}.")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not (0.0 <= value <= 100.0):
            raise ValueError(
                f"accuracy table {file}, network {key}: accuracy must be 0 to 100 percent; got {value!r}. {_HINT}."
            )
    # The benchmark's networks are all better than guessing among ten classes: a table of fractions would pass above.
    if math.fsum(values) / 3 < 10.0:
        raise ValueError(
            f"accuracy table {file}, network {key}: mean accuracy {math.fsum(values) / 3:.3g} is below 10 percent, "
            f"worse than guessing; are these fractions instead of percent? {_HINT}."
        )
    return [float(value) for value in values]


def download_table() -> str:
    """Return the path of the table in the cache folder, fetched with `pooch` where it is not there yet, and checked.

    The folder is the one that DANCE_CACHE_DIR names, or the user's cache folder of this platform.

    Raises:
        ImportError: If pooch is not installed.
        OSError: If the download failed.
        ValueError: If what came has another SHA-256.
    """
    try:
        import pooch
    except ImportError as error:
        raise ImportError(
            "downloading NAS-Bench-Macro needs the package pooch: pip install 'dance-env[download]'. Or give the path "
            f"of the JSON file, or set the environment variable {TABLE_VARIABLE} to it."
        ) from error
    name = TABLE_URL.rpartition("/")[2]
    return str(pooch.retrieve(TABLE_URL, known_hash=f"sha256:{TABLE_SHA256}", path=default_cache_dir(), fname=name))
