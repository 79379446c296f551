"""Options in another order: spaces, costs, accuracies and training times under it.

An order of a choice with n options is `(n,)`: the new option i is the old option `order[i]`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dance_env.accuracy import AccuracyModel, DrawnAccuracy, NamedError, RelaxableAccuracy, RepeatableAccuracy
from dance_env.cost import CostTable, WorkloadTable
from dance_env.graph import CanonicalNetworks, NetworkSpace, Part, Workload, WorkloadSpace, canonical_networks
from dance_env.graph.layer import Layer
from dance_env.space import AcceleratorSpace, Choice, DesignSpace, Factor, FactorSum

Orders = tuple[np.ndarray, ...]


def draw_orders(choices: Sequence[Choice], rng: np.random.Generator) -> Orders:
    """Return an order for each choice."""
    return tuple(rng.permutation(len(choice)) for choice in choices)


def original_options(networks: np.ndarray, orders: Orders) -> np.ndarray:
    """Return old option indices `(B, N)` from new ones."""
    return np.stack([order[column] for order, column in zip(orders, networks.T, strict=True)], axis=1)


def permuted_choice(choice: Choice, order: np.ndarray) -> Choice:
    """Return the choice with its options in another order; they have none then, so that it is nominal."""
    return replace(choice, options=tuple(choice.options[old] for old in order), kind="nominal")


def joint_order(scope: Sequence[int], orders: Orders) -> np.ndarray:
    """Return the old joint options of a scope, in C order of the new ones."""
    counts = [len(orders[choice]) for choice in scope]
    joint = np.arange(int(np.prod(counts))).reshape(counts)
    return np.asarray(joint[np.ix_(*(orders[choice] for choice in scope))].ravel())


def permuted_sum(sums: FactorSum, orders: Orders, columns: np.ndarray | None = None) -> FactorSum:
    """Return the sum over networks of new options, and with `columns` over accelerators `(H,)` in another order."""
    chosen = np.arange(sums.width) if columns is None else columns
    factors = [
        Factor(factor.scope, factor.table[joint_order(factor.scope, orders)[:, None], chosen])
        for factor in sums.factors
    ]
    return FactorSum(sums.option_counts, sums.constant[chosen], factors)


def permuted_costs(table: CostTable, orders: Orders, hardware: np.ndarray) -> CostTable:
    """Return the same costs under new options and accelerators `(H,)` in another order, to the bit."""
    if isinstance(table, WorkloadTable):
        return WorkloadTable.of(
            {name: permuted_costs(each, orders, hardware) for name, each in table.tables.items()}, table.weights
        )
    latency, energy = (permuted_sum(sums, orders, hardware) for sums in (table.latency_s, table.energy_j))
    return CostTable(latency, energy, table.area_mm2[hardware], table.clock_hz)


@dataclass(frozen=True, eq=False)
class PermutedNetworks:
    """A network space whose choices list their options in another order; a `NetworkSpace` itself.

    Attributes:
        inner: The space.
        orders: Of its choices.
    """

    inner: NetworkSpace
    orders: Orders

    @property
    def name(self) -> str:
        """What reports call it."""
        return f"{self.inner.name}, options permuted"

    @property
    def size(self) -> int:
        """The exact number of networks."""
        return self.inner.size

    @property
    def different_networks(self) -> int:
        """The exact number of different networks, as `inner` declares it."""
        return self.inner.different_networks if isinstance(self.inner, CanonicalNetworks) else self.size

    def choices(self) -> tuple[Choice, ...]:
        """Return the network choices, all nominal."""
        return self._space.choices

    def check(self, networks: ArrayLike) -> np.ndarray:
        """Return the networks as `(B, N)` int64; raises as `dance_env.space.check_indices` does."""
        return self._space.check(networks, what="network")

    def same_network(self, networks: ArrayLike) -> np.ndarray:
        """Return, for each network `(B, N)`, the design that stands for it, as `inner` declares it."""
        canonical = canonical_networks(self.inner, self._old(networks))
        return original_options(canonical, tuple(np.argsort(order) for order in self.orders))

    def fixed_layers(self) -> tuple[Layer, ...]:
        """Return the layers of every network."""
        return self.inner.fixed_layers()

    def parts(self) -> tuple[Part, ...]:
        """Return what is chosen."""
        return self._parts

    def macs(self, networks: ArrayLike) -> np.ndarray:
        """Return the multiply-accumulates of each network for one image, `(B,)` int64."""
        return self.inner.macs(self._old(networks))

    def graph(self, network: ArrayLike) -> Any:
        """Return the layer graph of one network, `(N,)`.

        Raises:
            AttributeError: If `inner` has no graphs.
        """
        return self.inner.graph(self._old(np.asarray(network)[None])[0])  # type: ignore[attr-defined]  # not all have

    def _old(self, networks: ArrayLike) -> np.ndarray:
        return original_options(self.check(networks), self.orders)

    @cached_property
    def _space(self) -> DesignSpace:
        return DesignSpace(tuple(map(permuted_choice, self.inner.choices(), self.orders)))

    @cached_property
    def _parts(self) -> tuple[Part, ...]:
        return tuple(
            Part(part.scope, tuple(part.layers[old] for old in joint_order(part.scope, self.orders)))
            for part in self.inner.parts()
        )


def permuted_networks(space: NetworkSpace, orders: Orders) -> NetworkSpace:
    """Return the space with its options in another order; several workloads stay several workloads."""
    if isinstance(space, WorkloadSpace):
        return WorkloadSpace(
            space.name,
            tuple(
                Workload(each.name, PermutedNetworks(each.network_space, orders), each.weight)
                for each in space.workloads
            ),
        )
    return PermutedNetworks(space, orders)


@dataclass(frozen=True)
class PermutedAccelerators(AcceleratorSpace):
    """An accelerator grid whose axes list their options in another order; indices count it in C order of the new one."""

    def __post_init__(self) -> None:
        """Nothing to check: the options are those of a checked space."""

    @classmethod
    def of(cls, space: AcceleratorSpace, orders: Orders) -> PermutedAccelerators:
        """Return the space with its options in another order."""
        axes = {
            choice.name: permuted_choice(choice, order).options
            for choice, order in zip(space.choices(), orders, strict=True)
        }
        return cls(**axes)  # type: ignore[arg-type]  # the options of each axis are of its kind

    def choices(self) -> tuple[Choice, ...]:
        """The hardware choices, all nominal."""
        return tuple(Choice(name, options, "hardware", "nominal") for name, options in self._axes.items())


@dataclass(frozen=True, eq=False)
class PermutedAccuracy:
    """The accuracies of `inner` under new options.

    Attributes:
        inner: The accuracies.
        orders: Of the network choices.
    """

    inner: AccuracyModel
    orders: Orders

    @property
    def error_name(self) -> str:
        """What the error is called (see `NamedError`)."""
        return self.inner.error_name if isinstance(self.inner, NamedError) else "error"

    @property
    def option_counts(self) -> tuple[int, ...]:
        """Number of options of each network choice."""
        return tuple(len(order) for order in self.orders)

    def evaluate(self, networks: np.ndarray) -> np.ndarray:
        """Return the accuracy (B,) of networks (B, N)."""
        return self.inner.evaluate(original_options(networks, self.orders))

    def fingerprint(self) -> str | None:
        """Return text over the accuracies and the orders; None where the former have none."""
        mark = self.inner.fingerprint()
        return None if mark is None else f"options in the orders {[order.tolist() for order in self.orders]} of {mark}"

    def __reduce__(self) -> tuple[Callable[..., PermutedAccuracy], tuple[AccuracyModel, Orders]]:
        """How it is pickled and copied."""
        return permuted_accuracy, (self.inner, self.orders)


class _Relaxed:
    def relax(self: Any, *, device: Any = "cpu", dtype: Any = None) -> Callable[[Any], Any]:
        """Return the expectation of the accuracies under probabilities of the new options (torch)."""
        inner = self.inner.relax(device=device, dtype=dtype)
        starts = np.cumsum([0, *self.option_counts])[:-1]
        places = np.concatenate([start + np.argsort(order) for start, order in zip(starts, self.orders, strict=True)])
        return lambda network_probs: inner(network_probs[:, places])


class _Drawn:
    @property
    def expected(self: Any) -> AccuracyModel:
        """The accuracies without noise, under the same orders."""
        return permuted_accuracy(self.inner.expected, self.orders)


class _Repeated:
    @property
    def training_noise(self: Any) -> float:
        """Standard deviation between trainings of one network, a fraction."""
        return self.inner.training_noise

    def repeat(self: Any, number: int) -> AccuracyModel:
        """Return the accuracies of another training of each network, under the same orders."""
        return permuted_accuracy(self.inner.repeat(number), self.orders)


_CAPABILITIES: tuple[tuple[type, type], ...] = (
    (RelaxableAccuracy, _Relaxed),
    (DrawnAccuracy, _Drawn),
    (RepeatableAccuracy, _Repeated),
)


def permuted_accuracy(accuracy: AccuracyModel, orders: Orders) -> PermutedAccuracy:
    """Return the accuracies under new options, with the capabilities for expectations and noise that they declare."""
    return _with(tuple(part for declared, part in _CAPABILITIES if isinstance(accuracy, declared)))(accuracy, orders)


@cache
def _with(parts: tuple[type, ...]) -> type[PermutedAccuracy]:
    """Permuted accuracies with some capabilities; they are pickled by what makes them, since no module names the class."""
    return type(PermutedAccuracy.__name__, (*parts, PermutedAccuracy), {"__module__": __name__})


@dataclass(frozen=True, eq=False)
class PermutedTimes:
    """Training times under new options.

    Attributes:
        gpu_hours_of: From networks (B, N) of old options to GPU-hours (B,).
        orders: Of the network choices.
    """

    gpu_hours_of: Callable[[np.ndarray], np.ndarray] = field(repr=False)
    orders: Orders

    def gpu_hours(self, networks: np.ndarray) -> np.ndarray:
        """Return the GPU-hours (B,) of one training of each network (B, N)."""
        return self.gpu_hours_of(original_options(networks, self.orders))
