"""What a cost function is: from the cost of designs to one number each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any

from dance_env.source_digest import own_code

CostFunction = Callable[[Any], Any]
"""From a cost (see `dance_env.cost.Cost`) to numbers of its broadcast shape, by arithmetic that numpy arrays and torch
tensors share. It may be called from several threads at once.

A cost function with a method `fingerprint() -> str`, text that differs wherever the settings do, makes a problem that
can be cached. `EDAP` and `Linear` have one. Neither a function nor the `repr` of an object says what it computes, so that
problems with another cost function are never cached, and their records are never reused.
"""


def fingerprint_of(function: CostFunction) -> str | None:
    """Return the fingerprint of a cost function and its code, or None where it has none.

    It has none where the cost function does not give one, or its class stands in no file.

    Raises:
        TypeError: If its `fingerprint` returns neither text nor None.
    """
    method = getattr(function, "fingerprint", None)
    found = method() if callable(method) and not isinstance(function, type) else None
    if found is not None and not isinstance(found, str):
        raise TypeError(
            f"the cost function {name_of(function)} must return text (or None) from fingerprint(); got {found!r}"
        )
    code = own_code(function)
    return None if found is None or code is None else f"{found} {code}".rstrip()


def name_of(function: CostFunction) -> str:
    """Return what to call a cost function in a sentence: a dataclass's own text, a function's name."""
    if is_dataclass(function) and not isinstance(function, type):
        return str(function)
    return str(getattr(function, "__name__", None) or type(function).__name__)
