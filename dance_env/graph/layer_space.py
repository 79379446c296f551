"""A space of networks given as lists of layers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from dance_env.graph.factored_space import FactoredSpace
from dance_env.graph.layer import Layer
from dance_env.graph.network_space import Part
from dance_env.space import Choice, DesignSpace
from dance_env.suggest import nearest


@dataclass(frozen=True, eq=False)
class LayerSpace(FactoredSpace):
    """Networks whose options are lists of layers: for networks that are not a row of blocks, as in `BlockSpace`.

    Nothing checks that the layers fit each other, and there are no graphs to draw or to build in torch. A matrix
    product of (rows x inner) by (inner x columns) is `Layer(name, "pointwise", k=columns, c=inner, p=rows, q=1, r=1,
    s=1)`.

    A choice whose options are ascending whole numbers (widths, heads, depths) is ordinal; every other one is nominal.

    Attributes:
        name: What reports call it.
        fixed: Layers of every network.
        options: By choice, by option: the layers that it adds, which may be none. Orders are kept.
        joint: By some choices' names: a function from their options to the layers that these add together, such as the
            layer between two free widths. It is called once for every combination of their options.

    Raises:
        TypeError: If something other than layers is given.
        ValueError: If there is no choice, a choice has no option, or `joint` names a choice that does not exist.
    """

    name: str
    fixed: Sequence[Layer]
    options: Mapping[str, Mapping[Any, Sequence[Layer]]]  # by str or int: a mapping's keys are invariant
    joint: Mapping[tuple[str, ...], Callable[..., Sequence[Layer]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.options:
            raise ValueError(f"layer space {self.name!r}: there is no choice; give at least one, with its options")
        object.__setattr__(self, "fixed", self._checked("fixed", self.fixed))
        checked = {
            choice: {option: self._checked(f"{choice}, {option}", layers) for option, layers in options.items()}
            for choice, options in self.options.items()
        }
        object.__setattr__(self, "options", checked)
        self.choices()  # which refuses a choice without options
        for names in self.joint:
            self._check_names(names)

    def fixed_layers(self) -> tuple[Layer, ...]:
        """Return the layers of every network."""
        return tuple(self.fixed)

    def _checked(self, where: str, layers: Sequence[Layer]) -> tuple[Layer, ...]:
        given = tuple(layers) if isinstance(layers, Sequence) else (layers,)
        for layer in given:
            if not isinstance(layer, Layer):
                raise TypeError(
                    f"layer space {self.name!r}, {where}: expected a sequence of Layer, got {type(layer).__name__}"
                )
        return given

    def _check_names(self, names: tuple[str, ...]) -> None:
        if isinstance(names, str) or not names or len(set(names)) != len(names):
            raise ValueError(
                f"layer space {self.name!r}, joint: a key must be a tuple of different choice names, got {names!r}"
            )
        for name in names:
            if name not in self.options:
                raise ValueError(
                    f"layer space {self.name!r}, joint {names}: there is no choice {name!r}. "
                    f"{nearest(name, self.options)}"
                )

    @cached_property
    def _space(self) -> DesignSpace:
        return DesignSpace(
            tuple(Choice(name, tuple(options), "network", _kind(options)) for name, options in self.options.items())
        )

    @cached_property
    def _parts(self) -> tuple[Part, ...]:
        """One part for each choice whose options add layers, then one for each entry of `joint`."""
        alone = [
            Part((index,), tuple(tuple(layers) for layers in options.values()))
            for index, options in enumerate(self.options.values())
            if any(options.values())
        ]
        return (*alone, *(self._joint_part(names, layers_of) for names, layers_of in self.joint.items()))

    def _joint_part(self, names: tuple[str, ...], layers_of: Callable[..., Sequence[Layer]]) -> Part:
        order = list(self.options)
        combinations = itertools.product(*(self.options[name] for name in names))
        return Part(
            tuple(order.index(name) for name in names),
            tuple(
                self._checked(f"joint {names}, {combination}", layers_of(*combination)) for combination in combinations
            ),
        )


def _kind(options: Mapping[str | int, Sequence[Layer]]) -> Literal["nominal", "ordinal"]:
    numbers = [option for option in options if isinstance(option, int)]
    return "ordinal" if len(numbers) == len(options) and numbers == sorted(numbers) else "nominal"
