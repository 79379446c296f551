"""Figures for a rendering that are read off a problem's tables; none where the tables are not at hand.

A solver's metered handle shows no tables, and the synthetic problems of the tests have no layers: the rendering then
leaves out what it cannot know.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dance_env.cost import CostTable
from dance_env.problem import Problem
from dance_env.space import FREE


def metric_ranges(problem: Problem) -> dict[str, tuple[float, float]]:
    """Lower and upper bounds of the cost metrics over all designs that can be mapped; empty without tables.

    Each metric is bounded by the sum of its parts' bounds, on each accelerator; the bounds of a product are the products
    of bounds.
    """
    costs = problem.costs
    if not isinstance(costs, CostTable):
        return {}
    nothing_made = np.full((1, problem.space.num_network_choices), FREE)
    low, high = costs.bounds(nothing_made, finite_only=True)
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


def _finite_range(low: np.ndarray, high: np.ndarray) -> tuple[float, float]:
    mappable = np.isfinite(low) & np.isfinite(high)
    return (float(low[mappable].min()), float(high[mappable].max())) if mappable.any() else (0.0, 0.0)
