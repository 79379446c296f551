"""Cache folders of tests' own, in which only compiled code is shared: it would take each of them up to a minute to make again."""

from __future__ import annotations

import contextlib
from pathlib import Path

from dance_env.cache import default_cache_dir


def with_compiled_code(folder: Path) -> Path:
    """Make a cache folder, empty but for a link to the compiled code that all tests share, and return it."""
    code = default_cache_dir() / "numba"
    for each in (code, folder):
        each.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        (folder / code.name).symlink_to(code, target_is_directory=True)
    return folder
