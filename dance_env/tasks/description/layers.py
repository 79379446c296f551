"""Network spaces of layers whose dimensions are expressions over the choices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dance_env.graph import Layer, LayerSpace, matrix_product
from dance_env.graph.layer import kind_of
from dance_env.suggest import nearest
from dance_env.tasks.description.expressions import Expression
from dance_env.tasks.description.place import Place
from dance_env.tasks.description.schema import MOST_IN_A_ROW, Layers, LayerTable, Option

MOST_ROWS = 100_000
"""Of a table over the choices that a layer reads."""

_LARGEST = 10_000_000
_CONV = ("k", "c", "p", "q", "r", "s", "groups", "stride")
_PRODUCT = ("rows", "inner", "columns", "products")


def layer_space(name: str, table: Layers, place: Place) -> LayerSpace:
    """Return the network space of a table of kind "layers".

    Raises:
        TaskFileError: If a layer is incomplete, names an unknown choice, or has no whole dimension for some options.
    """
    choices = table.choices
    if not choices:
        raise (place / "choices").error("there is no choice; give at least one, with its options")
    for choice, options in choices.items():
        if not options or len(set(options)) != len(options):
            raise (place / "choices" / choice).error(f"expected different options, at least one; got {list(options)}")
    by_scope: dict[tuple[str, ...], list[_Template]] = {}
    for index, layer in enumerate(table.layers):
        template = _Template(layer, choices, place / "layers" / index)
        by_scope.setdefault(template.scope, []).append(template)
    alone: Mapping[str, list[_Template]] = {choice: by_scope.get((choice,), []) for choice in choices}
    joint = {scope: _together(scope, templates) for scope, templates in by_scope.items() if len(scope) > 1}
    with place.blamed():
        return LayerSpace(
            name,
            fixed=_made(by_scope.get((), []), {}),
            options={
                choice: {option: _made(alone[choice], {choice: option}) for option in options}
                for choice, options in choices.items()
            },
            joint=joint,
        )


def _together(scope: tuple[str, ...], templates: list[_Template]) -> Callable[..., list[Layer]]:
    return lambda *options: _made(templates, dict(zip(scope, options, strict=True)))


def _made(templates: Sequence[_Template], options: Mapping[str, Option]) -> list[Layer]:
    return [layer for template in templates for layer in template.layers(options)]


@dataclass(frozen=True)
class _Template:
    """A layer whose dimensions are expressions."""

    table: LayerTable
    choices: Mapping[str, tuple[Option, ...]]
    place: Place

    def __post_init__(self) -> None:
        _ = self.scope  # which refuses unknown names
        rows = 1
        for choice in self.scope:
            rows *= len(self.choices[choice])
        if rows > MOST_ROWS:
            raise self.place.error(
                f"this layer reads {len(self.scope)} choices of {rows:,} combinations, more than {MOST_ROWS:,}"
            )

    @cached_property
    def scope(self) -> tuple[str, ...]:
        """The choices that it reads, in their order."""
        read: set[str] = set()
        for key, expression in self._expressions.items():
            for name in expression.names:
                if name not in self.choices:
                    raise (self.place / key).error(f"there is no choice {name!r}. {nearest(name, self.choices)}")
            read |= expression.names
        for choice, wanted in self.table.when.items():
            place = self.place / "when" / choice
            if choice not in self.choices:
                raise place.error(f"there is no choice {choice!r}. {nearest(choice, self.choices)}")
            for option in wanted if isinstance(wanted, tuple) else (wanted,):
                if option not in self.choices[choice]:
                    raise place.error(
                        f"choice {choice!r} has no option {option!r}. {nearest(option, self.choices[choice])}"
                    )
            read.add(choice)
        return tuple(choice for choice in self.choices if choice in read)

    def layers(self, options: Mapping[str, Option]) -> list[Layer]:
        """Return the layers of some options of the choices that it reads."""
        for choice, wanted in self.table.when.items():
            if options[choice] not in (wanted if isinstance(wanted, tuple) else (wanted,)):
                return []
        values = {key: self._value(key, each, options) for key, each in self._expressions.items()}
        repeat = values.pop("repeat")
        if not 0 <= repeat <= MOST_IN_A_ROW:
            raise (self.place / "repeat").error(f"expected 0 to {MOST_IN_A_ROW} layers, got {repeat}{_for(options)}")
        names = [self.table.name] if repeat == 1 else [f"{self.table.name}{n}" for n in range(1, repeat + 1)]
        try:
            return [self._layer(name, values) for name in names]
        except (TypeError, ValueError) as error:
            raise self.place.error(f"{error}{_for(options)}") from error

    def _layer(self, name: str, values: Mapping[str, int]) -> Layer:
        if "rows" in values:
            return matrix_product(name, **values, kind="attention" if self.table.both_activations else "gemm")
        square = values["r"] == values["s"] == 1
        is_vector = square and values["p"] == values["q"] == values["groups"] == values["stride"] == 1
        kind = "fc" if is_vector else kind_of(values["c"], max(values["r"], values["s"]), values["groups"])
        return Layer(name, kind, **values)

    def _value(self, key: str, expression: Expression, options: Mapping[str, Option]) -> int:
        try:
            value = expression.value(options)
        except ValueError as error:
            raise (self.place / key).error(f"{error}{_for(options)}") from error
        if value > _LARGEST:
            raise (self.place / key).error(f"{value:,} is more than {_LARGEST:,}, the largest dimension")
        return value

    @cached_property
    def _expressions(self) -> dict[str, Expression]:
        """The expression of each dimension."""
        table = self.table
        if any(getattr(table, key) is not None for key in ("rows", "inner", "columns")):
            given = self._product()
        else:
            given = self._convolution()
        found = {}
        for key, text in {**given, "repeat": table.repeat}.items():
            with (self.place / key).blamed():
                found[key] = Expression.of(text)
        return found

    def _product(self) -> dict[str, Any]:
        table = self.table
        other = [key for key in ("k", "c", "p", "q", "r", "s", "size", "kernel") if getattr(table, key) is not None]
        if other:
            raise (self.place / other[0]).error("a matrix product has rows, inner and columns, and no such dimension")
        missing = [key for key in ("rows", "inner", "columns") if getattr(table, key) is None]
        if missing:
            raise self.place.error(f"a matrix product needs rows, inner and columns; {missing[0]!r} is missing")
        return {key: getattr(table, key) for key in _PRODUCT}

    def _convolution(self) -> dict[str, Any]:
        table = self.table
        for short, both in (("size", ("p", "q")), ("kernel", ("r", "s"))):
            if getattr(table, short) is not None and any(getattr(table, key) is not None for key in both):
                raise (self.place / short).error(f"{short} means {both[0]} and {both[1]}: give it, or them")
        if table.both_activations:
            raise (self.place / "both_activations").error("it is said of matrix products: give rows, inner and columns")
        found = {key: getattr(table, key) for key in _CONV}
        for short, both in (("size", ("p", "q")), ("kernel", ("r", "s"))):
            for key in both:
                if found[key] is None:
                    found[key] = 1 if getattr(table, short) is None else getattr(table, short)
        missing = [key for key in ("k", "c") if found[key] is None]
        if missing:
            raise self.place.error(
                f"a layer needs k and c, its output and input channels; {missing[0]!r} is missing (or give rows, inner and "
                "columns of a matrix product)"
            )
        return found


def _for(options: Mapping[str, Option]) -> str:
    return f" (with {', '.join(f'{name} = {option!r}' for name, option in options.items())})" if options else ""
