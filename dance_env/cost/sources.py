"""Which files decide the figures, and a digest of them: no cached figure outlives a change of the rules."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

KERNELS = ("bounds_kernel.py", "kernel.py", "nest_kernel.py", "outer_kernel.py", "search_kernel.py")
"""The compiled files."""
FIGURES = ("analytical.py", "mapping.py", "mapspace.py", "search.py", *KERNELS)
"""All files that the analytical model's figures depend on."""


@cache
def source_digest(names: tuple[str, ...]) -> str:
    """SHA-256 hex digest of the content of files of this package."""
    digest = hashlib.sha256()
    for name in names:
        digest.update(Path(__file__).with_name(name).read_bytes())
    return digest.hexdigest()
