"""Numbers for people: engineering prefixes and short names."""

from __future__ import annotations

import math
import re

METRIC_LABELS = {
    "error_pct": "error",
    "latency_s": "latency",
    "energy_j": "energy",
    "area_mm2": "area",
    "edap_js_mm2": "EDAP",
}
_UNITS = {"error_pct": "points", "latency_s": "s", "energy_j": "J", "area_mm2": "mm²", "edap_js_mm2": "J·s·mm²"}
_PREFIXES = ((1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"), (1e-15, "f"), (1e-18, "a"))
_PREFIXED = ("latency_s", "energy_j", "edap_js_mm2")

DATAFLOW_NAMES = {"WS": "weight stationary", "OS": "output stationary", "RS": "row stationary"}


def quantity(metric: str, value: float) -> str:
    """A value with its unit, such as "1.234 ms" for `latency_s`."""
    unit = _UNITS[metric]
    if not math.isfinite(value):
        return f"{value} {unit}"
    if metric not in _PREFIXED or value == 0:
        return f"{value:.4g} {unit}"
    scale, prefix = next(((s, p) for s, p in _PREFIXES if abs(value) >= s), _PREFIXES[-1])
    return f"{value / scale:.4g} {prefix}{unit}"


def operator_lines(operator: str | None) -> tuple[str, str]:
    """Two short lines for a block: "mb6_k5" is ("MB6", "5×5")."""
    if operator is None:
        return ("?", "")
    found = re.fullmatch(r"mb(\d+)_k(\d+)", operator)
    if found:
        return (f"MB{found[1]}", f"{found[2]}×{found[2]}")
    return ({"identity": "id"}.get(operator, operator), "")
