"""Where one layer's cycles and energy go on one accelerator, and what bounds it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dance_env.analysis.hardware import NetworkUse
from dance_env.cost import AnalyticalCostModel, Technology
from dance_env.cost.mapping.mapping import Mapping
from dance_env.cost.mapping.nest import NestCost
from dance_env.cost.mapping.nest import evaluate as evaluate_mapping
from dance_env.graph import Layer, layer_row
from dance_env.space import Hardware

BOUNDS = ("compute", "GLB reads", "GLB writes", "DRAM bandwidth")
"""What can bound a layer: the PEs that its mapping uses, the two ports of the global buffer, the DRAM channel."""

ENERGY_LEVELS = ("MAC", "RF", "GLB", "DRAM")
"""Where energy goes; leakage is part of the register files' and the global buffer's, as in `NestCost`."""


@dataclass(frozen=True, eq=False)
class LayerReport:
    """One layer on one accelerator, under its best mapping.

    Attributes:
        network: Name of the network (or workload) that it belongs to.
        layer: The layer.
        weight: How many times its network is run in what costs are summed over.
        mapping: The mapping found.
        cost: What the mapping costs, level by level.
        cycles_of: Cycles that each of `BOUNDS` alone would take; the largest are the layer's cycles.
        pes: Processing elements of the accelerator.
        clock_hz: Of the accelerator.
    """

    network: str
    layer: Layer
    weight: float
    mapping: Mapping
    cost: NestCost
    cycles_of: dict[str, float]
    pes: int
    clock_hz: float

    @property
    def cycles(self) -> float:
        """Cycles of one run of the layer."""
        return self.cost.cycles

    @property
    def latency_s(self) -> float:
        """Seconds of one run of the layer."""
        return self.cost.cycles / self.clock_hz

    @property
    def energy_j(self) -> float:
        """Joules of one run of the layer."""
        return self.cost.energy_pj * 1e-12

    @property
    def energy_by_level(self) -> dict[str, float]:
        """Joules by `ENERGY_LEVELS`."""
        levels = (self.cost.mac_pj, self.cost.rf_pj, self.cost.glb_pj, self.cost.dram_pj)
        return {level: picojoules * 1e-12 for level, picojoules in zip(ENERGY_LEVELS, levels, strict=True)}

    @property
    def bound(self) -> str:
        """Which of `BOUNDS` decides the cycles: compute, unless a port needs more cycles than that."""
        return max(BOUNDS, key=lambda bound: self.cycles_of[bound])  # of equals the first, which is compute

    @property
    def used_pes(self) -> int:
        """Processing elements that the mapping uses."""
        return math.prod(self.mapping.pes())

    @property
    def utilization(self) -> float:
        """Share of the multiply-accumulate slots of all processing elements that the layer uses, 0 to 1."""
        return self.layer.macs / (self.cycles * self.pes)

    @property
    def dram_words(self) -> float:
        """Words that cross the DRAM interface, both directions together."""
        return float(self.cost.words[0].sum())

    @property
    def macs_per_cycle(self) -> float:
        """Multiply-accumulates of the layer a cycle."""
        return self.layer.macs / self.cycles

    @property
    def macs_per_dram_word(self) -> float:
        """Operational intensity: multiply-accumulates for each word that crosses the DRAM interface."""
        return self.layer.macs / self.dram_words


def report_layers(
    uses: Iterable[NetworkUse], hardware: Hardware, model: AnalyticalCostModel
) -> tuple[LayerReport, ...]:
    """Return a report of every layer, in order of execution, network by network.

    Args:
        uses: The networks.
        hardware: One accelerator, a batch of one.
        model: The cost model.

    Raises:
        ValueError: If a layer has no mapping (with its name and the reason), or more than one accelerator is given.
    """
    technology = model.technology_of(hardware)
    pes = int(hardware.pe_x[0]) * int(hardware.pe_y[0])
    known: dict[tuple[int, ...], tuple[Mapping, NestCost]] = {}
    reports = []
    for use in uses:
        for layer in use.layers:
            row = layer_row(layer)
            if row not in known:
                known[row] = _priced(use.name, layer, hardware, model)
            mapping, cost = known[row]
            cycles = port_cycles(cost, technology)
            reports.append(LayerReport(use.name, layer, use.weight, mapping, cost, cycles, pes, technology.clock_hz))
    return tuple(reports)


def port_cycles(cost: NestCost, technology: Technology) -> dict[str, float]:
    """Return the cycles that each of `BOUNDS` alone would take; the largest are `cost.cycles`.

    The ports are those of `dance_env.cost.mapping.nest.evaluate`: fills from DRAM count as writes of the global buffer,
    and the DRAM channel carries both directions. So is the arithmetic of a port that is the bottleneck; of one that is
    not, the cycles are words over words per cycle.
    """
    from dance_env.cost.mapping.nest_kernel import limited_cycles  # numba

    dram, glb = cost.words[0], cost.words[1]
    ports: tuple[tuple[np.ndarray, float], ...] = (
        (glb[:, 0], technology.glb_read_words_per_cycle),
        (glb[:, 1], technology.glb_write_words_per_cycle),
        (dram.sum(axis=1), technology.dram_words_per_cycle),
    )
    alone = [cost.compute_cycles]
    for words, rate in ports:
        stretched = float(limited_cycles(cost.compute_cycles, *words.tolist(), rate))
        alone.append(stretched if stretched > cost.compute_cycles else float(words.sum()) / rate)
    return dict(zip(BOUNDS, alone, strict=True))


def _priced(network: str, layer: Layer, hardware: Hardware, model: AnalyticalCostModel) -> tuple[Mapping, NestCost]:
    try:
        mapping = model.mapping(layer, hardware)
    except ValueError as error:
        raise ValueError(f"{network}, layer {layer.name!r}: {error}") from None
    pe_x, pe_y, rf_words = (int(each[0]) for each in (hardware.pe_x, hardware.pe_y, hardware.rf_words))
    technology = model.technology_of(hardware)
    return mapping, evaluate_mapping(  # as `AnalyticalCostModel.breakdown`, without a second search
        mapping, pe_x=pe_x, pe_y=pe_y, rf_words=rf_words, technology=technology, overlap=model.overlap
    )
