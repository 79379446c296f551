"""A layer, and one of our mappings as AccelForge's nodes.

In a mapping of ours a tile is refilled by the loops above its level, except for the innermost run of loops that do not
move it. AccelForge refills a tile in every iteration of every loop above its storage node. So each tensor's node is
placed above the loops that refill nothing. For inputs that is above one more loop where this slides their window: the
node then counts the words of all windows together once, which is the first window and what is new in each other.

The nodes of the global buffer must stand above the array, and the array above all nodes of the register files. Where a
register file keeps a tile while the buffer gets new tiles of another tensor, the buffer's node is lifted too: above
loops that move its tile without overlap, which refill as often below it as above. AccelForge then counts the whole in
the buffer, which may be more than its size (`Nest.glb_words`). Where such a loop slides a window, or does not move the
tile, the register file's node stays lower, and its tile is refilled more often than in our mapping (`Nest.exact`).

Where the PEs of a column pass inputs on (rule 5 of docs/cost_model.md), a memory ``LINK`` without price or limit stands
between columns and rows: what the PEs of a column need in all steps of the innermost loop is read from the buffer once.
All loops that fetch other inputs must stand above ``LINK``, and so above the rows. A tile of outputs that stays in the
register files during such a loop would have to stand above that loop and below the rows. Where no sums are formed on the
array, each output is in one PE, and the outputs of all PEs together are held above the columns, in a memory ``ACC``
(`Nest.apart`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from dance_env.cost.mapping.loops import AXIS, DIMS, LEVELS, REDUCTION
from dance_env.cost.mapping.mapping import Mapping
from dance_env.cost.technology import WORD_BITS
from dance_env.exporting.accelforge.architecture import ACC, ARRAY, COLUMNS, LINK, READS, ROWS, Node

EINSUM = "layer"
RANKS = dict(zip(DIMS, "ckgrspq", strict=True))
"""AccelForge's rank variables, by our loops."""
TENSORS = {"W": "F", "I": "I", "O": "O"}
"""AccelForge's tensors, by ours."""
_ORDER = "WOI"  # of nodes at one place: a loop right below the inputs' node frees what has left their window
_SPREAD_ORDER = "CMRSPQG"
_WINDOWS = {"P": "PR", "R": "PR", "Q": "QS", "S": "QS"}
_RENAMES = [
    {"name": "input", "source": "Inputs & Intermediates", "expected_count": 1},
    {"name": "output", "source": "Outputs", "expected_count": 1},
    {"name": "weight", "source": "~(input | output)", "expected_count": 1},
]
RENAMES = {"einsums": [{"name": "default", "tensor_accesses": _RENAMES}]}


class Loop(NamedTuple):
    """One loop of a mapping."""

    level: str
    dim: str
    trips: int


class Nest(NamedTuple):
    """A mapping as AccelForge's nodes.

    Attributes:
        nodes: Outermost first.
        glb_words: What AccelForge counts in the global buffer, in words.
        exact: Whether each tile is refilled by the loops that refill it in our mapping.
        linked: Whether inputs pass from PE to PE, so that the architecture needs a ``LINK``.
        apart: The words of outputs of one PE that are held in an ``ACC``; 0 where the register files hold them.
    """

    nodes: list[Node]
    glb_words: int
    exact: bool
    linked: bool
    apart: int


def workload(mapping: Mapping) -> dict[str, Any]:
    """Return the layer of a mapping as AccelForge's workload of one einsum.

    c and k count the channels of one group. No padding is removed: the input has its full halo. Where a mapping pads a
    dimension up (``factors="ceil"``), so does the workload.
    """
    size, stride = mapping.dims, mapping.stride
    ranks = {RANKS[dim].upper(): n for dim, n in size.items()}
    ranks |= {"H": (size["P"] - 1) * stride + size["R"], "W": (size["Q"] - 1) * stride + size["S"]}
    inputs = {"G": "g", "C": "c", "H": f"{stride} * p + r", "W": f"{stride} * q + s"}
    accesses = [
        {"name": "I", "projection": inputs},
        {"name": "F", "projection": list("gkcrs")},
        {"name": "O", "projection": list("gkpq"), "output": True},
    ]
    renames = {"input": "I", "weight": "F", "output": "O"}
    return {
        "rank_sizes": ranks,
        "bits_per_value": {"All": WORD_BITS},
        "einsums": [{"name": EINSUM, "tensor_accesses": accesses, "renames": renames}],
    }


def nest(mapping: Mapping) -> Nest:
    """Return a mapping as AccelForge's nodes."""
    dram, glb = _loops(mapping, "dram", mapping.dram_order), _loops(mapping, "glb", mapping.glb_order)
    above = [*dram, *glb]
    wanted = {tensor: _place(mapping, above, tensor, "rf") for tensor in TENSORS}
    buffer, line = _buffer_places(mapping, dram, min(wanted.values()))
    registers = {tensor: max(place, line) for tensor, place in wanted.items()}
    array, linked, apart = _array_place(mapping, above, registers, line)
    left = dict(mapping.dims)
    found: list[Node] = [_holder("Storage", "DRAM", TENSORS)]
    for place in range(len(above) + 1):
        found += [_holder("Storage", "GLB", tensor) for tensor in _ORDER if buffer[tensor] == place]
        if place == min(array, *registers.values()):
            found.append(_holder("Toll", READS["GLB"], TENSORS))
        found += [_holder("Storage", ACC, "O")] if apart and registers["O"] == place else []
        if place == array:
            found += [_loop_node(loop, left) for loop in _loops(mapping, "cols", _SPREAD_ORDER)]
            found += [_holder("Storage", LINK, "I")] if linked else []
            found += [_loop_node(loop, left) for loop in _loops(mapping, "rows", _SPREAD_ORDER)]
        files = "WI" if apart else _ORDER
        found += [_holder("Storage", "RF", tensor) for tensor in files if registers[tensor] == place]
        if place < len(above):
            found.append(_loop_node(above[place], left))
    found += [_loop_node(loop, left) for loop in _loops(mapping, "rf", _SPREAD_ORDER)]
    found += [_holder("Toll", READS["RF"], TENSORS), ("Compute", {"einsum": EINSUM, "component": "MAC"})]
    held = sum(_words(mapping, tensor, dram[buffer[tensor] :]) for tensor in TENSORS)
    return Nest(found, held, registers == wanted, linked, mapping.tile_words("rf")["O"] if apart else 0)


def _array_place(
    mapping: Mapping, above: Sequence[Loop], registers: dict[str, int], line: int
) -> tuple[int, bool, bool]:
    """Return above which loop the array stands, whether it needs a ``LINK``, and whether an ``ACC``.

    Args:
        mapping: The mapping.
        above: The loops above the array.
        registers: The places of the register files' nodes.
        line: The lowest place of a node of the buffer.
    """
    inner = len(above) - 1  # right above the innermost loop, whose steps a LINK takes together
    places = (min(registers.values()), min(registers["W"], registers["I"]))
    summing = any(mapping.at(level, dim) > 1 for level in ("cols", "rows") for dim in REDUCTION)
    for apart, place in enumerate(places[:1] if summing else places):
        if line <= inner and _passes_on(mapping, above, place):
            return min(place, inner), True, bool(apart)
    return places[0], False, False


def _loops(mapping: Mapping, level: str, order: str) -> list[Loop]:
    """Return the loops of a level, outermost first; those of one trip are left out."""
    return [Loop(level, dim, mapping.at(level, dim)) for dim in reversed(order) if mapping.at(level, dim) > 1]


def _buffer_places(mapping: Mapping, dram: Sequence[Loop], wanted: int) -> tuple[dict[str, int], int]:
    """Return above which loop at DRAM each node of the buffer stands, and the lowest of these places.

    Args:
        mapping: The mapping.
        dram: Its loops at DRAM.
        wanted: The highest place of a node of the register files, which no node of the buffer should be below.
    """
    natural = {tensor: _place(mapping, dram, tensor, "glb") for tensor in TENSORS}
    lowest = max(natural.values())
    for line in range(wanted, lowest):
        lifted = {tensor: min(place, line) for tensor, place in natural.items()}
        passed = [(tensor, loop) for tensor in TENSORS for loop in dram[lifted[tensor] : natural[tensor]]]
        if all(_moves(loop, tensor) and not _slides(mapping, loop, tensor, "glb") for tensor, loop in passed):
            return lifted, line
    return natural, lowest


def _place(mapping: Mapping, above: Sequence[Loop], tensor: str, level: str) -> int:
    """Return above which loop a node stands so that the loops below it refill nothing."""
    place = len(above)
    while place > 0 and not _moves(above[place - 1], tensor):
        place -= 1
    return place - 1 if place > 0 and _slides(mapping, above[place - 1], tensor, level) else place


def _moves(loop: Loop, tensor: str) -> bool:
    if tensor == "I":
        return bool(AXIS[DIMS.index(loop.dim)] >= 0)
    return loop.dim not in ("PQ" if tensor == "W" else REDUCTION)


def _slides(mapping: Mapping, loop: Loop, tensor: str, level: str) -> bool:
    """Return whether a step of a loop moves the tile at a level by less than its size, so that windows overlap."""
    if tensor != "I" or loop.dim not in _WINDOWS:
        return False
    output, window = (_inside(mapping, level, dim) for dim in _WINDOWS[loop.dim])
    step = _inside(mapping, LEVELS[LEVELS.index(loop.level) + 1], loop.dim)
    stride = mapping.stride if loop.dim in "PQ" else 1
    return step * stride < (output - 1) * mapping.stride + window


def _passes_on(mapping: Mapping, above: Sequence[Loop], array: int) -> bool:
    """Return whether each PE but one of a column finds its inputs at its neighbor in every step but the first.

    That is so where the innermost loop moves the tile by its own height, which is also how far neighbors are apart; and
    where the other loops below the array all fetch another tile.
    """
    inner = above[-1] if above else Loop("glb", "C", 1)
    spread = {"R": "P", "P": "R"}.get(inner.dim, "")
    if not spread or mapping.at("rows", spread) == 1 or mapping.at("rows", "C") * mapping.at("rows", "M") > 1:
        return False
    stride = {"P": mapping.stride, "R": 1}
    height = (_inside(mapping, "rf", "P") - 1) * mapping.stride + _inside(mapping, "rf", "R")
    apart = _inside(mapping, "rf", spread) * stride[spread]
    step = _inside(mapping, LEVELS[LEVELS.index(inner.level) + 1], inner.dim) * stride[inner.dim]
    between = above[array:-1]
    return height == apart == step and all(loop.dim in "CG" for loop in between)


def _inside(mapping: Mapping, level: str, dim: str) -> int:
    """Return how far a dimension runs at a level and below."""
    return math.prod(mapping.at(inner, dim) for inner in LEVELS[LEVELS.index(level) :])


def _words(mapping: Mapping, tensor: str, lifted_over: Sequence[Loop]) -> int:
    """Return the words of a tensor that the buffer holds where its node stands above some loops at DRAM."""
    factors = mapping.array
    for loop in lifted_over:
        factors[LEVELS.index("glb"), DIMS.index(loop.dim)] *= loop.trips
    grown = Mapping(mapping.dataflow, tuple(map(tuple, factors.tolist())), mapping.dram_order, mapping.stride)
    return grown.tile_words("glb")[tensor]


def _holder(tag: str, component: str, tensors: dict[str, str] | str) -> Node:
    return tag, {"tensors": [TENSORS[tensor] for tensor in tensors], "component": component}


def _loop_node(loop: Loop, left: dict[str, int]) -> Node:
    """Return a loop as a node, and take it off what is left of its dimension inside."""
    left[loop.dim] //= loop.trips
    node = {"rank_variable": RANKS[loop.dim], "tile_shape": left[loop.dim]}
    if loop.level not in ("cols", "rows"):
        return "Temporal", node
    axis = COLUMNS if loop.level == "cols" else ROWS
    return "Spatial", node | {"name": axis, "component": ARRAY[axis]}
