"""Figures for a rendering that are read off a problem's tables; none where the tables are not at hand.

A solver's metered handle shows no tables, and the synthetic problems of the tests have no layers: the rendering then
leaves out what it cannot know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from dance_env.problem import Problem


def metric_ranges(problem: Problem) -> dict[str, tuple[float, float]]:
    """Lower and upper bounds of the cost metrics over all designs that can be mapped; empty without tables.

    A latency is a sum over blocks, so its least over all networks is the sum of each block's least; the bounds of a
    product are the products of bounds, on each accelerator.
    """
    costs: Any = problem.costs
    if not hasattr(costs, "option_latency_s"):
        return {}
    starts = problem.space.offsets[problem.space.network]
    area = np.asarray(costs.area_mm2, dtype=np.float64)
    latency = _bounds(costs.option_latency_s, costs.fixed_latency_s, starts)
    energy = _bounds(costs.option_energy_j, costs.fixed_energy_j, starts)
    return {
        "latency_s": _finite_range(*latency),
        "energy_j": _finite_range(*energy),
        "area_mm2": _finite_range(area, area),
        "edap_js_mm2": _finite_range(latency[0] * energy[0] * area, latency[1] * energy[1] * area),
    }


def block_latencies(problem: Problem, design: np.ndarray) -> dict[str, float]:
    """Seconds of each searchable block, by name, on the design's accelerator; empty if the design is not complete."""
    costs: Any = problem.costs
    space = problem.space
    if len(design) < space.num_choices or not hasattr(costs, "option_latency_s"):
        return {}
    hardware = int(problem.accelerator_space.index(design[None, space.hardware])[0])
    rows = space.offsets[space.network] + design[space.network]
    names = [choice.name for choice in space.choices[space.network]]
    return dict(zip(names, np.asarray(costs.option_latency_s)[rows, hardware].tolist(), strict=True))


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


def _bounds(options: Any, fixed: Any, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest sum over blocks, `(H,)` each; what cannot be mapped (inf) is no candidate for the greatest."""
    options, fixed = np.asarray(options, dtype=np.float64), np.asarray(fixed, dtype=np.float64)
    finite = np.where(np.isfinite(options), options, -np.inf)
    least = fixed + np.minimum.reduceat(options, starts, axis=0).sum(axis=0)
    greatest = fixed + np.maximum.reduceat(finite, starts, axis=0).sum(axis=0)
    return least, greatest


def _finite_range(low: np.ndarray, high: np.ndarray) -> tuple[float, float]:
    mappable = np.isfinite(low) & np.isfinite(high)
    return (float(low[mappable].min()), float(high[mappable].max())) if mappable.any() else (0.0, 0.0)
