"""Figures for a rendering that are read off a problem's tables; none where the tables are not at hand.

A solver's metered handle shows no tables, and the synthetic problems of the tests have no layers: the rendering then
leaves out what it cannot know.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dance_env.cost import Cost, CostTable, WorkloadTable
from dance_env.cost.cost import weighted_cost
from dance_env.problem import Problem
from dance_env.space import FactorSum


def metric_ranges(problem: Problem) -> dict[str, tuple[float, float]]:
    """Lower and upper bounds of the cost metrics over all designs that can be mapped; empty without tables.

    Each metric is bounded by the sum of its parts' bounds, on each accelerator; the bounds of a product are the products
    of bounds.
    """
    costs = problem.costs
    if not isinstance(costs, CostTable):
        return {}
    low, high = _bounds_of_all(costs)
    return {
        name: _finite_range(getattr(low, name), getattr(high, name))
        for name in ("latency_s", "energy_j", "area_mm2", "edap_js_mm2")
    }


def block_latencies(problem: Problem, design: np.ndarray) -> dict[tuple[int, ...], float]:
    """Return the seconds of each part of the network, by its scope, on the design's accelerator; empty if it is not complete."""
    costs, space = problem.costs, problem.space
    if len(design) < space.num_choices or not isinstance(costs, CostTable):
        return {}
    hardware = problem.accelerator_space.index(design[None, space.hardware])
    found = costs.latency_by_part(design[None, space.network], hardware)
    return {scope: float(seconds[0]) for scope, seconds in found.items()}


def utilization(problem: Problem, design: np.ndarray, latency_s: float) -> float | None:
    """Share of the PEs' multiply-accumulate slots that one inference uses: MACs / (seconds x clock x PEs).

    None for a network space without layers or a table that does not tell its clock; 0.0 for an infinite latency.
    """
    macs: Any = getattr(problem.network_space, "macs", None)
    clock_hz: float | None = getattr(problem.costs, "clock_hz", None)
    if macs is None or clock_hz is None:
        return None
    space = problem.space
    chosen = space.decode(design[None])[0]
    slots = latency_s * clock_hz * int(chosen["pe_x"]) * int(chosen["pe_y"])
    return float(macs(design[None, space.network])[0] / slots)


def _bounds_of_all(costs: CostTable) -> tuple[Cost, Cost]:
    """The least and the most, leaves `(H,)`, that any network costs on each accelerator.

    The bits of `costs.bounds` for a network without any choice made and `finite_only`, which first makes tables for
    all partly made networks; those of a large space take seconds.
    """
    if isinstance(costs, WorkloadTable):
        bounds = {name: _bounds_of_all(table) for name, table in costs.tables.items()}
        least, most = ({name: pair[side] for name, pair in bounds.items()} for side in (0, 1))
        return weighted_cost(least, costs.weights), weighted_cost(most, costs.weights)
    latency, energy = _least_and_most(costs.latency_s), _least_and_most(costs.energy_j)
    return Cost(latency[0], energy[0], costs.area_mm2), Cost(latency[1], energy[1], costs.area_mm2)


def _least_and_most(sums: FactorSum) -> tuple[np.ndarray, np.ndarray]:
    """The least and the most finite, `(W,)`, added in the order of the factors; -inf where a part has no finite value."""
    least, most = sums.constant.copy(), np.where(np.isfinite(sums.constant), sums.constant, -np.inf)
    for factor in sums.factors:
        least += factor.table.min(axis=0)
        most += factor.table.max(axis=0, where=np.isfinite(factor.table), initial=-np.inf)
    return least, most


def _finite_range(low: np.ndarray, high: np.ndarray) -> tuple[float, float]:
    mappable = np.isfinite(low) & np.isfinite(high)
    return (float(low[mappable].min()), float(high[mappable].max())) if mappable.any() else (0.0, 0.0)
