"""Networks that one accelerator has to run, and how often each is run."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from numbers import Real

import numpy as np

from dance_env.cost.search.mapspace import check_layer
from dance_env.graph import Layer, LayerGraph, LayerSpace, Workload
from dance_env.graph.layer import layer_row


@dataclass(frozen=True)
class NetworkUse:
    """A network, and how often it is run.

    Attributes:
        name: What answers call it, and what a limit on it alone starts with: ``"resnet18.latency_s"``. Everything but
            letters, digits and underscores becomes an underscore.
        layers: Its layers, in order of execution.
        weight: How many times it is run, for each time that costs are counted for.

    Raises:
        TypeError: If something other than layers is given.
        ValueError: If there is no layer, one is too large to be counted exactly, or the weight is not a positive finite
            number.
    """

    name: str
    layers: tuple[Layer, ...]
    weight: float = 1.0

    def __post_init__(self) -> None:
        layers = tuple(self.layers)
        for layer in layers:
            if not isinstance(layer, Layer):
                raise TypeError(f"network {self.name!r}: expected layers, got {type(layer).__name__}")
        if not layers:
            raise ValueError(
                f"network {self.name!r} has no layer that costs multiply-accumulates (convolution, matrix product): "
                "there is nothing to choose an accelerator for"
            )
        _check_countable(self.name, layers)
        weight = self.weight
        if isinstance(weight, bool) or not (isinstance(weight, Real) and math.isfinite(weight) and weight > 0):
            raise ValueError(f"network {self.name!r}: the weight must be a positive finite number, got {weight!r}")
        object.__setattr__(self, "name", _identifier(self.name))
        object.__setattr__(self, "layers", layers)
        object.__setattr__(self, "weight", float(weight))

    @classmethod
    def of(cls, graph: LayerGraph, weight: float = 1.0) -> NetworkUse:
        """Return the use of a layer graph."""
        return cls(graph.name, graph.layers(), weight)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(layer.macs for layer in self.layers)

    def workload(self) -> Workload:
        """Return the network as a workload: a space with one choice, of one option, which is the same for all networks."""
        space = LayerSpace(self.name, self.layers, {"network": {"given": ()}})
        return Workload(self.name, space, self.weight)


def network_uses(
    networks: Sequence[NetworkUse | LayerGraph] | NetworkUse | LayerGraph,
) -> tuple[NetworkUse, ...]:
    """Return given networks as uses whose names differ: a second `resnet` is called `resnet_2`.

    Raises:
        TypeError: If something other than networks is given.
        ValueError: If there is no network.
    """
    given = [networks] if isinstance(networks, NetworkUse | LayerGraph) else list(networks)
    if not given:
        raise ValueError("give at least one network")
    taken: set[str] = set()
    found = []
    for each in given:
        if not isinstance(each, NetworkUse | LayerGraph):
            raise TypeError(f"expected a LayerGraph or a NetworkUse, got {type(each).__name__}")
        use = NetworkUse.of(each) if isinstance(each, LayerGraph) else each
        numbered = (f"{use.name}_{number}" for number in itertools.count(2))
        name = next(each for each in itertools.chain([use.name], numbered) if each not in taken)
        taken.add(name)
        found.append(use if name == use.name else replace(use, name=name))
    return tuple(found)


def _check_countable(name: str, layers: Sequence[Layer]) -> None:
    for layer in layers:
        try:
            check_layer(np.array(layer_row(layer)))
        except OverflowError as error:
            raise ValueError(f"network {name!r}, layer {layer.name!r}: {error}") from error


def _identifier(name: str) -> str:
    words = re.sub(r"\W+", "_", str(name)).strip("_") or "network"
    return words if words.isidentifier() else f"n{words}"
