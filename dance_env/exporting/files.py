"""The files of an export: names that are safe, and nothing overwritten unasked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from os import PathLike
from pathlib import Path, PurePosixPath

from dance_env.atomic import write_whole

Files = Mapping[str, str | bytes]
"""Contents by path, relative to the folder of the export, with `/` between the parts."""

_LONGEST = 60


def safe_name(name: str, *, fallback: str = "layer") -> str:
    """Return a name as one part of a path: letters, digits, dots, dashes and underscores, no dot first, not too long."""
    cleaned = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._")[:_LONGEST].rstrip("._")
    return cleaned or fallback


def numbered(names: list[str]) -> list[str]:
    """Return safe names that differ: each behind its number, which also keeps the order in a listing."""
    width = len(str(max(len(names) - 1, 0)))
    return [f"{number:0{width}d}_{safe_name(name)}" for number, name in enumerate(names)]


def write_files(folder: str | PathLike[str], files: Files, *, force: bool = False) -> tuple[Path, ...]:
    """Write the files of an export; return their paths.

    Args:
        folder: Is made where it is missing.
        files: What to write.
        force: Whether files that exist are replaced.

    Raises:
        FileExistsError: If a file exists and `force` is not set; nothing is then written.
        ValueError: If a path would leave the folder.
        OSError: If a file cannot be written.
    """
    folder = Path(folder)
    for name in files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise ValueError(f"{name!r} is no path inside the folder of an export")
    existing = [name for name in files if (folder / name).exists()]
    if existing and not force:
        more = f" and {len(existing) - 1} more of its files" if len(existing) > 1 else ""
        raise FileExistsError(
            f"{folder / existing[0]}{more} exist already: give another folder, or --force to replace them"
        )
    return tuple(write_whole(folder / name, content) for name, content in files.items())
