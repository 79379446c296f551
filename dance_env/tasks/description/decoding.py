"""From what tomllib read to the dataclasses of `schema`: types, missing keys and unknown keys are checked."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin

from dance_env.suggest import nearest
from dance_env.tasks.description.place import Place

_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def decode(kind: Any, value: Any, place: Place) -> Any:
    """Return a value as an annotation wants it.

    Args:
        kind: A dataclass, `bool`, `int`, `float`, `str`, a `Literal`, `tuple[T, ...]`, `dict[str, T]`, or a union of such;
            of several dataclasses, the one whose `kind` is the table's.
        value: What tomllib read.
        place: Where it stands.

    Raises:
        TaskFileError: If it does not fit.
    """
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _member(kind, value, place)
    if dataclasses.is_dataclass(kind):
        return _table(kind, value, place)
    if origin is tuple:
        return _array(kind, value, place)
    if origin is dict:
        if not isinstance(value, Mapping):
            raise _wrong(kind, value, place)
        inner = get_args(kind)[1]
        return {name: decode(inner, each, place / name) for name, each in value.items()}
    if origin is Literal:
        if value not in get_args(kind):
            raise place.error(f"expected one of {_described(kind)}, got {value!r}. {nearest(value, get_args(kind))}")
        return value
    return value if kind is Any else _scalar(kind, value, place)


def _scalar(kind: Any, value: Any, place: Place) -> Any:
    fits = isinstance(value, int | float) if kind is float else isinstance(value, kind)
    if not fits or (isinstance(value, bool) and kind is not bool):
        raise _wrong(kind, value, place)
    if isinstance(value, float) and math.isnan(value):
        raise place.error("expected a number, got nan")
    return float(value) if kind is float else value


def _array(kind: Any, value: Any, place: Place) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise _wrong(kind, value, place)
    inner = get_args(kind)
    if inner[-1] is not Ellipsis and len(value) != len(inner):
        raise place.error(f"expected {len(inner)} values, got {len(value)}: {_shown(value)}")
    of = [inner[0]] * len(value) if inner[-1] is Ellipsis else inner
    return tuple(decode(each, item, place / index) for index, (each, item) in enumerate(zip(of, value, strict=True)))


def _table(kind: Any, value: Any, place: Place) -> Any:
    if not isinstance(value, Mapping):
        raise _wrong(kind, value, place)
    fields = {each.name: each for each in dataclasses.fields(kind)}
    for name in value:
        if name not in fields:
            raise (place / name).error(f"there is no such key. {nearest(name, fields)}")
    for name, each in fields.items():
        missing = each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING
        if missing and name not in value:
            raise place.error(f"the key {name!r} is missing. {_keys(fields)}")
    hints = typing.get_type_hints(kind)
    made = {name: decode(hints[name], item, place / name) for name, item in value.items()}
    with place.blamed():
        return kind(**made)


def _keys(fields: Mapping[str, dataclasses.Field[Any]]) -> str:
    needed = [
        name
        for name, each in fields.items()
        if each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING
    ]
    others = [name for name in fields if name not in needed]
    return f"It needs {', '.join(needed)}" + (f"; it may have {', '.join(others)}" if others else "")


def _member(kind: Any, value: Any, place: Place) -> Any:
    """Return a value as the one member of a union that its type names."""
    members = [each for each in get_args(kind) if each is not type(None)]
    tables = [each for each in members if dataclasses.is_dataclass(each)]
    if isinstance(value, Mapping) and tables:
        return _table(tables[0] if len(tables) == 1 else _of_kind(tables, value, place), value, place)
    for each in members:
        literal = get_origin(each) is Literal
        plain = each in _NAMES and (isinstance(value, each) or (each is float and isinstance(value, int)))
        listed = get_origin(each) is tuple and isinstance(value, list)
        named = get_origin(each) is dict and isinstance(value, Mapping)
        if (literal and value in get_args(each)) or (plain and (each is bool) == isinstance(value, bool)):
            return decode(each, value, place)
        if listed or named:
            return decode(each, value, place)
    raise _wrong(kind, value, place)


def _of_kind(tables: list[Any], value: Mapping[str, Any], place: Place) -> Any:
    kinds = {get_args(typing.get_type_hints(each)["kind"])[0]: each for each in tables}
    known = ", ".join(map(repr, kinds))
    if "kind" not in value:
        raise place.error(f"the key 'kind' is missing; it is one of {known}")
    kind = _scalar(str, value["kind"], place / "kind")
    if kind not in kinds:
        raise (place / "kind").error(f"there is no kind {kind!r}. {nearest(kind, kinds)}")
    return kinds[kind]


def _wrong(kind: Any, value: Any, place: Place) -> Exception:
    return place.error(f"expected {_described(kind)}, got {_shown(value)}")


def _described(kind: Any) -> str:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_described(each) for each in inner if each is not type(None)))
    if origin is Literal:
        return ", ".join(repr(each) for each in inner)
    if origin is tuple:
        one = _described(inner[0])
        return f"a list of {one.removeprefix('a ')}s" if " or " not in one else f"a list (of {one})"
    if origin is dict or dataclasses.is_dataclass(kind):
        return "a table"
    return _NAMES[kind]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
