"""Settings given as text, from a TOML file or from Python, converted to the types of a dataclass's fields."""

from __future__ import annotations

import ast
import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import numpy as np

from dance_env.suggest import nearest


def typed_settings(kind: type, settings: Mapping[str, Any], *, owner: str) -> dict[str, Any]:
    """Return the arguments that make a `kind` with some of its fields changed.

    Args:
        kind: a dataclass.
        settings: field to value. A field that is a dataclass itself is given whole, as a nested mapping, or field by
            field under a dotted name: `{"descent.steps": 50}` changes one field of `descent` and keeps its others.
            Text is converted to the field's type.
        owner: what the settings belong to, for messages: "solver 'dance'".

    Raises:
        ValueError: If there is no such setting (the nearest are offered), or a value is not of its type.
    """
    known = {each.name: each for each in dataclasses.fields(kind) if each.init}
    annotations = annotations_of(kind)
    whole: dict[str, Any] = {}
    parts: dict[str, dict[str, Any]] = {}
    for name, value in settings.items():
        head, _, rest = name.partition(".")
        if head not in known:
            raise ValueError(f"{owner} has no setting {head!r}. {nearest(head, list(known))}")
        nested = dataclass_in(annotations.get(head), default_of(known[head]))
        if rest:
            parts.setdefault(head, {})[rest] = value
        elif nested is not None and isinstance(value, Mapping):
            parts.setdefault(head, {}).update(value)
        else:
            whole[head] = _typed(value, annotations.get(head), setting=f"setting {name!r} of {owner}")
    for head, changes in parts.items():
        base = whole.get(head, default_of(known[head]))
        whole[head] = _changed(base, dataclass_in(annotations.get(head), base), changes, f"setting {head!r} of {owner}")
    return whole


def _changed(base: Any, nested: type | None, changes: Mapping[str, Any], owner: str) -> Any:
    """`base`, or a new `nested` where there is none, with some of its fields changed."""
    if nested is None:
        raise ValueError(f"{owner} has no settings of its own, but {', '.join(map(repr, changes))} was given for it")
    arguments = typed_settings(nested, changes, owner=owner)
    try:
        if isinstance(base, nested):
            arguments = {
                each.name: getattr(base, each.name) for each in dataclasses.fields(nested) if each.init
            } | arguments
        return nested(**arguments)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{owner} cannot be {dict(changes)}: {error}") from error


def annotations_of(kind: type) -> dict[str, Any]:
    """Return the types of a dataclass's fields; those of the defaults where an annotation cannot be evaluated."""
    try:
        return typing.get_type_hints(kind)
    except Exception:  # a name that only a type checker imports: judge by the defaults
        return {each.name: type(default_of(each)) for each in dataclasses.fields(kind) if default_of(each) is not None}


def default_of(each: dataclasses.Field[Any]) -> Any:
    """Return a field's default, None where it has none."""
    if each.default is not dataclasses.MISSING:
        return each.default
    return each.default_factory() if each.default_factory is not dataclasses.MISSING else None


def dataclass_in(annotation: Any, default: Any) -> type | None:
    """Return the dataclass that a field holds, if it holds one (`HdxSettings | None` does)."""
    if dataclasses.is_dataclass(default):
        return type(default)
    members = get_args(annotation) if _is_union(annotation) else (annotation,)
    return next((each for each in members if isinstance(each, type) and dataclasses.is_dataclass(each)), None)


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)


def _typed(value: Any, annotation: Any, *, setting: str) -> Any:
    try:
        return _convert(value, annotation)
    except (TypeError, ValueError, SyntaxError, ArithmeticError) as error:
        hint = ""
        if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
            hint = "; give its fields one by one, such as NAME.FIELD=VALUE"
        raise ValueError(f"{setting} takes {type_text(annotation)}, not {value!r}{hint}") from error


def type_text(annotation: Any) -> str:
    """Return a type as messages and help say it: "int", "'a' or 'b'", "float or None"."""
    if get_origin(annotation) is Literal:
        return " or ".join(repr(each) for each in get_args(annotation))
    if _is_union(annotation):
        return " or ".join(type_text(each) for each in get_args(annotation))
    if annotation is type(None):
        return "None"
    return annotation.__name__ if isinstance(annotation, type) and not get_args(annotation) else str(annotation)


def _convert(value: Any, annotation: Any) -> Any:
    """`value` as the annotation wants it; raises where it does not fit."""
    origin = get_origin(annotation)
    if _is_union(annotation):
        return _member(value, get_args(annotation))
    if origin is Literal:
        return _among(value, {str(each): each for each in get_args(annotation)}, get_args(annotation))
    if origin is None and isinstance(annotation, type) and annotation is not Any:
        return _plain(value, annotation)
    if origin in (tuple, list, Sequence):
        return _sequence(value, origin, get_args(annotation))
    return _guessed(value)


def _member(value: Any, members: Sequence[Any]) -> Any:
    """The first member of a union that takes the value; text stays text only where nothing else takes it."""
    for member in sorted(members, key=lambda each: (each is str) == isinstance(value, str)):
        try:
            return _convert(value, member)
        except (TypeError, ValueError, SyntaxError, ArithmeticError):
            continue
    raise ValueError("no member of the union takes it")


def _plain(value: Any, kind: type) -> Any:
    if kind is type(None):
        return _among(value, {"none": None, "null": None}, (None,), lower=True)
    if kind is bool:
        return _among(value, {"true": True, "false": False}, (True, False), lower=True)
    if kind is int:
        return _whole(value)
    if kind is float:
        if isinstance(value, bool):
            raise TypeError("a truth value is not a number")
        return float(value)
    if kind is Path:
        return Path(value)
    if issubclass(kind, Enum):
        return _among(value, {**{str(each.value): each for each in kind}, **kind.__members__}, tuple(kind))
    if kind in (tuple, list):
        return _sequence(value, kind, ())
    if isinstance(value, kind):
        return value
    raise TypeError("another type")


def _whole(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError("a truth value is not a number")
    if isinstance(value, int | np.integer):
        return int(value)
    try:
        return int(value) if isinstance(value, str) else _exact(value)
    except ValueError:
        return _exact(float(value))  # 1e4


def _exact(value: float) -> int:
    if float(value) != int(value):
        raise ValueError("not a whole number")
    return int(value)


def _among(value: Any, by_text: Mapping[str, Any], options: Sequence[Any], *, lower: bool = False) -> Any:
    if isinstance(value, str) and (text := value.lower() if lower else value) in by_text:
        return by_text[text]
    for option in options:
        if value is option or (type(value) is type(option) and value == option):
            return option
    raise ValueError("not an option")


def _sequence(value: Any, kind: Any, members: Sequence[Any]) -> Any:
    if isinstance(value, str):
        value = ast.literal_eval(value)
    values = list(value) if isinstance(value, list | tuple | np.ndarray) else [value]
    if (len(members) == 2 and members[1] is Ellipsis) or (kind is not tuple and members):
        members = [members[0]] * len(values)
    if members:
        values = [_convert(each, member) for each, member in zip(values, members, strict=True)]
    return values if kind is list else tuple(values)


def _guessed(value: Any) -> Any:
    """A value of a type that says nothing: text that reads as a Python literal is one."""
    if not isinstance(value, str):
        return value
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return value
