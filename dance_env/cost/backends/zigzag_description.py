"""Our layers, accelerators and constants in ZigZag's own terms.

**Levels.** ``DRAM`` and ``glb`` hold all three tensors; ``rf``, one per PE, holds what the dataflow keeps there (WS the
weights, OS the outputs, RS all three); the other tensors stream between buffer and multiplier. Sizes, energies and
bandwidths are the `Technology`'s. ZigZag prices an access of a full port: energy per word times words per port.

**Spatial mapping.** D1 are the columns, D2 the rows. ZigZag is given one unrolling, as large as fits; what does not
divide is padded up.

=====  =========================  ====================  ================================  =====================
       dense (and grouped) conv   1 x 1, stride 1       depthwise                         fully connected
=====  =========================  ====================  ================================  =====================
WS     D1 K, D2 C                 D1 K, D2 C            D1 G, D2 FY                       D1 K, D2 C
OS     D1 OX, D2 OY               D1 OX, D2 K           D1 OX, D2 OY                      D1 K, D2 K
RS     D1 OY (K), D2 FY (C)       D1 OX, D2 C           D1 OY, D2 FY (G)                  D1 K, D2 C
=====  =========================  ====================  ================================  =====================

A dimension in brackets takes what the first leaves of the axis. A 1 x 1 convolution at stride 1 has its output rows and
columns merged into OX. K and C count the channels of one group; groups are a loop of their own, G.
"""

from __future__ import annotations

import math
from typing import Any

from dance_env.cost.mapping.dataflow import get_dataflow
from dance_env.cost.technology import WORD_BITS, Technology

WORDS_PER_PE = 4
"""Words a cycle between a PE and the buffer that stand for a buffer without limit: three read and one written."""
DRAM_BITS = 2**43
OPERANDS = {"I": "I1", "W": "I2", "O": "O"}
"""ZigZag's names of the tensors."""
WAYS = {"I1": ("fh", "tl"), "I2": ("fh", "tl"), "O": ("fh", "tl", "fl", "th")}
"""From higher, to lower, ...: inputs and weights only come from above and go below, outputs go all four ways."""
Unrolling = dict[str, dict[str, int]]


def loop_sizes(row: tuple[int, ...]) -> dict[str, int]:
    """A layer row (columns `dance_env.graph.LAYER_COLUMNS`) as ZigZag's loops, channels per group."""
    k, c, p, q, r, s, groups, stride = row
    if r == s == stride == groups == 1:
        p, q = 1, p * q
    return {"B": 1, "G": groups, "K": k // groups, "C": c // groups, "OY": p, "OX": q, "FY": r, "FX": s}


def unrolling(row: tuple[int, ...], dataflow: str, *, pe_x: int, pe_y: int) -> Unrolling:
    """What the columns (D1) and rows (D2) spread, see the table of this module; trips of 1 are left out.

    Raises:
        ValueError: for an unknown dataflow.
    """
    get_dataflow(dataflow)  # which refuses an unknown one
    sizes = loop_sizes(row)
    depthwise = sizes["G"] > 1 and sizes["K"] == sizes["C"] == 1
    fully_connected = math.prod(sizes[d] for d in ("G", "OY", "OX", "FY", "FX")) == 1
    pointwise = not fully_connected and sizes["OY"] == sizes["FY"] == sizes["FX"] == sizes["G"] == row[7] == 1
    if dataflow == "OS":
        if fully_connected:
            columns = min(sizes["K"], pe_x)
            return {"D1": {"K": columns}, "D2": {"K": max(1, min(sizes["K"] // columns, pe_y))}}
        return _axes(sizes, [("OX", pe_x)], [("K" if pointwise else "OY", pe_y)])
    if depthwise:
        if dataflow == "WS":
            return _axes(sizes, [("G", pe_x)], [("FY", pe_y)])
        return _axes(sizes, [("OY", pe_x)], [("FY", pe_y), ("G", pe_y // min(sizes["FY"], pe_y))])
    if dataflow == "WS" or fully_connected:
        return _axes(sizes, [("K", pe_x)], [("C", pe_y)])
    if pointwise:
        return _axes(sizes, [("OX", pe_x)], [("C", pe_y)])
    left_x, left_y = pe_x // min(sizes["OY"], pe_x), pe_y // min(sizes["FY"], pe_y)
    return _axes(sizes, [("OY", pe_x), ("K", left_x)], [("FY", pe_y), ("C", left_y)])


def _axes(sizes: dict[str, int], columns: list[tuple[str, int]], rows: list[tuple[str, int]]) -> Unrolling:
    axes = {}
    for name, wanted in (("D1", columns), ("D2", rows)):
        first, *rest = [(dim, max(1, min(sizes[dim], room))) for dim, room in wanted]
        axes[name] = dict([first, *((dim, n) for dim, n in rest if n > 1)])
    return axes


def workload(row: tuple[int, ...]) -> list[dict[str, Any]]:
    """The layer as ZigZag's workload of one layer."""
    return [layer(row)]


def layer(row: tuple[int, ...], *, number: int = 0, name: str = "layer") -> dict[str, Any]:
    """The layer as an entry of ZigZag's workload. No padding is removed: the input has its full halo.

    Args:
        row: Columns `dance_env.graph.LAYER_COLUMNS`.
        number: Its place in the workload. Inputs and weights come from no other layer, but from DRAM.
        name: By which its mapping is found.
    """
    sizes, stride = loop_sizes(row), row[7]
    g = "[g]" if sizes["G"] > 1 else ""
    loops = [d for d in sizes if d != "G" or g]
    return {
        "id": number,
        "name": name,
        "operator_type": "Conv",
        "equation": f"O[b]{g}[k][oy][ox]+=W{g}[k][c][fy][fx]*I[b]{g}[c][iy][ix]",
        "dimension_relations": [f"ix={stride}*ox+1*fx", f"iy={stride}*oy+1*fy"],
        "loop_dims": loops,
        "loop_sizes": [sizes[d] for d in loops],
        "operand_precision": dict.fromkeys(("W", "I", "O", "O_final"), WORD_BITS),
        "operand_source": {"I": number, "W": number},
    }


def mapping(spatial: Unrolling, *, name: str = "default") -> list[dict[str, Any]]:
    """ZigZag's mapping of the layers of this name: the unrolling is given, the loop order is searched."""
    axes = {axis: [f"{dim}, {n}" for dim, n in dims.items()] for axis, dims in spatial.items()}
    return [
        {
            "name": name,
            "spatial_mapping": axes,
            "memory_operand_links": {"O": "O", "W": "I2", "I": "I1"},
        }
    ]


def accelerator(technology: Technology, dataflow: str, *, pe_x: int, pe_y: int, rf_words: int) -> dict[str, Any]:
    """ZigZag's accelerator: register files, global buffer, DRAM, array; energies in pJ, sizes and ports in bits.

    ZigZag wants a number for every bandwidth. A register file has a port of one word for each tensor and direction, so
    that none waits for another. A buffer without limit gets `WORDS_PER_PE` words per PE, DRAM without limit what both
    ports of the buffer take together: more could not be used. (Much larger numbers would cost digits: ZigZag truncates
    the number of accesses, each of a whole port, to an integer.)
    """
    t, file, word = technology, technology.register_file(rf_words), WORD_BITS
    array_bits = WORDS_PER_PE * word * pe_x * pe_y
    read = _port_bits(t.glb_read_words_per_cycle, unlimited=array_bits)
    write = _port_bits(t.glb_write_words_per_cycle, unlimited=array_bits)
    dram = _port_bits(t.dram_words_per_cycle, unlimited=read + write)
    everything = tuple(OPERANDS.values())
    held = tuple(name for tensor, name in OPERANDS.items() if tensor in get_dataflow(dataflow).stationary)
    memories = {
        "rf": _memory(
            rf_words * word, float(file.read_pj), float(file.write_pj), held, [],
            _rf_ports(held),
        ),
        "glb": _memory(
            t.glb_words * word, t.glb_read_pj * read / word, t.glb_write_pj * write / word, everything, ["D1", "D2"],
            [_port("r_port_1", "read", read, everything, ("tl", "th")),
             _port("w_port_1", "write", write, everything, ("fh", "fl"))],
        ),
        "dram": _memory(
            DRAM_BITS, t.dram_read_pj * dram / word, t.dram_write_pj * dram / word, everything, ["D1", "D2"],
            [_port("rw_port_1", "read_write", dram, everything, ("fh", "tl", "fl", "th"))],
        ),
    }  # fmt: skip
    array = {"unit_energy": t.mac_pj, "unit_area": 0.0, "dimensions": ["D1", "D2"], "sizes": [pe_x, pe_y]}
    return {"name": "dance", "memories": memories, "operational_array": array}


def _memory(
    bits: int,
    read_pj: float,
    write_pj: float,
    operands: tuple[str, ...],
    served: list[str],
    ports: list[dict[str, Any]],
) -> dict[str, Any]:
    return {
        "size": bits, "r_cost": read_pj, "w_cost": write_pj, "area": 0.0, "latency": 1, "operands": list(operands),
        "ports": ports, "served_dimensions": served,
    }  # fmt: skip


def _rf_ports(held: tuple[str, ...]) -> list[dict[str, Any]]:
    """A port of one word for each tensor and direction, numbered as ZigZag wants them."""
    out, into = ([(o, way) for o in held for way in ways if way in WAYS[o]] for ways in (("tl", "th"), ("fh", "fl")))
    return [
        _port(f"{kind[0]}_port_{i}", kind, WORD_BITS, (operand,), (way,))
        for kind, pairs in (("read", out), ("write", into))
        for i, (operand, way) in enumerate(pairs, start=1)
    ]


def _port(name: str, kind: str, bits: int, operands: tuple[str, ...], ways: tuple[str, ...]) -> dict[str, Any]:
    allocation = [f"{operand}, {way}" for operand in operands for way in ways if way in WAYS[operand]]
    return {
        "name": name, "type": kind, "bandwidth_min": WORD_BITS, "bandwidth_max": bits,
        "allocation": allocation,
    }  # fmt: skip


def _port_bits(words_per_cycle: float, *, unlimited: int) -> int:
    """Whole bits a cycle, rounded down, at least a word."""
    return unlimited if math.isinf(words_per_cycle) else max(WORD_BITS, int(words_per_cycle * WORD_BITS))
