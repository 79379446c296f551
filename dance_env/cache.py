"""A disk cache of float64 arrays by content hash: written atomically, checked on load, rebuilt when in doubt."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FORMAT = "dance-env array 1"
ENVIRONMENT = "DANCE_CACHE_DIR"


def default_cache_dir() -> Path:
    """``$DANCE_CACHE_DIR``, or the user's cache folder of this platform."""
    from platformdirs import user_cache_dir

    return Path(os.environ.get(ENVIRONMENT) or user_cache_dir("dance-env", appauthor=False))


@dataclass(frozen=True)
class ArrayCache:
    """Arrays on disk, one file per key.

    A file is one line of JSON (format, key, shape, digest) and then the array's bytes. A file that was written by
    another version, is cut short or was altered is treated as missing, and replaced when its array is made again.

    Attributes:
        folder: where the files lie.
        writable: False when nothing can be written there; loading still works.
    """

    folder: Path
    writable: bool = True

    @classmethod
    def open(cls, folder: str | os.PathLike[str] | None = None) -> ArrayCache:
        """The cache in ``folder`` (created when missing), or in the default folder.

        Raises:
            OSError: when a folder was asked for and cannot be written. A default folder that cannot be written is a
                warning: everything works, and is made afresh each time.
        """
        path = Path(folder) if folder is not None else default_cache_dir()
        try:
            path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=path):
                pass
        except OSError as error:
            advice = f"choose another folder (cache_dir=..., or the environment variable {ENVIRONMENT})"
            message = f"cannot write to the cache folder {path}: {error.strerror or error}; {advice}."
            if folder is not None or os.environ.get(ENVIRONMENT):
                raise type(error)(error.errno, message) from error
            warnings.warn(f"{message} Continuing without a cache.", RuntimeWarning, stacklevel=2)
            return cls(path, writable=False)
        return cls(path)

    def load(self, key: str) -> np.ndarray | None:
        """The array stored under ``key`` (float64, read-only), or None when there is none that can be trusted."""
        try:
            with open(self._path(key), "rb") as file:
                header = json.loads(file.readline())
                payload = file.read()
        except (OSError, ValueError):
            return None
        if not isinstance(header, dict) or header.get("format") != FORMAT or header.get("key") != key:
            return None
        shape = header.get("shape")
        if not isinstance(shape, list) or header.get("sha256") != _digest(shape, payload):
            return None
        return np.frombuffer(payload, dtype="<f8").reshape(shape)

    def store(self, key: str, array: np.ndarray) -> None:
        """Write ``array`` under ``key``; other processes see the whole file or none.

        A full disk is a warning: what was made is still good, it is only not kept.
        """
        if not self.writable:
            return
        try:
            self._write(key, array)
        except OSError as error:
            warnings.warn(
                f"cannot keep a result in the cache folder {self.folder}: {error}.", RuntimeWarning, stacklevel=2
            )

    def _write(self, key: str, array: np.ndarray) -> None:
        payload = np.ascontiguousarray(array, dtype="<f8").tobytes()
        header = {
            "format": FORMAT,
            "key": key,
            "shape": list(array.shape),
            "sha256": _digest(list(array.shape), payload),
        }
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(json.dumps(header).encode() + b"\n" + payload)
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key[2:]}.bin"


def _digest(shape: list[int], payload: bytes) -> str:
    return content_key(json.dumps(shape), payload)


def content_key(*parts: str | bytes) -> str:
    """SHA-256 hex digest of ``parts``, each told apart from the next."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()
