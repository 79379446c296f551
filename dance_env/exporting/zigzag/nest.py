"""A layer, one of our mappings, and the accelerator on which ZigZag can do nothing but follow it.

ZigZag takes the loops on the array and the order of all others from its user, but not which memory holds which loops:
each memory takes as many of the innermost loops as fit. So here the register file and the buffer are as large as the
tiles that the mapping holds in them: then all three tensors (``temporal_mapping_type="even"``) get the loops that they
have in our mapping. Prices and ports are those of the whole memories. All tensors are held everywhere, as in ours.
"""

from __future__ import annotations

from typing import Any

from dance_env.cost.backends import zigzag_description as description
from dance_env.cost.mapping.loops import DIMS
from dance_env.cost.mapping.mapping import Mapping
from dance_env.cost.technology import WORD_BITS, Technology
from dance_env.exporting.timeloop.architecture import array_of
from dance_env.space import Hardware

LOOPS = dict(zip(DIMS, ("C", "K", "G", "FY", "FX", "OY", "OX"), strict=True))
"""ZigZag's loops, by ours."""
_HOLDS_ALL = "RS"  # the dataflow whose register file holds all tensors in the back end's description
_SPREAD_ORDER = "CMRSPQG"


def workload(mapping: Mapping, *, name: str) -> list[dict[str, Any]]:
    """Return the layer of a mapping as ZigZag's workload of one layer.

    C and K count the channels of one group. No padding is removed: the input has its full halo. Where a mapping pads a
    dimension up (``factors="ceil"``), so does the workload.
    """
    c, m, g, r, s, p, q = mapping.dims.values()
    entry = description.layer((m * g, c * g, p, q, r, s, g, mapping.stride), name=name)
    sizes = {"B": 1} | {LOOPS[dim]: n for dim, n in mapping.dims.items()}
    entry["loop_sizes"] = [sizes[loop] for loop in entry["loop_dims"]]  # rows and columns of a 1 x 1 layer stay apart
    return [entry]


def directives(mapping: Mapping) -> list[dict[str, Any]]:
    """Return a mapping as ZigZag's: what columns (D1) and rows (D2) spread, and the order of the other loops.

    An axis that spreads nothing gets one trip of C, since ZigZag fills an axis that is left out. A layer that leaves no
    loop over has an empty order.
    """
    order: list[list[str | int]] = []
    for level, dims in (("rf", _SPREAD_ORDER), ("glb", mapping.glb_order), ("dram", mapping.dram_order)):
        order += [[loop, trips] for loop, trips in _loops(mapping, level, dims)]  # innermost first
    axes = {
        axis: dict(_loops(mapping, level, _SPREAD_ORDER) or [("C", 1)])
        for axis, level in (("D1", "cols"), ("D2", "rows"))
    }
    return [{**each, "temporal_ordering": order} for each in description.mapping(axes)]


def accelerator(mapping: Mapping, technology: Technology, hardware: Hardware) -> dict[str, Any]:
    """Return an accelerator whose memories are as large as the tiles of a mapping."""
    pe_x, pe_y = array_of(hardware)
    content = description.accelerator(technology, _HOLDS_ALL, pe_x=pe_x, pe_y=pe_y, rf_words=int(hardware.rf_words[0]))
    for level in ("rf", "glb"):
        content["memories"][level]["size"] = sum(mapping.tile_words(level).values()) * WORD_BITS
    return content


def _loops(mapping: Mapping, level: str, order: str) -> list[tuple[str, int]]:
    return [(LOOPS[dim], mapping.at(level, dim)) for dim in order if mapping.at(level, dim) > 1]
