"""Reading and writing records: one file per run, no pickle, written whole or not at all.

A record is a zip (so `numpy.load` opens it too) of `record.json`, everything a person wants to read, and one `.npy`
member per column of the trace. The zip's own checksums find corruption.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dance_env.atomic import replacing

VERSION = 3
"""Of the file's layout: 3 has a budget of several limits, and trained networks and GPU-hours in the trace.

Further columns and entries of the metadata are no new version: readers skip what they do not know.
"""

_READABLE = (2, 3)
"""The versions that can be read."""

_METADATA = "record.json"
_LONGEST_NAME = 80
_LONGEST_PART = 60
_UNPACKED_BYTES, _UNPACKED_RATIO = 1 << 28, 100  # ours unpack to 2 to 20 times their size
_EPOCH = (1980, 1, 1, 0, 0, 0)  # a fixed date in the zip: equal results give equal bytes


class RecordError(ValueError):
    """A file that is not a readable record: truncated, corrupted, of another version, or something else."""


def safe_name(text: str, *, longest: int = _LONGEST_NAME) -> str:
    """Return a file name for any text: without separators, dots at the start or reserved characters.

    Text that has to be changed gets a hash of the original, so that two names never share a file.

    Args:
        text: Any text.
        longest: The most characters of the name.
    """
    plain = re.sub(r"[^A-Za-z0-9._=-]+", "-", text).lstrip(".-")
    if plain == text and 0 < len(text) <= longest:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{plain[: longest - 9]}-{digest}".lstrip("-")


def record_path(folder: str | Path, *, task: str, solver: str, settings: str, budget: object, seed: int) -> Path:
    """Return where the record of one run stands: always a file right inside `folder`, whatever the names hold.

    Two runs that differ in any of these have different files.

    Args:
        folder: The folder of the records.
        task: The task's name.
        solver: The solver's label.
        settings: The digest of its settings.
        budget: The most that the run may spend: a `Budget`, or its text.
        seed: The run's seed.
    """
    readable = f"{task}/" if "." in task else task.replace("/", ".")  # a dot of its own is ambiguous: it gets a hash
    parts = (_part(readable), _part(solver), _part(settings), _part(f"budget{budget}"), f"seed{int(seed)}")
    return Path(folder) / f"{'__'.join(parts)}.npz"


def _part(text: str) -> str:
    """A part of a name between double underscores: hashed where it could be taken for two of them."""
    if re.search(r"__|^_|_$", text):
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        text = f"{re.sub('_+', '_', text).strip('_')[: _LONGEST_PART - 9]}-{digest}"
    return safe_name(text, longest=_LONGEST_PART)


def write_record(path: str | Path, metadata: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Path:
    """Write a record atomically: a reader sees the old file or the new one, never a part.

    Args:
        path: The file; its folder is made where it is missing.
        metadata: Values that JSON can hold.
        arrays: Numeric arrays by name.

    Raises:
        OSError: If the folder cannot be made or written; the message names the file.
        TypeError: If the metadata cannot be written as JSON.
    """
    text = json.dumps({"version": VERSION, **metadata}, indent=1, allow_nan=True)
    with replacing(path, sync=True) as file:
        _write_zip(file, text, arrays)
    return Path(path)


def _write_zip(file: Any, text: str, arrays: Mapping[str, np.ndarray]) -> None:
    with zipfile.ZipFile(file, "w", compression=zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(_member(_METADATA), text)
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
            archive.writestr(_member(f"{name}.npy"), buffer.getbuffer())


def _member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, date_time=_EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def read_record(
    path: str | Path, arrays: Collection[str] | None = None
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read a record written by `write_record`: its metadata and its arrays.

    Args:
        path: The file.
        arrays: Names of the arrays to read; None reads all. Others, which a later version may have added, are not
            looked at.

    Raises:
        FileNotFoundError: If there is no such file.
        RecordError: If the file is truncated, corrupted, of another version, or no record at all.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no record at {path}")
    try:
        with zipfile.ZipFile(path) as archive:
            _check_sizes(archive, path.stat().st_size)
            metadata = json.loads(archive.read(_METADATA).decode("utf-8"))
            stored = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
            names = [name for name in stored if arrays is None or name in arrays]
            read = {name: _read_array(archive.read(f"{name}.npy")) for name in names}
    except Exception as error:  # whatever a damaged file makes of zip, JSON and NumPy's format
        raise RecordError(
            f"{path} is not a whole record ({type(error).__name__}: {error}); it was truncated, corrupted or not "
            "written by this library: delete it and run again"
        ) from error
    version = metadata.get("version") if isinstance(metadata, dict) else None
    if version not in _READABLE:
        raise RecordError(
            f"{path} is a record of version {version!r}; this library reads versions {_READABLE}: run it again"
        )
    return metadata, read


def _check_sizes(archive: zipfile.ZipFile, file_bytes: int) -> None:
    """Refuse a file that would unpack to far more than a run's trace, before anything is unpacked."""
    unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > max(_UNPACKED_BYTES, _UNPACKED_RATIO * file_bytes):
        raise ValueError(f"its {file_bytes:,} bytes would unpack to {unpacked:,}")


def _read_array(data: bytes) -> np.ndarray:
    return np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
