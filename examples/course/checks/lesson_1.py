"""Checks of lesson 1: the cost model."""

from __future__ import annotations

from typing import Any

import numpy as np

from checks.exercise import exercise, number_is
from dance_env.cost import EDGE_LPDDR4, AnalyticalCostModel
from dance_env.cost.mapping import nest
from dance_env.cost.mapping.mapping import Mapping
from dance_env.graph import Layer
from dance_env.space import Hardware

_SIZES = {"C": 16, "M": 32, "P": 8, "Q": 8}
_LAYER = Layer("by hand", "pointwise", k=32, c=16, p=8, q=8, r=1, s=1)
_LEVELS = {"dram": {"M": 4}, "glb": {"P": 8, "Q": 8}, "cols": {"M": 8}, "rows": {"C": 8}, "rf": {"C": 2}}
_SPLIT = {"dram": {"M": 4, "C": 2}, "glb": {"P": 8, "Q": 8}, "cols": {"M": 8}, "rows": {"C": 8}}


def _mapping(levels: dict[str, dict[str, int]], order: str = "QCMGRSP") -> Mapping:
    full = {level: levels.get(level, {}) for level in ("dram", "glb", "cols", "rows", "rf")}
    return Mapping.from_dict({"dataflow": "WS", "stride": 1, "dram_order_innermost_first": order, "factors": full})


def _cost(mapping: Mapping) -> nest.NestCost:
    return nest.evaluate(mapping, pe_x=8, pe_y=8, rf_words=16, technology=EDGE_LPDDR4)


@exercise("1.1")
def input_words(answer: Any) -> str:
    """Words of inputs with the sum over channels split, C innermost."""
    words = _cost(_mapping(_SPLIT, "CMQGRSP")).words[0, 1, 0]
    mistakes = {
        1024: "that is every input once. The buffer holds half of the channels at a time: what happens at the next m?",
        2048: "the inputs are read again for every m, and there are 4 of them, not 2",
    }
    return number_is(answer, words, unit="words", mistakes=mistakes)


@exercise("1.2")
def all_words(answer: Any) -> str:
    """All words at DRAM with the sum over channels split, M innermost."""
    words = _cost(_mapping(_SPLIT, "MCQGRSP")).words[0]
    mistakes = {
        words.sum() - 4096: "partial sums that leave have to be written, and read again later: count both ways",
        words[:, 0].sum(): "these are the reads alone; the outputs are written too, twice",
        words.sum() - 2048: "outputs leave unfinished once and finished once: they are written twice",
        words.sum() + 2048: "the first half has nothing to read: partial sums are read once, not twice",
    }
    return number_is(answer, words.sum(), unit="words", mistakes=mistakes)


@exercise("1.3")
def levels(answer: Any) -> str:
    """Factors of a mapping within 1 % of the best."""
    if not isinstance(answer, dict) or not all(isinstance(part, dict) for part in answer.values()):
        return "give a dictionary from level to factors, such as the one above"
    unknown = set(answer) - {"dram", "glb", "cols", "rows", "rf"}
    if unknown:
        return f"there is no level {sorted(unknown)[0]!r}; the levels are dram, glb, cols, rows and rf"
    for name, size in _SIZES.items():
        product = int(np.prod([part.get(name, 1) for part in answer.values()]))
        if product != size:
            return f"the factors of {name} multiply to {product}, not to {size}"
    best = AnalyticalCostModel(EDGE_LPDDR4).breakdown(_LAYER, Hardware.one(8, 8, rf_words=16, dataflow="WS"))
    reached = []
    for order in ("QCMGRSP", "CMQGRSP", "MCQGRSP", "PQCMGRS", "QPMCGRS"):  # the order at DRAM is free
        mapping = _mapping(answer, order)
        broken = mapping.violations(pe_x=8, pe_y=8, rf_words=16, glb_words=EDGE_LPDDR4.glb_words)
        if broken:
            return f"the mapping is not legal: it {'; it '.join(broken)}"
        reached.append(_cost(mapping).edp_pj_cycles)
    above = min(reached) / best.edp_pj_cycles - 1
    if above <= 0.01:
        return ""
    first = _cost(_mapping(_LEVELS)).edp_pj_cycles / best.edp_pj_cycles - 1
    return f"its energy-delay product is {above:.1%} above the best mapping's; that of the mapping above is {first:.1%}"


@exercise("1.4")
def words_per_cycle(answer: Any) -> str:
    """Bandwidth at which the layer is limited by its PEs."""
    cost = _cost(_mapping(_LEVELS))
    words = float(cost.words[0].sum())
    mistakes = {
        words / cost.cycles: "that is what DRAM moves now: it would still be the slower one",
        _LAYER.macs / words: "that is the layer's intensity, in MACs for each word",
    }
    return number_is(answer, words / cost.compute_cycles, unit="words per cycle", within=1e-3, mistakes=mistakes)


@exercise("1.5")
def winner_and_level(answer: Any) -> str:
    """The best dataflow of the depthwise layer, and the level that makes the difference."""
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        return 'give a dataflow and a level, such as ("WS", "rf")'
    layer = Layer("dw", "depthwise", k=192, c=192, p=16, q=16, r=3, s=3, groups=192)
    model = AnalyticalCostModel(EDGE_LPDDR4)
    parts = {
        flow: model.breakdown(layer, Hardware.one(16, 16, rf_words=16, dataflow=flow)) for flow in ("WS", "OS", "RS")
    }
    best = min(parts, key=lambda flow: parts[flow].edp_pj_cycles)
    worst = max(parts, key=lambda flow: parts[flow].energy_pj)
    saved = {
        level: getattr(parts[worst], f"{level}_pj") - getattr(parts[best], f"{level}_pj")
        for level in ("rf", "glb", "dram")
    }
    flow, level = answer
    if flow not in parts:
        return f"there is no dataflow {flow!r}; they are WS, OS and RS"
    if flow != best:
        more = parts[flow].edp_pj_cycles / parts[best].edp_pj_cycles
        return f"the energy-delay product of {flow} is {more:.2f} times that of the best dataflow"
    if level != max(saved, key=saved.__getitem__):
        return f"{flow} is right; compare the energies at each level with those of {worst}"
    return ""
