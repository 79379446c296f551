"""The hardware in Timeloop's terms (architecture v0.4), with the tables that Accelergy would make of it.

This is the form that Timeloop's front end hands to `timeloop-model`: a tree of components with their meshes. (The front
end's own form, with `nodes`, is refused by that program.) Between global buffer and register files stand two levels that
hold nothing; they spread loops, the first over columns, the second over rows of the array. All other networks are free.
"""

from __future__ import annotations

import math
from typing import Any

from dance_env.cost import Technology
from dance_env.cost.technology import WORD_BITS
from dance_env.space import Hardware

VERSION = "0.4"
TOP = "system_top_level"
COLUMNS, ROWS = "inter_PE_column_spatial", "inter_PE_spatial"
"""The levels whose children are the columns of the array, and the rows of a column."""


def architecture(technology: Technology, hardware: Hardware) -> dict[str, Any]:
    """Return the architecture of one accelerator.

    Args:
        technology: Constants, with the accelerator's own memory.
        hardware: One accelerator.
    """
    t, pe_x, pe_y = technology, *array_of(hardware)
    row_bits = t.row_words * WORD_BITS
    dram: dict[str, Any] = {"width": row_bits, "datawidth": WORD_BITS}
    if math.isfinite(t.dram_words_per_cycle):
        dram["shared_bandwidth"] = t.dram_words_per_cycle  # reads and writes together
    glb: dict[str, Any] = {"depth": -(-t.glb_words // t.row_words), "width": row_bits, "datawidth": WORD_BITS}
    for name, rate in (
        ("read_bandwidth", t.glb_read_words_per_cycle),
        ("write_bandwidth", t.glb_write_words_per_cycle),
    ):
        if math.isfinite(rate):
            glb[name] = rate
    register_file = {"depth": int(hardware.rf_words[0]), "width": WORD_BITS, "datawidth": WORD_BITS}
    nothing = {"depth": 1, "width": 1, "datawidth": 1}
    components = [_component("DRAM", "DRAM", dram, 1, 1), _component("GLB", "smartbuffer_SRAM", glb, 1, 1)]
    if pe_x > 1:
        components.append(_component(COLUMNS, "dummy_storage", nothing, 1, 1))
    if pe_y > 1:
        components.append(_component(ROWS, "dummy_storage", nothing, pe_x, 1))
    components.append(_component("RF", "smartbuffer_RF", register_file, pe_x, pe_y))
    components.append(
        _component("MAC", "intmac", {"multiplier_width": WORD_BITS, "adder_width": 2 * WORD_BITS}, pe_x, pe_y)
    )
    attributes = {"technology": t.name, "global_cycle_seconds": 1.0 / t.clock_hz}
    return {
        "architecture": {
            "version": VERSION,
            "subtree": [{"name": TOP, "attributes": attributes, "local": components}],
        }
    }


def energy_table(technology: Technology, hardware: Hardware) -> dict[str, Any]:
    """Return the energy reference table: pJ of one action; of a row where a memory is read by the row."""
    t, file = technology, technology.register_file(hardware.rf_words)
    read, write, leak = (float(each[0]) for each in (file.read_pj, file.write_pj, file.leak_pj_per_cycle))
    row = t.row_words
    pes = math.prod(array_of(hardware))
    tables = [
        _storage_actions("DRAM", 1, t.dram_read_pj * row, t.dram_write_pj * row, 0.0),
        _storage_actions("GLB", 1, t.glb_read_pj * row, t.glb_write_pj * row, t.glb_leak_pj_per_cycle),
        _storage_actions("RF", pes, read, write, leak),
        _actions("MAC", pes, {"compute": t.mac_pj, "leak": t.mac_leak_pj_per_cycle}),
    ]
    return {"ERT": {"version": VERSION, "tables": tables}}


def area_table(technology: Technology, hardware: Hardware) -> dict[str, Any]:
    """Return the area reference table: um2 of one instance.

    The DRAM interface has an area where the accelerator chooses its bandwidth, as in `AnalyticalCostModel.area_mm2`.
    """
    t, pes = technology, math.prod(array_of(hardware))
    chosen = hardware.dram_words_per_cycle is not None
    areas = {
        _instances("DRAM", 1): t.dram_words_per_cycle * t.dram_interface_um2 if chosen else 0.0,
        _instances("GLB", 1): t.glb_area_um2,
        _instances("RF", pes): float(t.register_file(hardware.rf_words).area_um2[0]),
        _instances("MAC", pes): t.mac_area_um2,
    }
    return {
        "ART": {
            "version": VERSION,
            "tables": [{"name": f"{TOP}.{name}", "area": area} for name, area in areas.items()],
        }
    }


def array_of(hardware: Hardware) -> tuple[int, int]:
    """Return columns and rows of one accelerator."""
    return int(hardware.pe_x[0]), int(hardware.pe_y[0])


def _component(name: str, kind: str, attributes: dict[str, Any], mesh_x: int, mesh_y: int) -> dict[str, Any]:
    mesh = {"meshX": mesh_x, "meshY": mesh_y}
    buffer = {} if kind == "intmac" else {"cluster_size": 1, "multiple_buffering": 1}
    return {"name": _instances(name, mesh_x * mesh_y), "class": kind, "attributes": attributes | buffer | mesh}


def _instances(name: str, count: int) -> str:
    return f"{name}[1..{count}]"


def _storage_actions(name: str, count: int, read: float, write: float, leak: float) -> dict[str, Any]:
    return _actions(name, count, {"read": read, "write": write, "update": write, "leak": leak})


def _actions(name: str, count: int, energies: dict[str, float]) -> dict[str, Any]:
    actions = [{"name": action, "arguments": {}, "energy": energy} for action, energy in energies.items()]
    return {"name": f"{TOP}.{_instances(name, count)}", "actions": actions}
