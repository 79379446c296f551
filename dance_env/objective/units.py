"""Values of metrics as people write them: `0.0004`, or `0.4ms`."""

from __future__ import annotations

import re
from decimal import Decimal

# Exponents of ten: "100 us" is the float 1e-4, which 100 x 1e-6 is not.
_PREFIXES = {"": 0, "m": -3, "u": -6, "µ": -6, "μ": -6, "n": -9}
_UNITS: dict[str, dict[str, int]] = {
    "latency_s": {f"{prefix}s": scale for prefix, scale in _PREFIXES.items()},
    "energy_j": {f"{prefix}{unit}": scale for prefix, scale in _PREFIXES.items() for unit in ("J", "j")},
    "area_mm2": {"mm2": 0, "mm²": 0},
    "error_pct": {"%": 0},
}
_NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*(.*?)\s*", re.IGNORECASE)
_EXAMPLES = {
    "latency_s": ("0.0004", "0.4ms"),
    "energy_j": ("0.0005", "0.5mJ"),
    "area_mm2": ("2", "2mm2"),
    "error_pct": ("8", "8%"),
}


def parse_quantity(metric: str, text: str) -> float:
    """Return the value of a metric that a text means; without a unit, in that of the metric's name.

    Args:
        metric: One of `dance_env.objective.Metric`, or `WORKLOAD.METRIC`.
        text: A number, and a unit behind it or none.

    Raises:
        ValueError: If the text is no such value.
    """
    units = _UNITS[metric.rpartition(".")[2]]
    matched = _NUMBER.fullmatch(text)
    unit = matched[2] if matched else ""
    if matched is None or (unit and unit not in units):
        known = ", ".join(repr(each) for each in units if each[0] not in "μj" and not each.endswith("j"))
        examples = " or ".join(_EXAMPLES[metric.rpartition(".")[2]])
        raise ValueError(
            f"give {metric} a number, without a unit or with one of {known}, such as {examples}; not {text!r}"
        )
    return float(Decimal(matched[1]).scaleb(units[unit] if unit else 0))
