"""What a proof rests on, case by case: who beats an accelerator, and with which weights a bound closes one."""

from __future__ import annotations

import io
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dance_env.atomic import write_whole


@dataclass(frozen=True, eq=False)
class Evidence:
    """The evidence under one assignment of the outer choices, for `H` accelerators and `C` cases.

    Attributes:
        beaten_by: `(H,)` int32: an accelerator that beats this one on every network; -1 where none does (a case), -2 where
            the area is above its limit.
        ended: `(C,)` int8: how each case ended (see `solving`), in the order of the accelerators.
        bound: `(C,)` float32: the bound of the first vertex.
        vertices: `(C,)` int32.
        weights: `(C, W)` float32: multipliers of the limits and of the error's limit, and shares of the cost terms. Any
            multipliers >= 0, and any shares that add up to 1, give a bound.
    """

    beaten_by: np.ndarray
    ended: np.ndarray
    bound: np.ndarray
    vertices: np.ndarray
    weights: np.ndarray


_TYPES = {"beaten_by": "<i4", "ended": "<i1", "bound": "<f4", "vertices": "<i4", "weights": "<f4"}


def save_evidence(path: str | os.PathLike[str], evidence: tuple[Evidence, ...]) -> None:
    """Write evidence, an entry for each assignment of the outer choices, as a compressed npz file."""
    arrays = {
        f"{number}.{name}": getattr(each, name).astype(kind)
        for number, each in enumerate(evidence)
        for name, kind in _TYPES.items()
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_whole(path, buffer.getvalue())


def load_evidence(path: str | os.PathLike[str]) -> tuple[Evidence, ...]:
    """Read evidence.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no evidence.
    """
    try:
        with np.load(Path(path), allow_pickle=False) as arrays:
            count = len({key.partition(".")[0] for key in arrays.files})
            return tuple(Evidence(**{name: arrays[f"{number}.{name}"] for name in _TYPES}) for number in range(count))
    except (KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: no evidence of a proof: {type(error).__name__}: {error}") from error
