"""Bases of network spaces: what follows from the choices, the fixed layers and the parts, written once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from dance_env.graph.layer import Layer
from dance_env.graph.layer_graph import LayerGraph
from dance_env.graph.network_space import Part, layer_sum
from dance_env.space import Choice, DesignSpace, Factor, FactorSum


class FactoredSpace(ABC):
    """A network space (`NetworkSpace`) whose choices and parts are known.

    A subclass gives its name, `fixed_layers`, `_space` (the choices) and `_parts`.
    """

    name: str

    @property
    @abstractmethod
    def _space(self) -> DesignSpace:
        """The network choices."""

    @property
    @abstractmethod
    def _parts(self) -> tuple[Part, ...]:
        """What `parts` returns."""

    @abstractmethod
    def fixed_layers(self) -> tuple[Layer, ...]:
        """Return the layers of every network."""

    def choices(self) -> tuple[Choice, ...]:
        """Return the `N` network choices."""
        return self._space.choices

    @property
    def size(self) -> int:
        """The exact number of option indices `(N,)`. Where several are one network, see `CanonicalNetworks`."""
        return self._space.size

    def check(self, networks: ArrayLike) -> np.ndarray:
        """Return the networks as `(B, N)` int64; raises as `dance_env.space.check_indices` does."""
        return self._space.check(networks, what="network")

    def parts(self) -> tuple[Part, ...]:
        """Return what is chosen: the layers of each joint option of some choices, part by part."""
        return self._parts

    def macs(self, networks: ArrayLike) -> np.ndarray:
        """Return the multiply-accumulates of each network for one input, `(B,)` int64."""
        return self._macs.evaluate(self.check(networks))[:, 0].astype(np.int64)

    @cached_property
    def _macs(self) -> FactorSum:
        return layer_sum(self, lambda layer: layer.macs)


@dataclass(frozen=True, eq=False)
class Piece:
    """The parts of a network's graph that depend on the same few choices.

    Attributes:
        scope: Indices of the network choices that they depend on.
        graphs: For each joint option of the scope, in C order: the graphs that it adds, each from one input to one output.
    """

    scope: tuple[int, ...]
    graphs: tuple[tuple[LayerGraph, ...], ...]

    def part(self) -> Part:
        """Return their layers."""
        return Part(
            self.scope, tuple(tuple(layer for graph in graphs for layer in graph.layers()) for graphs in self.graphs)
        )

    def parameters(self) -> Factor:
        """Return their trainable parameters."""
        return Factor(
            self.scope, np.array([[float(sum(graph.parameters for graph in graphs))] for graphs in self.graphs])
        )


class GraphSpace(FactoredSpace):
    """A factored space whose networks are made of pieces of graphs.

    A subclass gives its name, `graph`, `_space`, `_fixed` (the pieces of every network) and `_pieces`.
    """

    @property
    @abstractmethod
    def _fixed(self) -> tuple[LayerGraph, ...]:
        """The graphs that every network has."""

    @property
    @abstractmethod
    def _pieces(self) -> tuple[Piece, ...]:
        """The graphs that are chosen."""

    @abstractmethod
    def graph(self, network: ArrayLike) -> LayerGraph:
        """Return the layer graph of one network, `(N,)`."""

    def fixed_layers(self) -> tuple[Layer, ...]:
        """Return the layers of every network, in order of execution."""
        return tuple(layer for graph in self._fixed for layer in graph.layers())

    def parameters(self, networks: ArrayLike) -> np.ndarray:
        """Return the trainable parameters of each network, norms and biases included, `(B,)` int64."""
        return self._parameters.evaluate(self.check(networks))[:, 0].astype(np.int64)

    @cached_property
    def _parts(self) -> tuple[Part, ...]:
        return tuple(piece.part() for piece in self._pieces)

    @cached_property
    def _parameters(self) -> FactorSum:
        """Not a sum over layers: norms and biases have parameters and are no layers."""
        fixed = sum(graph.parameters for graph in self._fixed)
        return FactorSum(
            [len(choice) for choice in self.choices()], [fixed], [piece.parameters() for piece in self._pieces]
        )
