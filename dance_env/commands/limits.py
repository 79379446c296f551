"""Limits as they are written on a command line: `latency_s=0.0004`, or `latency_s=0.4ms`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import get_args

from dance_env.objective import Constraint, Metric
from dance_env.objective.units import parse_quantity
from dance_env.suggest import nearest


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
    if metric.rpartition(".")[2] not in get_args(Metric):
        raise argparse.ArgumentTypeError(f"there is no metric {metric!r} to limit. {nearest(metric, get_args(Metric))}")
    try:
        return Constraint(metric, parse_quantity(metric, value))
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
