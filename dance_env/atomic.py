"""Write a file whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_SUFFIX = ".part"
_STALE_AFTER_S = 24 * 3600.0
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_swept: set[Path] = set()


def write_whole(
    path: str | os.PathLike[str], content: bytes | str, *, sync: bool = False, previous: Path | None = None
) -> Path:
    """Write a file so that others see the old content or the new one, never a part; return its path.

    Args:
        path: The file. Its folder is made where it is missing.
        content: All of it; text is written as UTF-8, and a lone surrogate in it as its escape.
        sync: Whether the content must be on the disk before the old file goes, for what a power cut may not take.
        previous: Where to keep the old file; None drops it.

    Raises:
        OSError: If the file cannot be written. The message names it, and the old file is intact.
    """
    data = content.encode("utf-8", errors="backslashreplace") if isinstance(content, str) else content
    with replacing(path, sync=sync, previous=previous) as file:
        file.write(data)
    return Path(path)


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str], *, sync: bool = False, previous: Path | None = None) -> Iterator[BinaryIO]:
    """Open a binary file that takes the place of `path` when the block ends, and vanishes if the block raises.

    Args:
        path: The file. Its folder is made where it is missing.
        sync: As for `write_whole`.
        previous: As for `write_whole`.

    Raises:
        OSError: If the file cannot be written. The message names it, and the old file is intact.
    """
    path = Path(path)
    # The process and a random number: no two writers share a name. The mode follows the umask, as any file's does.
    temporary = path.with_name(f".{path.name[:40]}.{os.getpid()}-{secrets.token_hex(4)}{_SUFFIX}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent)
        with open(temporary, "xb") as file:
            yield file
            if sync:
                file.flush()
                os.fsync(file.fileno())
        if previous is not None and path.exists():
            os.replace(path, previous)
        os.replace(temporary, path)
    except OSError as error:
        _remove(temporary)
        raise OSError(error.errno, f"cannot write {path}: {_advice(error)} (what was there is intact)") from error
    except BaseException:
        _remove(temporary)
        raise


def _advice(error: OSError) -> str:
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        return f"{reason}; no space is left; free some"
    return f"{reason}; give a folder that can be written"


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _sweep(folder: Path) -> None:
    """Remove what killed processes left half written, once per process and folder."""
    if folder in _swept:
        return
    _swept.add(folder)
    limit = time.time() - _STALE_AFTER_S
    with contextlib.suppress(OSError):
        for each in folder.glob(f".*{_SUFFIX}"):
            if each.stat().st_mtime < limit:
                _remove(each)
