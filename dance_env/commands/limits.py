"""Limits as they are written on a command line: `latency_s=0.0004`, or `latency_s=0.4ms`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from typing import get_args

from dance_env.objective import Constraint, Metric
from dance_env.suggest import nearest

_PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9}
_UNITS: dict[str, dict[str, float]] = {
    "latency_s": {f"{prefix}s": scale for prefix, scale in _PREFIXES.items()},
    "energy_j": {f"{prefix}{unit}": scale for prefix, scale in _PREFIXES.items() for unit in ("J", "j")},
    "area_mm2": {"mm2": 1.0, "mm²": 1.0},
    "error_pct": {"%": 1.0},
}
_NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*(.*?)\s*", re.IGNORECASE)


def parse_limit(text: str) -> Constraint:
    """Return the limit that a text such as "latency_s=0.4ms" means; without a unit, that of the metric's name.

    Raises:
        ArgumentTypeError: If the text is no limit.
    """
    metric, sign, value = (part.strip() for part in text.partition("="))
    if not sign:
        raise argparse.ArgumentTypeError(
            f"give METRIC=VALUE, such as latency_s=0.0004 or latency_s=0.4ms, not {text!r}"
        )
    unprefixed = metric.rpartition(".")[2]
    if unprefixed not in _UNITS:
        raise argparse.ArgumentTypeError(f"there is no metric {metric!r} to limit. {nearest(metric, get_args(Metric))}")
    matched = _NUMBER.fullmatch(value)
    unit = matched[2] if matched else ""
    if matched is None or (unit and unit not in _UNITS[unprefixed]):
        units = ", ".join(repr(each) for each in _UNITS[unprefixed] if each[0] not in "μj" and not each.endswith("j"))
        raise argparse.ArgumentTypeError(
            f"give {metric} a number, without a unit or with one of {units}, such as {_example(unprefixed)}; not {text!r}"
        )
    try:
        return Constraint(metric, float(matched[1]) * (_UNITS[unprefixed][unit] if unit else 1.0))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def together(limits: Iterable[Constraint]) -> dict[str, float]:
    """Return limits by metric.

    Raises:
        ValueError: If two are on one metric.
    """
    found: dict[str, float] = {}
    for each in limits:
        if each.metric in found:
            raise ValueError(
                f"{each.metric} is limited twice, to {found[each.metric]:g} and to {each.limit:g}: give one limit"
            )
        found[each.metric] = each.limit
    return found


def _example(metric: str) -> str:
    return {
        "latency_s": "latency_s=0.0004 or latency_s=0.4ms",
        "energy_j": "energy_j=0.0005 or energy_j=0.5mJ",
        "area_mm2": "area_mm2=2 or area_mm2=2mm2",
        "error_pct": "error_pct=8 or error_pct=8%",
    }[metric]
