"""A disk cache of float64 arrays by content hash: written atomically, checked on load, rebuilt when in doubt."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dance_env.atomic import write_whole

FORMAT = "dance-env array 1"
ENVIRONMENT = "DANCE_CACHE_DIR"


def default_cache_dir() -> Path:
    """Return the folder that DANCE_CACHE_DIR names, or the user's cache folder of this platform."""
    from platformdirs import user_cache_dir

    return Path(os.environ.get(ENVIRONMENT) or user_cache_dir("dance-env", appauthor=False))


@dataclass(frozen=True)
class ArrayCache:
    """Arrays on disk, one file per key.

    A file is one line of JSON (format, key, shape, digest) and then the array's bytes. A file that was written by
    another version, is cut short or was altered is treated as missing, and replaced when its array is made again.
    Files get the mode of the user's umask, so that a group can share a folder.

    Attributes:
        folder: Where the files lie.
        writable: Whether they can be written there. Where they cannot, those that are there are still read.
    """

    folder: Path
    writable: bool = True

    @classmethod
    def open(cls, folder: str | os.PathLike[str] | None = None) -> ArrayCache:
        """Return the cache in `folder` (made when missing), or in the default folder.

        A folder that can be read and not written, such as a shared one that was filled before, is a warning: its arrays
        are used, and new ones are not kept. So is a default folder that cannot be made.

        Raises:
            OSError: If a folder was named (here, or by the environment variable DANCE_CACHE_DIR) that is no folder
                and cannot be made.
        """
        path = Path(folder) if folder is not None else default_cache_dir()
        named = folder is not None or bool(os.environ.get(ENVIRONMENT))
        try:
            path.mkdir(parents=True, exist_ok=True)
            _try_to_write(path)
        except OSError as error:
            advice = f"choose another folder (cache_dir=..., or the environment variable {ENVIRONMENT})"
            message = f"cannot write to the cache folder {path}: {error.strerror or error}"
            if named and not path.is_dir():
                raise OSError(error.errno, f"{message}; {advice}.") from error
            way = "Reading what is there, and keeping nothing new" if path.is_dir() else "Continuing without a cache"
            warnings.warn(f"{message}. {way}; to keep results, {advice}.", RuntimeWarning, stacklevel=2)
            return cls(path, writable=False)
        return cls(path)

    def load(self, key: str) -> np.ndarray | None:
        """Return the array stored under `key` (float64, read-only), or None where there is none that can be trusted."""
        try:
            with open(self._path(key), "rb") as file:
                header = json.loads(file.readline())
                payload = file.read()
            if header["format"] != FORMAT or header["key"] != key or header["sha256"] != _digest(header, payload):
                return None
            return np.frombuffer(payload, dtype="<f8").reshape(header["shape"])
        except (OSError, ValueError, TypeError, KeyError, RecursionError):  # damaged, or not ours
            return None

    def store(self, key: str, array: np.ndarray) -> None:
        """Write `array` under `key`; other processes see the whole file or none.

        A full disk is a warning: the result is still good, it is only not kept.
        """
        if not self.writable:
            return
        payload = np.ascontiguousarray(array, dtype="<f8").tobytes()
        header: dict[str, Any] = {"format": FORMAT, "key": key, "shape": list(array.shape)}
        header["sha256"] = _digest(header, payload)
        try:
            write_whole(self._path(key), json.dumps(header).encode() + b"\n" + payload)
        except OSError as error:
            warnings.warn(f"cannot keep a result in the cache: {error.strerror}.", RuntimeWarning, stacklevel=2)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key[2:]}.bin"


def _try_to_write(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder):
        pass


def _digest(header: dict[str, Any], payload: bytes) -> str:
    return content_key(json.dumps(header["shape"]), payload)


def content_key(*parts: str | bytes) -> str:
    """Return a SHA-256 hex digest of `parts`; it depends on where one part ends and the next begins."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)  # by itself: an array of megabytes is not copied
    return digest.hexdigest()
