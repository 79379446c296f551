"""How this package compiles functions with numba, and where it keeps the machine code. Loads numba.

Numba's own cache looks at the file that holds a function, not at the files of the functions it calls: a change there
would leave stale machine code in use. So the code is kept in a folder named after the content of all kernels.

Compiling is most of what a first cost table takes. Two habits keep it short. Helpers get no entry from Python (which
numba would make for each). And a helper is never called with a literal number, as numba compiles it once more for every
literal: hence `np.int64(1)` at some calls.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numba

from dance_env.cache import default_cache_dir
from dance_env.cost.search.sources import KERNELS, source_digest

_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}  # no interpreter lock; numbers divide as numpy's


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function to be called from Python, on its first call, and keep the machine code on disk.

    Where nothing can be written the code is made afresh in every process.
    """
    compiler, config = _untyped()
    saved = config.CACHE_DIR
    config.CACHE_DIR = os.path.join(saved or default_cache_dir() / "numba", source_digest(KERNELS)[:16])
    try:
        return compiler(cache=True, **_OPTIONS)(function)
    except (RuntimeError, OSError):  # numba: "cannot cache function, no locator available"
        return compiler(**_OPTIONS)(function)
    finally:
        config.CACHE_DIR = saved


def helper(function: Callable[..., Any]) -> Any:
    """Compile a function to be called from compiled functions only."""
    compiler, _ = _untyped()
    return compiler(no_cpython_wrapper=True, no_cfunc_wrapper=True, **_OPTIONS)(function)


def _untyped() -> tuple[Any, Any]:
    """Numba's compiler and settings; its own annotations know neither all options nor ``CACHE_DIR``."""
    return numba.njit, numba.config
