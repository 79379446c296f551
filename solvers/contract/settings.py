"""A solver's settings as JSON values, and their digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import PurePath
from typing import Any

import numpy as np

from solvers.contract.nesting import is_solver

_DEEPEST = 20
"""Nested deeper than this, settings contain themselves."""


def json_settings(solver: Any) -> dict[str, Any]:
    """Return a solver's fields as JSON values: tuples as lists, nested settings as dicts, other objects by their type.

    The settings of a solver inside it have its name among them, as "name".

    Args:
        solver: a dataclass instance.
    """
    return _fields(solver, opaque=lambda _: None, depth=0)


def settings_digest(solver: Any) -> str:
    """Return eight hexadecimal digits of the SHA-256 of a solver's settings; equal settings have equal digests."""
    text = json.dumps(json_settings(solver), sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def opaque_settings(solver: Any) -> list[str]:
    """Return the types of the settings that are no values (functions, objects without a fingerprint).

    Two solvers that differ only in such a setting cannot be told apart, so that no record of one may stand for the
    other.
    """
    found: list[str] = []
    _fields(solver, opaque=found.append, depth=0)
    return found


def _fields(owner: Any, *, opaque: Callable[[str], object], depth: int) -> dict[str, Any]:
    return {each.name: _value(getattr(owner, each.name), opaque, depth + 1) for each in fields(owner)}


def _value(value: Any, opaque: Callable[[str], object], depth: int) -> Any:
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    if depth > _DEEPEST:
        opaque(kind)
        return f"<{kind}>"
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, np.generic | np.ndarray):
        return _value(value.tolist(), opaque, depth + 1)
    if is_dataclass(value) and not isinstance(value, type):
        named = {"name": value.name} if is_solver(value) else {}
        return named | _fields(value, opaque=opaque, depth=depth)
    if isinstance(value, Mapping):
        return {str(key): _value(each, opaque, depth + 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_value(each, opaque, depth + 1) for each in value]
    if isinstance(value, PurePath) or kind in ("torch.dtype", "torch.device"):
        return str(value)
    try:
        return f"<{kind} {value.fingerprint()}>"
    except Exception:  # an object of a user's: it has no fingerprint, or it fails
        opaque(kind)
        return f"<{kind}>"
