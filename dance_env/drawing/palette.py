"""All colors of the drawings, as `#rrggbb`."""

from __future__ import annotations

INK = "#16202b"
MUTED = "#667382"
FAINT = "#dfe5ec"
PAPER = "#f3f5f8"
CARD = "#ffffff"

ACCENT = "#0f7173"
COST = "#e08d3c"
GOOD = "#1b8a5a"
BAD = "#c8373f"

BUSY_PE, IDLE_PE, MISSING_PE = ACCENT, "#b9dedd", FAINT
"""PEs of the array that work, that do not, and that a larger array of the space would have."""

TRACE, FEASIBLE_DOT, INFEASIBLE_DOT = "#c3ccd6", "#9aa7b5", "#e3a3a7"
"""The objectives of an environment's evaluations: the line, and its dots."""

TENSORS = {"W": "#6f9fe0", "I": "#e6b06a", "O": "#5fb0ae"}
"""Weights, inputs, outputs."""

LEVELS = {"MAC": ACCENT, "RF": "#8fc9c6", "GLB": "#6f9fe0", "DRAM": COST}
"""Where energy goes."""

BOUNDS = {"compute": ACCENT, "GLB reads": "#6f9fe0", "GLB writes": "#a98bd8", "DRAM bandwidth": COST}
"""What bounds a layer; the colors of the levels that the bounds belong to."""

FIXED = "#e9edf2"
"""Blocks that every network has, and blocks that hardly do anything."""

HUES = ("#5fb0ae", "#6f9fe0", "#a98bd8", "#dfae5e", "#d9848b", "#86b26c")
"""Kinds of block: kernels 3, 5, 7 ..., or the options of a network in order. `INK` is readable on each."""


def tint(color: str, depth: float) -> str:
    """Return `color` mixed with white: 1 leaves it as it is, 0 is white."""
    parts = (int(color[start : start + 2], 16) for start in (1, 3, 5))
    return "#" + "".join(f"{round(255 - depth * (255 - part)):02x}" for part in parts)
