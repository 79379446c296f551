"""The hardware in AccelForge's terms, so that it counts as we do where its rules allow it.

AccelForge charges a read for each word that a memory hands to the memory above it; in our rules, which are Timeloop's,
outputs that are written back cost an access of the upper memory alone. So the memories' own reads are free here, and two
tolls stand below them, which charge what moves towards the multipliers: ``GLB_read`` and ``RF_read`` have the price and
the port of a read. All tensors are kept everywhere, as in our mappings. Register files leak in idle PEs too.
"""

from __future__ import annotations

import math
from typing import Any

from dance_env.cost.technology import WORD_BITS, Technology
from dance_env.exporting.timeloop.architecture import array_of
from dance_env.space import Hardware

Node = tuple[str, dict[str, Any]]
"""The tag of a YAML mapping, and its fields."""
COLUMNS, ROWS = "X", "Y"
ARRAY = {COLUMNS: "Column", ROWS: "PE"}
"""The containers of the array, by the axis that each spreads."""
LINK = "LINK"
"""What the PEs of a column pass on to each other; free, and without limit."""
ACC = "ACC"
"""The outputs of all PEs, where they cannot stand in the register files; at the price of a register file."""
READS = {"GLB": "GLB_read", "RF": "RF_read"}
"""The tolls that charge the reads of a memory."""
_PJ = 1e-12


def architecture(
    technology: Technology, hardware: Hardware, *, glb_words: int = 0, linked: bool = False, apart: int = 0
) -> list[Node]:
    """Return the nodes of the architecture of one accelerator, outermost first.

    Args:
        technology: Constants, with the accelerator's own memory.
        hardware: One accelerator.
        glb_words: What a mapping needs of the global buffer by AccelForge's count; it is made as large. No cost depends on it.
        linked: Whether inputs pass from PE to PE.
        apart: Words of outputs of one PE that are held in an ``ACC`` instead of its register file, which is as much smaller.
    """
    t, words = technology, int(hardware.rf_words[0])
    pe_x, pe_y = array_of(hardware)
    file = t.register_file(words)
    leak = float(file.leak_pj_per_cycle)
    free = _action(t, "read", 0.0, math.inf)
    dram = [
        _action(t, "read", t.dram_read_pj, t.dram_words_per_cycle),  # both share the channel: their times add up
        _action(t, "write", t.dram_write_pj, t.dram_words_per_cycle),
    ]
    buffer = [free, _action(t, "write", t.glb_write_pj, t.glb_write_words_per_cycle)]
    registers = [free, _action(t, "write", float(file.write_pj), math.inf)]
    compute = {"name": "compute", "energy": t.mac_pj * _PJ, "throughput": t.clock_hz}
    link = [_memory(t, LINK, math.inf, [free, _action(t, "write", 0.0, math.inf)], keep="I")] if linked else []
    outputs = [_memory(t, ACC, apart * pe_x * pe_y, registers, keep="O")] if apart else []
    return [
        _memory(t, "DRAM", math.inf, dram),
        _memory(t, "GLB", max(t.glb_words, glb_words), buffer, leak_pj=t.glb_leak_pj_per_cycle),
        _toll(READS["GLB"], _action(t, "read", t.glb_read_pj, t.glb_read_words_per_cycle)),
        *outputs,
        ("Container", {"name": ARRAY[COLUMNS], "spatial": [{"name": COLUMNS, "fanout": pe_x}]}),
        *link,
        ("Container", {"name": ARRAY[ROWS], "spatial": [{"name": ROWS, "fanout": pe_y}]}),
        _memory(t, "RF", words - apart, registers, leak_pj=leak, keep="I | F" if apart else "All"),
        _toll(READS["RF"], _action(t, "read", float(file.read_pj), math.inf)),
        ("Compute", {"name": "MAC", "area": 0, "leak_power": 0, "actions": [compute]}),
    ]


def _action(t: Technology, name: str, pj: float, words_per_cycle: float) -> dict[str, Any]:
    return {
        "name": name, "energy": pj * _PJ, "throughput": words_per_cycle * t.clock_hz, "bits_per_action": WORD_BITS,
    }  # fmt: skip


def _memory(
    t: Technology, name: str, words: float, actions: list[dict[str, Any]], *, leak_pj: float = 0.0, keep: str = "All"
) -> Node:
    return "Memory", {
        "name": name, "size": words * WORD_BITS, "area": 0, "leak_power": leak_pj * _PJ * t.clock_hz,
        "actions": actions, "tensors": {"keep": keep},
    }  # fmt: skip


def _toll(name: str, action: dict[str, Any]) -> Node:
    return "Toll", {
        "name": name, "direction": "down", "area": 0, "leak_power": 0, "actions": [action], "tensors": {"keep": "All"},
    }  # fmt: skip
