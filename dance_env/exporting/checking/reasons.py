"""Why a tool counts other words than we do: its rules, by the counts that show them. docs/export.md gives the figures."""

from __future__ import annotations

from collections.abc import Collection

_INPUTS = ("dram_I_rd", "glb_I_wr", "glb_I_rd", "rf_I_wr", "rf_I_rd")
_OUTPUTS = ("dram_O_rd", "glb_O_wr", "glb_O_rd", "rf_O_wr", "rf_O_rd")
_REASONS: dict[str, tuple[tuple[tuple[str, ...], str], ...]] = {
    "accelforge": (
        (
            ("rf_I_wr", "rf_I_rd"),
            "inputs that pass from PE to PE are written into all register files, and none is read for a neighbor",
        ),
        (
            ("dram_I_rd", "glb_I_wr", "glb_I_rd"),
            "inputs are fetched again where by our rules the same or the next PE still holds them "
            "(docs/cost_model.md, rules 3 and 5)",
        ),
    ),
    "zigzag": (
        (_INPUTS, "each step of a window fetches all of it, but not what a stride skips"),
        (_OUTPUTS, "outputs are read before their first sum too, and as they leave a memory"),
    ),
}
ALWAYS = {"accelforge": (), "zigzag": ("cycles include stalls, the first load and the last drain; nothing leaks",)}
"""What differs in all layers, by the format of the export."""


def reasons(form: str, counts: Collection[str]) -> tuple[str, ...]:
    """Return what makes some counts of a tool others than ours, one clause for each of its rules.

    Args:
        form: The format of the export, such as ``"accelforge"``.
        counts: Those that differ in any layer, by the names of `LayerCheck.words`.
    """
    return tuple(text for names, text in _REASONS.get(form, ()) if not set(counts).isdisjoint(names))
