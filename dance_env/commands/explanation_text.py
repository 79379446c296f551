"""An explanation of a design, for people and for machines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from dance_env.analysis.explanation import (
    BOUNDS,
    ENERGY_LEVELS,
    Explanation,
    LayerReport,
    Neighbor,
    OtherDataflow,
    Roofline,
    Totals,
    grouped,
    totals,
)
from dance_env.analysis.hardware import SingleCost, accelerator_in_short, cost_label, cost_quantity
from dance_env.cost.mapping.loops import DIMS, LEVELS
from dance_env.cost.mapping.mapping import Mapping
from dance_env.objective.quantities import quantity

_LOST = 3  # layers named for each dataflow


def as_text(explanation: Explanation, *, mappings: bool = False) -> str:
    """Return an explanation for people.

    Args:
        explanation: What to say.
        mappings: Whether to show the mapping of each layer.
    """
    sections = [
        _head(explanation),
        totals_text(explanation.totals, explanation.roofline),
        layers_text(explanation.layers, mappings=mappings),
        _neighbors(explanation),
        _dataflows(explanation),
    ]
    return "\n\n".join(sections) + "\n"


def as_dict(explanation: Explanation) -> dict[str, Any]:
    """Return the same as plain data."""
    evaluation = explanation.evaluation
    with_error = explanation.problem.accuracy is not None
    return {
        "problem": explanation.problem.name,
        "design": dict(explanation.options),
        "indices": explanation.design.tolist(),
        "latency_s": float(evaluation.cost.latency_s[0]),
        "energy_j": float(evaluation.cost.energy_j[0]),
        "area_mm2": float(evaluation.cost.area_mm2[0]),
        "error_pct": float(evaluation.error_pct[0]) if with_error else None,
        "objective": float(evaluation.objective[0]),
        "feasible": bool(evaluation.feasible[0]),
        **layers_dict(explanation.layers, explanation.roofline),
        "neighbors": [vars(each) for each in explanation.neighbors],
        "other_dataflows": [_dataflow_dict(each) for each in explanation.dataflows],
    }


# --------------------------------------------------------------------------------------------------------------- layers
def totals_text(sums: Totals, roofline: Roofline) -> str:
    """Say where energy and cycles go in sum, and what bounds the layers."""
    lines = ["What bounds the layers:"]
    for bound in BOUNDS:
        count, seconds = sums.layers_by_bound[bound], sums.latency_by_bound[bound]
        if count:
            layers = "1 layer" if count == 1 else f"{count} layers"
            lines.append(f"  {bound:<16}{seconds / sums.latency_s:7.1%} of the cycles, {layers}")
    lines.append(f"  {'utilization':<16}{sums.utilization:7.1%} of all multiply-accumulate slots")
    lines.append("Where the energy goes:")
    for level, joules in sums.energy_by_level.items():
        lines.append(f"  {level:<16}{joules / sums.energy_j:7.1%}, {quantity('energy_j', joules)}")
    intensity = sums.macs / sums.dram_words
    lines.append(f"Operational intensity: {intensity:.1f} multiply-accumulates for each DRAM word, {_ridge(roofline)}")
    return "\n".join(lines)


def layers_text(reports: Sequence[LayerReport], *, mappings: bool) -> str:
    """Return the table of layers; equal layers of one network stand in one row."""
    sums = totals(reports)
    groups = grouped(reports)
    several = len({each.network for each in reports}) > 1
    names = [_name(group.report, group.count, several) for group in groups]
    wide = max(len("layer"), *map(len, names))
    levels = "".join(f"{level + ' %':>8}" for level in ENERGY_LEVELS)
    lines = [
        f"{'layer':<{wide}}{'MACs':>10}{'cycles':>11}{'cycles %':>10}  {'bound by':<15}{'PEs':>6}{'used %':>8}"
        f"{'energy':>11}{'energy %':>10}{levels}{'MACs/word':>11}"
    ]
    for name, group in zip(names, groups, strict=True):
        each, times = group.report, group.count * group.report.weight
        shares = "".join(f"{100 * joules / each.energy_j:8.1f}" for joules in each.energy_by_level.values())
        lines.append(
            f"{name:<{wide}}{_thousands(each.layer.macs):>10}{each.cycles:>11,.0f}"
            f"{100 * times * each.latency_s / sums.latency_s:>10.1f}  {each.bound:<15}{each.used_pes:>6}"
            f"{100 * each.utilization:>8.1f}{quantity('energy_j', each.energy_j):>11}"
            f"{100 * times * each.energy_j / sums.energy_j:>10.1f}{shares}{each.macs_per_dram_word:>11.1f}"
        )
        if mappings:
            lines.append(f"    {mapping_line(each.mapping)}")
    lines.append("(MACs, cycles and energy of one layer; the shares are of all networks, repeated layers together)")
    return "\n".join(lines)


def layers_dict(reports: Sequence[LayerReport], roofline: Roofline) -> dict[str, Any]:
    """Return layers, their sums and the roofline as plain data."""
    sums = totals(reports)
    return {
        "totals": {**vars(sums)},
        "roofline": {
            "peak_macs_per_cycle": roofline.peak,
            "dram_words_per_cycle": roofline.dram_words_per_cycle,
            "ridge_macs_per_dram_word": roofline.ridge,
        },
        "layers": [_layer_dict(each) for each in reports],
    }


def mapping_line(mapping: Mapping) -> str:
    """Return a mapping on one line, from DRAM to the register file: the loops of each level, outermost first."""
    orders = {"dram": mapping.dram_order, "glb": mapping.glb_order}
    parts = []
    for level in LEVELS:
        loops = [f"{d}{mapping.at(level, d)}" for d in reversed(orders.get(level, DIMS)) if mapping.at(level, d) > 1]
        parts.append(f"{level}: {' '.join(loops) or '-'}")
    return f"{mapping.dataflow.name}  " + " | ".join(parts)


def _layer_dict(each: LayerReport) -> dict[str, Any]:
    layer = each.layer
    dims = {name: getattr(layer, name) for name in ("kind", "k", "c", "p", "q", "r", "s", "groups", "stride")}
    return {
        "network": each.network,
        "name": layer.name,
        **dims,
        "macs": layer.macs,
        "weight": each.weight,
        "cycles": each.cycles,
        "latency_s": each.latency_s,
        "bound": each.bound,
        "cycles_of": each.cycles_of,
        "used_pes": each.used_pes,
        "utilization": each.utilization,
        "energy_j": each.energy_j,
        "energy_by_level_j": each.energy_by_level,
        "macs_per_cycle": each.macs_per_cycle,
        "macs_per_dram_word": each.macs_per_dram_word,
        "words": each.cost.columns(),
        "mapping": each.mapping.to_dict(),
    }


def _name(each: LayerReport, count: int, several: bool) -> str:
    name = f"{each.network}, {each.layer.name}" if several else each.layer.name
    return name if count == 1 else f"{name} (x{count})"


def _thousands(count: int) -> str:
    scale, suffix = next(((s, x) for s, x in ((1e9, "G"), (1e6, "M"), (1e3, "k")) if count >= s), (1.0, ""))
    return f"{count / scale:.4g}{suffix}"


def _ridge(roofline: Roofline) -> str:
    if not math.isfinite(roofline.dram_words_per_cycle):
        return "the DRAM bandwidth is not limited"
    return (
        f"where {roofline.ridge:.1f} are needed for the bandwidth ({roofline.dram_words_per_cycle:g} words a cycle) not to "
        f"bound the peak ({roofline.peak:g} a cycle)"
    )


# -------------------------------------------------------------------------------------------------------------- sections
def _head(explanation: Explanation) -> str:
    evaluation, problem = explanation.evaluation, explanation.problem
    network = {
        name: explanation.options[name]
        for name in (choice.name for choice in problem.space.choices if choice.group == "network")
        if problem.network_space.size > 1
    }
    lines = [f"A design of {problem.name}:"]
    if network:
        lines.append("  network      " + ", ".join(f"{name}={option}" for name, option in network.items()))
    lines.append(f"  accelerator  {accelerator_in_short(explanation.options)}")
    cost = evaluation.cost
    costs = ", ".join(quantity(name, float(getattr(cost, name)[0])) for name in ("latency_s", "energy_j", "area_mm2"))
    lines.append(f"  costs        {costs}")
    if problem.accuracy is not None:
        lines.append(f"  {problem.error_name:<13}{evaluation.error_pct[0]:.3f} points")
    lines.append(f"  objective    {_objective(explanation)}")
    if not evaluation.feasible[0]:
        by = problem.objective.violations(evaluation.error_pct, cost)
        exceeded = ", ".join(f"{name} by {100 * float(value[0]):.2f} %" for name, value in by.items() if value[0] > 0)
        lines.append(f"  exceeds its limits: {exceeded}")
    return "\n".join(lines)


def _objective(explanation: Explanation) -> str:
    problem, value = explanation.problem, float(explanation.evaluation.objective[0])
    function = problem.objective.cost_function
    if problem.accuracy is None and isinstance(function, SingleCost):
        return f"{cost_label(function.metric)} {cost_quantity(function.metric, value)}"
    return f"{value:.6g} ({problem.objective.describe(problem.error_name)})"


def _neighbors(explanation: Explanation) -> str:
    if not explanation.neighbors:
        return "There is no other option in any choice."
    better = explanation.improving
    if better:
        first = better[0]
        head = (
            f"{len(better)} single changes are better; the best: {first.choice} = {first.option} in place of "
            f"{first.instead_of}."
        )
    else:
        head = "No single change is better."
    lines = [f"What a single change would cost. {head}"]
    with_error = explanation.problem.accuracy is not None
    error = f"{explanation.problem.error_name:>12}" if with_error else ""
    wide = max(len(f"{each.choice} = {each.option}") for each in explanation.neighbors)
    lines.append(f"  {'':<{wide}}{'objective':>12}{'latency':>10}{'energy':>10}{'area':>10}{error}")
    lines += [f"  {_neighbor(explanation, each, wide)}" for each in explanation.neighbors]
    return "\n".join(lines)


def _neighbor(explanation: Explanation, each: Neighbor, wide: int) -> str:
    evaluation = explanation.evaluation
    own = {"objective": float(evaluation.objective[0])}
    own |= {name: float(getattr(evaluation.cost, name)[0]) for name in ("latency_s", "energy_j", "area_mm2")}
    name = f"{each.choice} = {each.option}"
    if not math.isfinite(each.latency_s):
        return f"{name:<{wide}}{'a layer has no mapping':>42}"
    changes = [_change(getattr(each, metric), value) for metric, value in own.items()]
    row = f"{name:<{wide}}{changes[0]:>12}" + "".join(f"{change:>10}" for change in changes[1:])
    if each.error_pct is not None:
        row += f"{each.error_pct - float(evaluation.error_pct[0]):>+12.3f}"
    return row + ("  exceeds the limits" if each.violation > 0 else "")


def _dataflows(explanation: Explanation) -> str:
    lines = ["Other dataflows:"]
    own = explanation.evaluation
    for each in explanation.dataflows:
        best = each.best
        lines.append(
            f"  {each.dataflow} at its best: objective {_change(float(best.objective[0]), float(own.objective[0]))} "
            f"({accelerator_in_short(each.best_options)})" + ("" if best.feasible[0] else ", exceeds the limits")
        )
        if each.why_unmappable is not None:
            lines.append(f"     at the same sizes it cannot run: {each.why_unmappable}")
            continue
        same = each.same_sizes
        changes = ", ".join(
            f"{label} {_change(float(getattr(same.cost, name)[0]), float(getattr(own.cost, name)[0]))}"
            for label, name in (("latency", "latency_s"), ("energy", "energy_j"))
        )
        lines.append(f"     at the same sizes: {changes}" + (". The layers that lose most:" if each.lost else ""))
        lines += [f"       {_lost(lost)}" for lost in each.lost[:_LOST]]
    if len(lines) == 1:
        return "There is no other dataflow in this space of accelerators."
    return "\n".join(lines)


def _lost(lost: Any) -> str:
    ours, theirs = lost.ours, lost.theirs
    bound = ours.bound if ours.bound == theirs.bound else f"{ours.bound} -> {theirs.bound}"
    return (
        f"{ours.layer.name}: cycles x{theirs.cycles / ours.cycles:.2f} (bound by {bound}; "
        f"{ours.used_pes} -> {theirs.used_pes} PEs), DRAM words x{theirs.dram_words / ours.dram_words:.2f}, "
        f"energy x{theirs.energy_j / ours.energy_j:.2f}"
    )


def _dataflow_dict(each: OtherDataflow) -> dict[str, Any]:
    def costs(evaluation: Any) -> dict[str, Any]:
        cost = {name: float(getattr(evaluation.cost, name)[0]) for name in ("latency_s", "energy_j", "area_mm2")}
        return {**cost, "objective": float(evaluation.objective[0]), "feasible": bool(evaluation.feasible[0])}

    return {
        "dataflow": each.dataflow,
        "same_sizes": costs(each.same_sizes),
        "best": {"accelerator": dict(each.best_options), **costs(each.best)},
        "why_unmappable": each.why_unmappable,
        "lost": [
            {
                "network": lost.ours.network,
                "layer": lost.ours.layer.name,
                "loss": lost.loss,
                "cycles": [lost.ours.cycles, lost.theirs.cycles],
                "energy_j": [lost.ours.energy_j, lost.theirs.energy_j],
                "dram_words": [lost.ours.dram_words, lost.theirs.dram_words],
                "bound": [lost.ours.bound, lost.theirs.bound],
            }
            for lost in each.lost
        ],
    }


def _change(value: float, own: float) -> str:
    if not math.isfinite(value):
        return "no mapping"
    return f"{100 * (value / own - 1):+.2f} %"
