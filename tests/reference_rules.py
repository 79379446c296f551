"""The reference's mapping rules, as its description states them; shares no code with `dance_env.cost`.

A mapping is read from its text: for each level the loops with more than one trip, such as "C3 P2".
"""

from __future__ import annotations

import math

COLUMNS_MAY_HOLD = {"WS": {"M", "G"}, "OS": {"Q", "M", "G"}, "RS": {"P", "M", "G"}}
ROWS_MAY_HOLD = {"WS": {"C", "G"}, "OS": {"P", "M", "G"}, "RS": {"R", "C", "M", "G"}}
GLB_WORDS = 55_296
LEVELS = ("dram", "glb", "cols", "rows", "rf")


def loops(text: str) -> dict[str, int]:
    """Trips of the loops at one level."""
    return {token[0]: int(token[1:]) for token in text.split()}


def broken_rules(
    levels: dict[str, str], dram_order: str, *, layer: dict[str, int], stride: int, dataflow: str, pe_x: int, pe_y: int,
    rf_words: int,
) -> list[str]:  # fmt: skip
    """What a mapping breaks.

    Args:
        levels: text of the loops at each of `LEVELS`.
        dram_order: dims of the loops at DRAM, innermost first.
        layer: sizes of C, M (per group), G, R, S, P, Q.
    """
    at = {level: loops(levels[level]) for level in LEVELS}
    broken = []

    def require(holds: bool, rule: str) -> None:
        if not holds:
            broken.append(rule)

    def trips(level: str, dim: str) -> int:
        return at[level].get(dim, 1)

    def held(dim: str, *, over: tuple[str, ...]) -> int:
        return math.prod(trips(level, dim) for level in over)

    for dim, size in layer.items():
        require(held(dim, over=LEVELS) == size, "factors are perfect")
    require(set(at["cols"]) <= COLUMNS_MAY_HOLD[dataflow], "columns may hold")
    require(set(at["rows"]) <= ROWS_MAY_HOLD[dataflow], "rows may hold")
    require(math.prod(at["cols"].values()) <= pe_x, "mesh X")
    require(math.prod(at["rows"].values()) <= pe_y, "mesh Y")
    for over, words in ((("rf",), rf_words), (("rf", "rows", "cols", "glb"), GLB_WORDS)):
        c, m, g, r, s, p, q = (held(dim, over=over) for dim in "CMGRSPQ")
        inputs = g * c * ((p - 1) * stride + r) * ((q - 1) * stride + s)
        require(g * m * c * r * s + inputs + g * m * p * q <= words, f"capacity, shared by the three tensors: {words}")
    if dataflow == "WS":
        require(set(at["rf"]) <= {"C", "M", "R", "S", "G"}, "RF loops over")
    if dataflow == "OS":
        finished = not set(at["dram"]) & {"C", "R", "S"}
        kinds = "".join("r" if dim in "CRS" else "o" for dim in dram_order if trips("dram", dim) > 1)
        only_reduction = set(at["glb"]) <= {"C", "R", "S"}
        require(finished or ("or" not in kinds and only_reduction), "DRAM: variant A or B")
    if dataflow == "RS":
        require(trips("rows", "R") == layer["R"], "R always whole on the rows")
        whole = 2 * layer["S"] + 1 <= rf_words
        require(trips("rf", "S") == (layer["S"] if whole else 1), "S whole in the RF if 2 S + 1 <= RF, else S = 1")
        require(set(at["rf"]) <= {"S", "C", "M", "G"}, "RF loops over")
        require(not set(at["dram"]) & {"R", "S"}, "R = S = 1 at DRAM")
    return broken
