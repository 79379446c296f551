"""What a design is made of: workloads, costs, provenance; the last two as plain data in `design_file`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from dance_env.cost import AnalyticalCostModel
from dance_env.graph import Layer, LayerGraph, NetworkSpace, WorkloadSpace, layer_row
from dance_env.space import Hardware


@dataclass(frozen=True)
class DesignWorkload:
    """One network (or one use of a network) that the accelerator runs.

    Attributes:
        name: ``""`` where there is one workload alone.
        layers: What the cost model sees, in order of execution.
        graph: The network; None where only its layers are known (a `LayerSpace`).
        weight: How many times it is run in what costs are summed over.

    Raises:
        ValueError: If there is no layer, the graph has other layers, or the weight is not a positive finite number.
    """

    name: str
    layers: tuple[Layer, ...]
    graph: LayerGraph | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        where = f"workload {self.name!r}"
        if not self.layers:
            raise ValueError(f"{where}: there is no layer that costs multiply-accumulates")
        if self.graph is not None and self.graph.layers() != self.layers:
            raise ValueError(f"{where}: the layers are not those of the graph {self.graph.name!r}")
        if not (math.isfinite(self.weight) and self.weight > 0):
            raise ValueError(f"{where}: the weight must be a positive finite number, got {self.weight!r}")

    @classmethod
    def of_graph(cls, graph: LayerGraph, *, name: str = "", weight: float = 1.0) -> DesignWorkload:
        """Return the workload that runs a network."""
        return cls(name, graph.layers(), graph, float(weight))


@dataclass(frozen=True)
class DesignCosts:
    """What a design costs: the weighted sum over its workloads.

    Attributes:
        latency_s: Seconds.
        energy_j: Joules.
        area_mm2: Square millimeters of accelerator.
        error_pct: The network's error in percentage points (or what the task calls its error); None where unknown.
    """

    latency_s: float
    energy_j: float
    area_mm2: float
    error_pct: float | None = None


@dataclass(frozen=True)
class Provenance:
    """Where a design comes from.

    Attributes:
        made_by: Program and version.
        problem: Name of the problem; "" where the design is of none.
        fingerprint: Of the problem (`Problem.fingerprint`); None where it has none.
        design: Option indices, network first; empty where the design is of no problem.
        choices: The same by name, as texts.
    """

    made_by: str
    problem: str = ""
    fingerprint: str | None = None
    design: tuple[int, ...] = ()
    choices: Mapping[str, str] = field(default_factory=dict)


def workloads_of(space: NetworkSpace, network: np.ndarray) -> tuple[DesignWorkload, ...]:
    """Return the workloads of one network `(N,)` of a space; with its graph where the space makes graphs."""
    if isinstance(space, WorkloadSpace):
        return tuple(_workload(each.network_space, network, each.name, each.weight) for each in space.workloads)
    return (_workload(space, network, "", 1.0),)


def costs_of(
    workloads: Iterable[DesignWorkload],
    hardware: Hardware,
    model: AnalyticalCostModel,
    *,
    error_pct: float | None = None,
) -> DesignCosts:
    """Return what workloads cost on one accelerator: the weighted sum over their layers.

    Raises:
        ValueError: If a layer cannot be mapped; the message names it, with the reason.
    """
    workloads = tuple(workloads)
    rows = sorted({layer_row(layer) for each in workloads for layer in each.layers})
    found = model.evaluate_layers(np.array(rows, dtype=np.int64), hardware)
    single = dict(
        zip(rows, zip(found.latency_s[:, 0].tolist(), found.energy_j[:, 0].tolist(), strict=True), strict=True)
    )
    latency = energy = 0.0
    for each in workloads:
        for layer in each.layers:
            seconds, joules = single[layer_row(layer)]
            if not math.isfinite(seconds):
                raise ValueError(f"layer {layer.name!r} cannot be mapped: {model.why_unmappable(layer, hardware)}")
            latency, energy = latency + each.weight * seconds, energy + each.weight * joules
    return DesignCosts(latency, energy, float(model.area_mm2(hardware)[0]), error_pct)


def _workload(space: NetworkSpace, network: np.ndarray, name: str, weight: float) -> DesignWorkload:
    if hasattr(space, "graph"):
        return DesignWorkload.of_graph(space.graph(network), name=name, weight=weight)
    layers = list(space.fixed_layers())
    counts = [len(choice) for choice in space.choices()]
    for part in space.parts():
        options = tuple(int(network[index]) for index in part.scope)
        layers += part.layers[int(np.ravel_multi_index(options, [counts[index] for index in part.scope]))]
    return DesignWorkload(name, tuple(layers), None, weight)
