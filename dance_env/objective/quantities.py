"""Values of metrics for people: a name, engineering prefixes, a unit."""

from __future__ import annotations

import math

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


def label_of(metric: str) -> str:
    """Return what to call a metric: "latency", or "decode latency" where it is one workload's."""
    workload, _, name = metric.rpartition(".")
    return f"{workload} {METRIC_LABELS[name]}".strip()


def quantity(metric: str, value: float) -> str:
    """Return a value with its unit, such as "1.234 ms" for `latency_s`."""
    metric = metric.rpartition(".")[2]
    unit = _UNITS[metric]
    if not math.isfinite(value):
        return f"{value} {unit}"
    if metric not in _PREFIXED or value == 0:
        return f"{value:.4g} {unit}"
    scale, prefix = next(((s, p) for s, p in _PREFIXES if abs(value) >= s), _PREFIXES[-1])
    return f"{value / scale:.4g} {prefix}{unit}"
