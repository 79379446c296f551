"""Solvers inside solvers: a wrapper, or one that runs another, holds it in a field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, TypeGuard


def is_solver(value: Any) -> TypeGuard[Any]:
    """Whether a value is a solver, by what it has: a dataclass with `search` and a name."""
    return (
        is_dataclass(value)
        and not isinstance(value, type)
        and callable(getattr(value, "search", None))
        and isinstance(getattr(value, "name", None), str)
    )


def with_inner(solver: Any) -> Iterator[Any]:
    """Yield a solver, and the solvers that it holds in its fields, at any depth."""
    yield solver
    for each in fields(solver) if is_dataclass(solver) else ():
        value = getattr(solver, each.name, None)
        if is_solver(value):
            yield from with_inner(value)
