"""Which function a cost function is: text that differs where the function does, for the fingerprints of problems."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import is_dataclass
from types import CodeType
from typing import Any

import numpy as np

from dance_env.cost.cost import Cost

_PROBES = 256


def identity(function: Callable[[Any], Any]) -> str:
    """A dataclass's settings, or a function's name, byte code and values at fixed costs.

    A name alone would not do: after an edit, `def my_cost` is another function of the same name, and what was cached
    for the old one would be taken for the new one's. Byte code tells edits apart; values tell apart what is not in it
    (defaults, closures, globals, the arguments of a `functools.partial`). Python versions differ in byte code, and so
    do these texts; use a frozen dataclass where records must outlive one.
    """
    if is_dataclass(function) and not isinstance(function, type):
        return repr(function)
    name = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', type(function).__qualname__)}"
    digest = hashlib.sha256()
    code = getattr(function, "__code__", None) or getattr(type(function).__call__, "__code__", None)
    if code is not None:
        _add_code(digest, code)
    values = np.broadcast_to(np.asarray(function(_probes()), dtype=np.float64), (_PROBES,))
    digest.update(values.astype("<f8").tobytes())
    return f"{name} {digest.hexdigest()}"


def short_name(function: Callable[[Any], Any]) -> str:
    """What to call a cost function in a sentence: a dataclass's own text, a function's name."""
    if is_dataclass(function) and not isinstance(function, type):
        return str(function)
    return str(getattr(function, "__name__", None) or type(function).__name__)


def _add_code(digest: Any, code: CodeType) -> None:
    digest.update(code.co_code + repr((code.co_names, code.co_varnames, code.co_freevars)).encode())
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _add_code(digest, constant)
        elif not isinstance(constant, frozenset):  # the order of a set's text differs between processes
            digest.update(repr(constant).encode())


def _probes() -> Cost:
    """Costs from 1 us, 1 uJ, 0.01 mm2 to 1 s, 1 J, 100 mm2, in no simple relation to each other."""
    steps = np.arange(_PROBES)
    latency, energy, area = (np.mod(steps * ratio, 1.0) for ratio in (0.6180339887, 0.7548776662, 0.5698402910))
    return Cost(10.0 ** (6 * latency - 6), 10.0 ** (6 * energy - 6), 10.0 ** (4 * area - 2))
