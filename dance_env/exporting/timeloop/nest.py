"""The problem of a layer, and one of our mappings as Timeloop's directives."""

from __future__ import annotations

from typing import Any

from dance_env.cost.mapping.loops import DIMS
from dance_env.cost.mapping.mapping import Mapping
from dance_env.exporting.timeloop.architecture import COLUMNS, ROWS, VERSION

TENSORS = ("Weights", "Inputs", "Outputs")
SPATIAL_ORDER = "CMRSPQG"
"""Order of loops that are spread, and of those in a register file; neither changes a count."""

_SHAPE = {
    "name": "grouped_convolution",
    "dimensions": list(DIMS),
    "coefficients": [{"name": "Hstride", "default": 1}, {"name": "Wstride", "default": 1}],
    "data_spaces": [
        {"name": "Weights", "projection": [[["G"]], [["M"]], [["C"]], [["R"]], [["S"]]]},
        {
            "name": "Inputs",
            "projection": [[["G"]], [["C"]], [["R"], ["P", "Hstride"]], [["S"], ["Q", "Wstride"]]],
        },
        {"name": "Outputs", "projection": [[["G"]], [["M"]], [["P"]], [["Q"]]], "read_write": True},
    ],
}


def problem(mapping: Mapping) -> dict[str, Any]:
    """Return the layer of a mapping as Timeloop's problem.

    C and M count the channels of one group. No padding is removed: the input has its full halo. Where a mapping pads a
    dimension up (``factors="ceil"``), so does the problem.
    """
    strides = {"Hstride": mapping.stride, "Wstride": mapping.stride}
    return {"problem": {"version": VERSION, "shape": _SHAPE, "instance": mapping.dims | strides}}


def directives(mapping: Mapping, *, pe_x: int, pe_y: int) -> dict[str, Any]:
    """Return a mapping as Timeloop's directives, outermost level first; permutations are innermost first.

    Args:
        mapping: The mapping.
        pe_x, pe_y: Columns and rows of the array; a single one has no level that spreads.
    """
    found: list[dict[str, Any]] = []
    found += _level("DRAM", mapping, "dram", mapping.dram_order)
    found += _level("GLB", mapping, "glb", mapping.glb_order)
    for target, place, size, split in ((COLUMNS, "cols", pe_x, len(DIMS)), (ROWS, "rows", pe_y, 0)):
        if size > 1:
            found.append(_loops(target, "spatial", mapping, place, SPATIAL_ORDER) | {"split": split})
            found.append(_loops(target, "temporal", None, "", SPATIAL_ORDER))
            found.append({"target": target, "type": "bypass", "keep": [], "bypass": list(TENSORS)})
    found += _level("RF", mapping, "rf", SPATIAL_ORDER)
    return {"mapping": found}


def _level(target: str, mapping: Mapping, place: str, order: str) -> list[dict[str, Any]]:
    keep = {"target": target, "type": "bypass", "keep": list(TENSORS), "bypass": []}
    return [_loops(target, "temporal", mapping, place, order), keep]


def _loops(target: str, kind: str, mapping: Mapping | None, place: str, order: str) -> dict[str, Any]:
    trips = {d: 1 if mapping is None else mapping.at(place, d) for d in order}
    factors = " ".join(f"{d}={n}" for d, n in trips.items())
    return {"target": target, "type": kind, "factors": factors, "permutation": order}
