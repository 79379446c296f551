"""Which files decide the figures, and a digest of them: no cached figure outlives a change of the rules."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

KERNELS = (
    "search/bounds_kernel.py",
    "search/inputs_kernel.py",
    "mapping/nest_kernel.py",
    "search/outer_kernel.py",
    "search/pairs_kernel.py",
)
"""The compiled files."""
FIGURES = ("analytical.py", "mapping/mapping.py", "search/mapspace.py", "search/search.py", *KERNELS)
"""All files that the analytical model's figures depend on."""


@cache
def source_digest(names: tuple[str, ...]) -> str:
    """SHA-256 hex digest of the content of files of this package."""
    digest = hashlib.sha256()
    for name in names:
        digest.update(Path(__file__).parents[1].joinpath(name).read_bytes())
    return digest.hexdigest()
