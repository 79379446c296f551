"""Our layers, accelerators and constants in AccelForge's own terms: one YAML text.

**Levels.** ``DRAM`` and ``GLB`` hold all three tensors; ``RF``, one per PE, holds what the dataflow keeps there (WS the
weights, OS the outputs, RS all three, the weights outermost); the other tensors stream between buffer and multiplier.
An action is an access of one word; energies, leakage, sizes, bandwidths and clock are the `Technology`'s.

**Spatial loops.** X are the columns, Y the rows. Only the dimensions named here may be unrolled; the mapper chooses how
far, in exact divisors (or not, with ``imperfect_spatial``).

=====  =========================  ====================  ================================  =====================
       dense (and grouped) conv   1 x 1, stride 1       depthwise                         fully connected
=====  =========================  ====================  ================================  =====================
WS     X k, Y c                   X k, Y c              X g, Y r                          X k, Y c
OS     X q, Y p                   X n, Y k              X q, Y p                          X k, Y k
RS     X p and k, Y r and c       X n and k, Y c        X p, Y r and g                    X k, Y c
=====  =========================  ====================  ================================  =====================

A 1 x 1 convolution at stride 1 has its output rows and columns merged into n. k and c count the channels of one group;
groups are a loop of their own, g.
"""

from __future__ import annotations

import json
import math
from typing import Any

from dance_env.cost.mapping.dataflow import get_dataflow
from dance_env.cost.technology import WORD_BITS, Technology

HELD = {"W": "weight", "O": "output", "WIO": "All"}
"""What the register file keeps, by `Dataflow.stationary`."""
_SPATIAL = {
    "conv": {"WS": ("k", "c"), "OS": ("q", "p"), "RS": ("pk", "rc")},
    "pointwise": {"WS": ("k", "c"), "OS": ("n", "k"), "RS": ("nk", "c")},
    "depthwise": {"WS": ("g", "r"), "OS": ("q", "p"), "RS": ("p", "rg")},
    "fc": {"WS": ("k", "c"), "OS": ("k", "k"), "RS": ("k", "c")},
}
_TENSORS = {
    "conv": ("gkcrs", "gkpq"),
    "pointwise": ("kc", "kn"),
    "depthwise": ("grs", "gpq"),
    "fc": ("kc", "k"),
}
"""Loops that index the weights, and the outputs."""
_RENAMES = [
    {"name": "input", "source": "Inputs & Intermediates", "expected_count": 1},
    {"name": "output", "source": "Outputs", "expected_count": 1},
    {"name": "weight", "source": "~(input | output)", "expected_count": 1},
]


def kind_of(row: tuple[int, ...]) -> str:
    """Return the kind of a layer row: "conv", "pointwise", "depthwise" or "fc"."""
    k, c, p, q, r, s, groups, stride = row
    if r == s == stride == groups == 1:
        return "fc" if p == q == 1 else "pointwise"
    return "depthwise" if groups == k == c > 1 else "conv"


def spec(row: tuple[int, ...], technology: Technology, dataflow: str, *, pe_x: int, pe_y: int, rf_words: int) -> str:
    """The whole problem as AccelForge reads it.

    Raises:
        ValueError: for an unknown dataflow.
    """
    get_dataflow(dataflow)  # which refuses an unknown one
    parts = {
        "workload": _workload(row),
        "renames": {"einsums": [{"name": "default", "tensor_accesses": _RENAMES}]},
    }
    nodes = _nodes(row, technology, dataflow, pe_x=pe_x, pe_y=pe_y, rf_words=rf_words)
    arch = "".join(f"  - !{tag} {_text(fields)}\n" for tag, fields in nodes)
    return "".join(f"{name}: {_text(part)}\n" for name, part in parts.items()) + f"arch:\n  nodes:\n{arch}"


def _workload(row: tuple[int, ...]) -> dict[str, Any]:
    """One einsum; no padding is removed, the input has its full halo."""
    k, c, p, q, r, s, groups, stride = row
    kind = kind_of(row)
    sizes = {"G": groups, "K": k // groups, "C": c // groups, "P": p, "Q": q, "R": r, "S": s}
    if kind == "pointwise":
        sizes["N"] = p * q
    weights, outputs = _TENSORS[kind]
    if kind in ("pointwise", "fc"):
        inputs: Any = ["c", "n"] if kind == "pointwise" else ["c"]
    else:
        inputs = {"H": f"{stride} * p + r", "W": f"{stride} * q + s", "G": "g"} | ({"C": "c"} if kind == "conv" else {})
        sizes |= {"H": (p - 1) * stride + r, "W": (q - 1) * stride + s}
    used = set((weights + outputs).upper()) | ({"H", "W"} & set(sizes))
    return {
        "rank_sizes": {rank: size for rank, size in sizes.items() if rank in used},
        "bits_per_value": {"All": WORD_BITS},
        "einsums": [
            {
                "name": "layer",
                "tensor_accesses": [
                    {"name": "I", "projection": inputs},
                    {"name": "F", "projection": list(weights)},
                    {"name": "O", "projection": list(outputs), "output": True},
                ],
                "renames": {"input": "I", "weight": "F", "output": "O"},
            }
        ],
    }


def _nodes(
    row: tuple[int, ...], technology: Technology, dataflow: str, *, pe_x: int, pe_y: int, rf_words: int
) -> list[tuple[str, dict[str, Any]]]:
    t, file = technology, technology.register_file(rf_words)
    ports = "max(a.n_calls / a.throughput for a in actions)"  # one for reading, one for writing
    keep: dict[str, Any] = {"keep": HELD[get_dataflow(dataflow).stationary]}
    if dataflow == "RS":
        keep["tensor_order_options"] = [["weight", "input", "output"]]
    columns, rows = _SPATIAL[kind_of(row)][dataflow]
    return [
        ("Memory", _memory(t, "DRAM", math.inf, (t.dram_read_pj, t.dram_write_pj), (t.dram_words_per_cycle,) * 2)),
        (
            "Memory",
            _memory(
                t, "GLB", t.glb_words, (t.glb_read_pj, t.glb_write_pj),
                (t.glb_read_words_per_cycle, t.glb_write_words_per_cycle),
                leak_pj=t.glb_leak_pj_per_cycle, total_latency=ports,
            ),
        ),
        (
            "Container",
            {"name": "PE", "spatial": [_axis("X", pe_x, columns), _axis("Y", pe_y, rows)]},
        ),
        (
            "Memory",
            _memory(
                t, "RF", rf_words, (float(file.read_pj), float(file.write_pj)), (math.inf,) * 2,
                leak_pj=float(file.leak_pj_per_cycle), tensors=keep,
            ),
        ),
        (
            "Compute",
            {
                "name": "MAC", "area": 0, "leak_power": t.mac_leak_pj_per_cycle * 1e-12 * t.clock_hz,
                "actions": [{"name": "compute", "energy": t.mac_pj * 1e-12, "throughput": t.clock_hz}],
            },
        ),
    ]  # fmt: skip


def _axis(name: str, fanout: int, dims: str) -> dict[str, Any]:
    others = "~(" + " | ".join(dims) + ")"
    return {"name": name, "fanout": fanout, "loop_bounds": [{"expression": others, "operator": "==", "value": 1}]}


def _memory(
    t: Technology, name: str, words: float, pj: tuple[float, float], words_per_cycle: tuple[float, float], *,
    leak_pj: float = 0.0, tensors: dict[str, Any] | None = None, **more: str,
) -> dict[str, Any]:  # fmt: skip
    actions = [
        {"name": way, "energy": cost * 1e-12, "throughput": rate * t.clock_hz, "bits_per_action": WORD_BITS}
        for way, cost, rate in zip(("read", "write"), pj, words_per_cycle, strict=True)
    ]
    return {
        "name": name, "size": words * WORD_BITS, "area": 0, "leak_power": leak_pj * 1e-12 * t.clock_hz,
        "actions": actions, "tensors": tensors or {"keep": "All"}, **more,
    }  # fmt: skip


def _text(value: Any) -> str:
    """JSON, which is YAML too; YAML's infinity in the place of JSON's."""
    return json.dumps(value).replace("Infinity", "inf")
