"""How this package compiles functions with numba. Loads numba.

Compiling is most of what a first cost table takes. Two habits keep it short. Helpers get no entry from Python (which
numba would make for each). And a helper is never called with a literal number, as numba compiles it once more for every
literal: hence `np.int64(1)` at some calls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from numba.core.dispatcher import Dispatcher

from dance_env.cost.code_cache import CodeCache

_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}  # no interpreter lock; numbers divide as numpy's


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function to be called from Python, on its first call, and keep the machine code on disk."""
    made: Any = _njit()(**_OPTIONS)(function)
    if isinstance(made, Dispatcher):  # not where NUMBA_DISABLE_JIT is set
        # In the place of numba's own cache (`cache=True`), which looks at the file that holds a function and not at
        # the files of the functions that it calls, needs a folder that can be written, and loads damaged files.
        made._cache = CodeCache(function)  # type: ignore[attr-defined]
    return made


def helper(function: Callable[..., Any]) -> Any:
    """Compile a function to be called from compiled functions only; their machine code includes it."""
    return _njit()(no_cpython_wrapper=True, no_cfunc_wrapper=True, **_OPTIONS)(function)


def _njit() -> Any:
    """Return numba's compiler; its own annotations do not know all options."""
    return numba.njit
