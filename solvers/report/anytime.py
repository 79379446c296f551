"""The best design so far, as numbers: what a curve is drawn against, how high it is, and its median and range over seeds.

A run's best so far is a step function, so its few steps say everything; so are the median and the range of several runs.
Nothing is sampled on a grid.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from solvers.comparison.reference import Reference
from solvers.comparison.spending import Axis, spent
from solvers.contract.result import Result

SEARCH_SECONDS: Literal["search seconds"] = "search seconds"
"""Seconds without the training of an evaluator: a second curve on the axis of seconds."""

_LEAST_SPENT = 1e-4  # what is drawn on a logarithmic axis in place of 0 seconds


@dataclass(frozen=True, eq=False)
class Steps:
    """A step function: `y[i]` holds from `x[i]` on, up to `x[i + 1]`; the last x is where it ends.

    Attributes:
        x: (steps,) rising.
        y: (steps,) falling.
    """

    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True, eq=False)
class Spread:
    """Median and range of several runs' step functions, exact.

    Attributes:
        x: (steps,) where one of the runs has a step, or where the longest ends; from there on where half have a design.
        median: (steps,) the upper median, as in the tables; a run without a feasible design counts as infinite.
        low: (steps,) the least.
        high: (steps,) the greatest; infinite where a run has no feasible design.
    """

    x: np.ndarray
    median: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Measure:
    """How high a best design so far is drawn.

    Attributes:
        label: Of the axis.
        zero: The objective that is drawn at zero.
        scale: Height of one unit of the objective.
        logarithmic: Whether the axis is; then a height of zero needs a place of its own.
    """

    label: str
    zero: float
    scale: float
    logarithmic: bool

    @classmethod
    def of(cls, reference: Reference, *, error_name: str = "error") -> Measure:
        """Return regret in percent of the optimum where that is known, else the objective itself.

        Args:
            reference: What objectives are measured from.
            error_name: What the error is called; the objective is in percentage points where it is "error".
        """
        optimum = reference.objective
        if reference.exact and math.isfinite(optimum) and optimum != 0:
            return cls(f"regret (% of the {reference.name})", optimum, 100.0 / abs(optimum), logarithmic=True)
        unit = "percentage points" if error_name == "error" else f"in units of {error_name}"
        return cls(f"objective ({unit})", 0.0, 1.0, logarithmic=False)

    def height(self, objective: np.ndarray) -> np.ndarray:
        """Return heights; infinite objectives stay infinite, and what rounding leaves below zero is zero."""
        height = self.scale * (objective - self.zero)
        if self.logarithmic:
            return np.where(height < 1e-9 * self.scale * abs(self.zero), 0.0, height)
        return height


def run_steps(result: Result, measure: Measure, against: Axis | Literal["search seconds"]) -> Steps | None:
    """Return a run's best so far; None where it found nothing feasible, failed, or what it spent is not known.

    Args:
        result: The run.
        measure: The y axis.
        against: A name of `AXES`, or `SEARCH_SECONDS`.
    """
    if not result.status.complete:
        return None
    height = measure.height(result.trace.best_so_far())
    used = result.trace.seconds if against == SEARCH_SECONDS else spent(result, against)
    known = np.flatnonzero(np.isfinite(height) & np.isfinite(used))
    if not known.size:
        return None
    height, used = height[known], np.maximum(used[known], _LEAST_SPENT)
    steps = np.flatnonzero(np.r_[True, height[1:] != height[:-1]])
    if steps[-1] != len(height) - 1:
        steps = np.r_[steps, len(height) - 1]
    return Steps(used[steps], height[steps])


def over_seeds(curves: Sequence[Steps | None]) -> Spread | None:
    """Return median and range of a solver's runs; None where fewer than half of them ever have a feasible design."""
    found = [each for each in curves if each is not None]
    if not found:
        return None
    x = np.unique(np.concatenate([each.x for each in found]))
    values = np.full((len(curves), len(x)), np.inf)
    for row, curve in enumerate(found):
        index = np.searchsorted(curve.x, x, side="right") - 1
        values[row] = np.where(index >= 0, curve.y[np.maximum(index, 0)], np.inf)
    values.sort(axis=0)
    median = values[len(curves) // 2]  # the upper one of an even number
    shown = np.isfinite(median)
    if not shown.any():
        return None
    x, median, low, high = x[shown], median[shown], values[0][shown], values[-1][shown]
    changed = [True, *((median[1:] != median[:-1]) | (low[1:] != low[:-1]) | (high[1:] != high[:-1]))]
    changed[-1] = True  # where the longest run ends
    kept = np.flatnonzero(changed)
    return Spread(x[kept], median[kept], low[kept], high[kept])


def spreads(
    results: Mapping[str, Sequence[Result]], measure: Measure, against: Axis | Literal["search seconds"]
) -> dict[str, Spread]:
    """Return median and range of each solver that has them."""
    found = {
        solver: over_seeds([run_steps(result, measure, against) for result in runs]) for solver, runs in results.items()
    }
    return {solver: spread for solver, spread in found.items() if spread is not None}
