"""Where the time and the energy of a design go, as bars of 100 %."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dance_env.analysis.explanation import explain
from dance_env.cost import AnalyticalCostModel
from dance_env.drawing.palette import BOUNDS, LEVELS
from dance_env.problem import Problem


@dataclass(frozen=True)
class Share:
    """A part of a bar.

    Attributes:
        name: What it is.
        percent: Of the whole.
        color: `#rrggbb`.
    """

    name: str
    percent: float
    color: str


@dataclass(frozen=True)
class Bar:
    """A bar of 100 %.

    Attributes:
        title: What is divided.
        shares: Its parts; those of nothing are left out.
    """

    title: str
    shares: tuple[Share, ...]


def bars_of(problem: Problem, design: np.ndarray) -> tuple[Bar, ...]:
    """Return latency by what bounds the layers, and energy by level, of one design (D,).

    Empty where that is not known: the costs are not the analytical model's, or a layer has no mapping.
    """
    if not isinstance(problem.cost_model, AnalyticalCostModel):
        return ()
    try:
        sums = explain(problem, design).totals
    except ValueError:
        return ()
    return (
        _bar("Latency, by what bounds the layer", sums.latency_by_bound, BOUNDS),
        _bar("Energy, by level", sums.energy_by_level, LEVELS),
    )


def _bar(title: str, amounts: Mapping[str, float], colors: Mapping[str, str]) -> Bar:
    whole = sum(amounts.values())
    return Bar(
        title, tuple(Share(name, 100 * amount / whole, colors[name]) for name, amount in amounts.items() if amount > 0)
    )
