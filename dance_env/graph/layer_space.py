"""A space of networks given as lists of layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from dance_env.graph.layer import Layer
from dance_env.space import Choice, DesignSpace


@dataclass(frozen=True, eq=False)
class LayerSpace:
    """Networks whose options are lists of layers, whatever they mean: for what is no row of blocks, as `NetworkSpace` is.

    It has what a problem needs (choices, layers, multiply-accumulates), and no graphs: nothing checks that the layers
    fit each other, and nothing can be drawn or built in torch. A matrix product of (rows x inner) by (inner x columns)
    is `Layer(name, "pointwise", k=columns, c=inner, p=rows, q=1, r=1, s=1)`.

    Attributes:
        name: What reports call it.
        fixed: Layers of every network.
        options: By choice, by option: the layers that it adds, none being allowed. Orders are kept.

    Raises:
        TypeError: If something other than layers is given.
        ValueError: If there is no choice, or a choice has no option.
    """

    name: str
    fixed: Sequence[Layer]
    options: Mapping[str, Mapping[str, Sequence[Layer]]]

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

    def choices(self) -> tuple[Choice, ...]:
        """The `N` network choices, nominal."""
        return self._space.choices

    @property
    def size(self) -> int:
        """The exact number of networks."""
        return self._space.size

    def check(self, networks: ArrayLike) -> np.ndarray:
        """The networks as `(B, N)` int64; raises as `DesignSpace.check` does."""
        return self._space.check(networks)

    def fixed_layers(self) -> tuple[Layer, ...]:
        """The layers of every network."""
        return tuple(self.fixed)

    def option_layers(self, choice: int, option: int) -> tuple[Layer, ...]:
        """The layers that an option of a choice adds; both are indices.

        Raises:
            IndexError: If there is no such choice or option.
        """
        counts = self._space.option_counts
        if not (0 <= choice < len(counts) and 0 <= option < counts[choice]):
            raise IndexError(
                f"layer space {self.name!r}: there is no option {option} of choice {choice}; options per choice are "
                f"{counts.tolist()}"
            )
        return tuple(list(list(self.options.values())[choice].values())[option])

    def macs(self, networks: ArrayLike) -> np.ndarray:
        """`(B,)` int64: multiply-accumulates of each network."""
        fixed, added = self._macs
        return fixed + added[self.check(networks) + self._space.offsets].sum(axis=1)

    def _checked(self, where: str, layers: Sequence[Layer]) -> tuple[Layer, ...]:
        given = tuple(layers) if isinstance(layers, Sequence) else (layers,)
        for layer in given:
            if not isinstance(layer, Layer):
                raise TypeError(
                    f"layer space {self.name!r}, {where}: expected a sequence of Layer, got {type(layer).__name__}"
                )
        return given

    @cached_property
    def _space(self) -> DesignSpace:
        return DesignSpace(
            tuple(Choice(name, tuple(options), "network", "nominal") for name, options in self.options.items())
        )

    @cached_property
    def _macs(self) -> tuple[int, np.ndarray]:
        added = [sum(layer.macs for layer in each) for options in self.options.values() for each in options.values()]
        return sum(layer.macs for layer in self.fixed), np.array(added, dtype=np.int64)
