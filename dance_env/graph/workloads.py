"""Several workloads of one network: a language model that reads a prompt and then writes, an image at two sizes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dance_env.graph.layer import Layer
from dance_env.graph.network_space import CanonicalNetworks, NetworkSpace, Part, canonical_networks, layer_sum
from dance_env.space import Choice, Factor, FactorSum


@dataclass(frozen=True)
class Workload:
    """One way of using a network, and how often it happens.

    Attributes:
        name: Such as ``"decode"``; a limit on it alone is written ``"decode.latency_s"``.
        network_space: Whose layers the workload runs.
        weight: How many times it is run in what costs are summed over.

    Raises:
        ValueError: If the name is no identifier, or the weight is not a positive finite number.
    """

    name: str
    network_space: NetworkSpace
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.isidentifier():
            raise ValueError(f"a workload's name must be a word such as 'decode', got {self.name!r}")
        weight = self.weight
        if isinstance(weight, bool) or not (isinstance(weight, Real) and math.isfinite(weight) and weight > 0):
            raise ValueError(f"workload {self.name!r}: the weight must be a positive finite number, got {weight!r}")
        object.__setattr__(self, "weight", float(weight))


@dataclass(frozen=True)
class WorkloadSpace:
    """The networks of several workloads, which all have the same choices; a `NetworkSpace` itself.

    Its layers are those of all workloads: what a cost model is asked about. What a network costs is the sum over the
    workloads, each times its weight (`dance_env.cost.WorkloadTable`).

    Attributes:
        name: What reports call it.
        workloads: At least one.

    Raises:
        ValueError: If there is no workload, two have one name, or their choices differ.
    """

    name: str
    workloads: tuple[Workload, ...]

    def __post_init__(self) -> None:
        names = [each.name for each in self.workloads]
        if not names or len(set(names)) != len(names):
            raise ValueError(f"network space {self.name!r}: workloads need different names, at least one; got {names}")
        for each in self.workloads[1:]:
            if each.network_space.choices() != self._first.choices():
                raise ValueError(
                    f"network space {self.name!r}: all workloads must have the same choices; those of {each.name!r} differ "
                    f"from those of {names[0]!r}"
                )

    def choices(self) -> tuple[Choice, ...]:
        """Return the `N` network choices."""
        return self._first.choices()

    @property
    def size(self) -> int:
        """The exact number of networks."""
        return self._first.size

    def check(self, networks: ArrayLike) -> np.ndarray:
        """Return the networks as `(B, N)` int64; raises as `dance_env.space.check_indices` does."""
        return self._first.check(networks)

    @property
    def different_networks(self) -> int:
        """The exact number of different networks: `size`, unless all workloads' spaces declare the same lesser number."""
        numbers = {
            each.network_space.different_networks if isinstance(each.network_space, CanonicalNetworks) else self.size
            for each in self.workloads
        }
        return numbers.pop() if len(numbers) == 1 else self.size

    def same_network(self, networks: ArrayLike) -> np.ndarray:
        """Return, for each network `(B, N)`, the design that stands for it: itself unless all workloads' spaces agree."""
        networks = self.check(networks)
        found = [canonical_networks(each.network_space, networks) for each in self.workloads]
        agreed = np.all([(each == found[0]).all(axis=1) for each in found], axis=0)
        return np.where(agreed[:, None], found[0], networks)

    def fixed_layers(self) -> tuple[Layer, ...]:
        """Return the layers of every network, workload by workload."""
        return tuple(layer for each in self.workloads for layer in each.network_space.fixed_layers())

    def parts(self) -> tuple[Part, ...]:
        """Return what is chosen, workload by workload."""
        return self._parts

    def macs(self, networks: ArrayLike) -> np.ndarray:
        """Return the multiply-accumulates of each network, `(B,)` int64: the weighted sum over the workloads, rounded."""
        counts = (each.weight * each.network_space.macs(networks) for each in self.workloads)
        return np.rint(sum(counts)).astype(np.int64)

    def graph(self, network: ArrayLike) -> Any:
        """Return the layer graph of one network, `(N,)`, under the first workload.

        Raises:
            AttributeError: If that workload's space has no graphs.
        """
        return self._first.graph(network)  # type: ignore[attr-defined]  # not every network space has graphs

    @property
    def _first(self) -> NetworkSpace:
        return self.workloads[0].network_space

    @cached_property
    def _parts(self) -> tuple[Part, ...]:
        return tuple(part for each in self.workloads for part in each.network_space.parts())


def macs_sum(space: NetworkSpace) -> FactorSum:
    """Return the multiply-accumulates of a network, in all its workloads, as a sum of factors of one value.

    Args:
        space: The networks; a workload's count is multiplied by its weight, as in `WorkloadSpace.macs`.
    """
    if not isinstance(space, WorkloadSpace):
        return layer_sum(space, lambda layer: layer.macs)
    sums = [(each.weight, macs_sum(each.network_space)) for each in space.workloads]
    factors = [Factor(factor.scope, weight * factor.table) for weight, each in sums for factor in each.factors]
    constant = np.sum([weight * each.constant for weight, each in sums], axis=0)
    return FactorSum(sums[0][1].option_counts, constant, factors)
