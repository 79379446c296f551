"""How this package compiles functions with numba, and where it keeps the machine code. Loads numba.

Numba's own cache looks at the file that holds a function, not at the files of the functions it calls: a change there
would leave stale machine code in use. So the code is kept in a folder named after the content of all kernels.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numba

from dance_env.cost.cache import default_cache_dir
from dance_env.cost.sources import KERNELS, source_digest


def compiled(function: Callable[..., Any]) -> Any:
    """Compile when first called: machine code kept on disk, the interpreter lock released, division as numpy's.

    Where nothing can be written the code is made afresh in every process.
    """
    return _compile(function, ())


def compiled_as(signature: str) -> Callable[[Callable[..., Any]], Any]:
    """`compiled`, for these argument types only; without them numba makes a copy for each literal argument."""
    return lambda function: _compile(function, (signature,))


def _compile(function: Callable[..., Any], signature: tuple[str, ...]) -> Any:
    compiler: Any = numba.njit
    config: Any = numba.config
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    saved = config.CACHE_DIR
    config.CACHE_DIR = os.path.join(saved or default_cache_dir() / "numba", source_digest(KERNELS)[:16])
    try:
        return compiler(*signature, cache=True, **options)(function)
    except (RuntimeError, OSError):  # numba: "cannot cache function, no locator available"
        return compiler(*signature, **options)(function)
    finally:
        config.CACHE_DIR = saved
