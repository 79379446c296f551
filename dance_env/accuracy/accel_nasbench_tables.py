"""Reads the published tables of Accel-NASBench: trained networks, and networks trained with two schedules."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dance_env.graph.networks import accel_nasbench

LEAST_NETWORKS = 1_000
"""How many networks a table must have at least: a truncated one has fewer, or ends in the middle of a row."""

_AXES = {"expansion": "e", "kernel": "k", "layers": "l", "se": "se"}


@dataclass(frozen=True, eq=False)
class TrainedNetworks:
    """Networks of accel-nasbench, and what was measured of each.

    Attributes:
        networks: `(B, 28)` option indices.
        top1_pct: `(B,)` top-1 accuracy on ImageNet's validation images, percent.
        gpu_hours: `(B,)` of training, on RTX 3090.
        columns: the further columns that were asked for, `(B,)` each; text is kept as it stands.
    """

    networks: np.ndarray
    top1_pct: np.ndarray
    gpu_hours: np.ndarray
    columns: dict[str, list[str]]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.networks)


def read_networks(path: Path, *, further: tuple[str, ...] = (), least: int = LEAST_NETWORKS) -> TrainedNetworks:
    """Return the rows of a table.

    Args:
        path: A CSV file, or one compressed by gzip.
        further: Names of more columns to read.
        least: How many rows there must be at least.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, a column is missing, or a row has too few cells, no number, or a value that
            cannot be; the message names the line.
    """
    names = [_column(choice.name) for choice in accel_nasbench().choices()]
    wanted = [*names, "top1_pct", "train_wall_s_on_4_rtx3090", *further]
    reader = csv.DictReader(io.StringIO(_text(path)))
    lacking = [name for name in wanted if name not in (reader.fieldnames or ())]
    if lacking:
        raise ValueError(f"{path}: there is no column {lacking[0]!r}; found {reader.fieldnames}")
    rows: list[list[float]] = []
    columns: dict[str, list[str]] = {name: [] for name in further}
    for row in reader:
        try:
            rows.append(_numbers(row, names))
        except ValueError as error:
            raise ValueError(f"{path}, line {reader.line_num}: {error}") from None
        for name in further:
            columns[name].append(row[name])
    if len(rows) < least:
        raise ValueError(f"{path}: expected at least {least} networks, found {len(rows)}; is the file truncated?")
    values = np.array(rows)
    return TrainedNetworks(values[:, :-2].astype(np.int64), values[:, -2], values[:, -1] * 4 / 3600, columns)


def _text(path: Path) -> str:
    data = path.read_bytes()
    try:
        return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    except (EOFError, OSError, zlib.error, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: the file is damaged or truncated ({error}); fetch it again") from error


def _column(choice: str) -> str:
    """Return the column of a choice: "e0" for "block0_expansion"."""
    stage, axis = choice.removeprefix("block").split("_")
    return f"{_AXES[axis]}{stage}"


def _numbers(row: dict[str, str], names: list[str]) -> list[float]:
    """Return option indices, accuracy and seconds of a row."""
    found: list[float] = []
    for choice, name in zip(accel_nasbench().choices(), names, strict=True):
        option = _number(row, name)
        if option not in choice.options:
            raise ValueError(f"{name} must be one of {choice.options}, got {row[name]!r}")
        found.append(choice.options.index(int(option)))
    accuracy, seconds = _number(row, "top1_pct"), _number(row, "train_wall_s_on_4_rtx3090")
    if not 0.0 <= accuracy <= 100.0:
        raise ValueError(f"top1_pct must be a percentage, got {accuracy}")
    if not 0.0 < seconds < np.inf:
        raise ValueError(f"train_wall_s_on_4_rtx3090 must be a number of seconds above 0, got {seconds}")
    return [*found, accuracy, seconds]


def _number(row: dict[str, str], name: str) -> float:
    try:
        return float(row[name])
    except (TypeError, ValueError):  # a row that is too short has None
        raise ValueError(f"{name} must be a number, got {row[name]!r}") from None
