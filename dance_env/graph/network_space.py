"""The contract of a space of networks, and the parts that its networks are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from dance_env.graph.layer import Layer, layer_row
from dance_env.space import Choice, Factor, FactorSum


@dataclass(frozen=True)
class Part:
    """The layers that depend on the same few choices.

    Attributes:
        scope: Indices of the network choices that the layers depend on.
        layers: The layers of each joint option, in C order of the scope's options (its last choice is the fastest).
    """

    scope: tuple[int, ...]
    layers: tuple[tuple[Layer, ...], ...]


@runtime_checkable
class NetworkSpace(Protocol):
    """A space of networks: what can be chosen, and the layers of what was chosen.

    A network is one option index for each of `N` choices, `(N,)` int64; a batch is `(B, N)`. Its layers are the fixed
    layers, and one entry of each part. `BlockSpace` (rows of blocks) and `LayerSpace` (lists of layers) are such spaces;
    so is any class with these members.
    """

    @property
    def name(self) -> str:
        """What reports call it."""

    @property
    def size(self) -> int:
        """The exact number of networks."""

    def choices(self) -> tuple[Choice, ...]:
        """Return the `N` network choices."""

    def check(self, networks: ArrayLike) -> np.ndarray:
        """Return the networks as `(B, N)` int64; raises as `dance_env.space.check_indices` does."""

    def fixed_layers(self) -> tuple[Layer, ...]:
        """Return the layers of every network."""

    def parts(self) -> tuple[Part, ...]:
        """Return what is chosen: the layers of each joint option of some choices, part by part."""

    def macs(self, networks: ArrayLike) -> np.ndarray:
        """Return the multiply-accumulates of each network for one image, `(B,)` int64."""


@runtime_checkable
class CanonicalNetworks(NetworkSpace, Protocol):
    """A network space in which several designs can be one network, and which says which design stands for it.

    Such designs have the same layers and the same accuracy: training one of them trains all. Bills count them once.
    """

    @property
    def different_networks(self) -> int:
        """The exact number of different networks, at most `size`."""

    def same_network(self, networks: ArrayLike) -> np.ndarray:
        """Return, for each network `(B, N)`, the design that stands for it; raises as `check` does."""


def canonical_networks(space: NetworkSpace, networks: ArrayLike) -> np.ndarray:
    """Return, for each network `(B, N)`, the design that stands for it: itself where the space declares none."""
    return space.same_network(networks) if isinstance(space, CanonicalNetworks) else space.check(networks)


def layer_sum(space: NetworkSpace, values: Callable[[Layer], ArrayLike], *, width: int = 1) -> FactorSum:
    """Return a sum over a network's layers, such as its multiply-accumulates, as a function of the network.

    Args:
        space: The networks.
        values: From a layer to its values, `(width,)`.
        width: Number of values.
    """

    def total(layers: tuple[Layer, ...]) -> np.ndarray:
        sums = np.zeros(width)
        for layer in layers:
            sums += np.asarray(values(layer), dtype=np.float64)
        return sums

    factors = [Factor(part.scope, np.stack([total(layers) for layers in part.layers])) for part in space.parts()]
    return FactorSum([len(choice) for choice in space.choices()], total(space.fixed_layers()), factors)


def is_additive(space: NetworkSpace) -> bool:
    """Return whether every layer depends on one choice alone, so that costs and counts are sums over choices."""
    return all(len(part.scope) == 1 for part in space.parts())


def different_layers(space: NetworkSpace) -> list[tuple[int, ...]]:
    """Return the rows (see `layer_row`) of all layers that a network of the space can have, each once, ascending."""
    groups = [space.fixed_layers(), *(layers for part in space.parts() for layers in part.layers)]
    return sorted({layer_row(layer) for group in groups for layer in group})
