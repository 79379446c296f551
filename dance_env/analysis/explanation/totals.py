"""Sums over layers: energy by level, cycles by what bounds them; and rows of equal layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dance_env.analysis.explanation.layer_report import BOUNDS, ENERGY_LEVELS, LayerReport
from dance_env.graph import layer_row


@dataclass(frozen=True)
class Totals:
    """Sums over the layers of all networks, each times its network's weight.

    Attributes:
        latency_s: Seconds.
        energy_j: Joules.
        macs: Multiply-accumulates.
        dram_words: Words that cross the DRAM interface.
        energy_by_level: Joules, by `ENERGY_LEVELS`.
        latency_by_bound: Seconds of the layers that each of `BOUNDS` bounds.
        layers_by_bound: How many layers each of them bounds, whatever the weights.
        utilization: Share of the multiply-accumulate slots that are used, 0 to 1.
    """

    latency_s: float
    energy_j: float
    macs: float
    dram_words: float
    energy_by_level: dict[str, float]
    latency_by_bound: dict[str, float]
    layers_by_bound: dict[str, int]
    utilization: float


@dataclass(frozen=True, eq=False)
class LayerGroup:
    """Layers of one network that are equal but for their names, and so cost the same.

    Attributes:
        report: Of the first of them.
        count: How many there are.
    """

    report: LayerReport
    count: int


def totals(reports: Sequence[LayerReport]) -> Totals:
    """Return the sums over layers."""

    def summed(value: str) -> float:
        return sum(each.weight * getattr(each, value) for each in reports)

    energy = {level: sum(each.weight * each.energy_by_level[level] for each in reports) for level in ENERGY_LEVELS}
    bound = {bound: [each for each in reports if each.bound == bound] for bound in BOUNDS}
    macs = sum(each.weight * each.layer.macs for each in reports)
    slots = sum(each.weight * each.cycles * each.pes for each in reports)
    return Totals(
        summed("latency_s"),
        summed("energy_j"),
        macs,
        summed("dram_words"),
        energy,
        {name: sum(each.weight * each.latency_s for each in members) for name, members in bound.items()},
        {name: len(members) for name, members in bound.items()},
        macs / slots,
    )


def grouped(reports: Sequence[LayerReport]) -> tuple[LayerGroup, ...]:
    """Return the layers of each network with equal ones together, in the order of their first appearance."""
    groups: dict[tuple[str, tuple[int, ...]], list[LayerReport]] = {}
    for each in reports:
        groups.setdefault((each.network, layer_row(each.layer)), []).append(each)
    return tuple(LayerGroup(members[0], len(members)) for members in groups.values())
