"""The best so far as a step function of what was spent, over several runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np


def value_at(spent: np.ndarray, values: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Return the last value known at each amount of a grid `(points,)`; infinite before the first.

    Args:
        spent: `(rows,)` what each row had cost when it was known, never falling.
        values: `(rows,)` of the best so far.
        grid: `(points,)` amounts.
    """
    if not len(spent):
        return np.full(len(grid), np.inf)
    rows = np.searchsorted(spent, grid * (1.0 + 1e-12), side="right") - 1
    return np.where(rows >= 0, values[np.maximum(rows, 0)], np.inf)


def amounts(spent: Sequence[np.ndarray], *, points: int) -> np.ndarray:
    """Return a geometric grid from the least first amount of some runs to their greatest last one, at most `points` long.

    Args:
        spent: Of each run, `(rows,)`; NaN and amounts that are not positive are left out.
        points: How many.
    """
    known = [each[np.isfinite(each) & (each > 0)] for each in spent]
    known = [each for each in known if len(each)]
    if not known:
        return np.empty(0)
    low, high = min(float(each[0]) for each in known), max(float(each[-1]) for each in known)
    return np.unique(np.geomspace(low, max(low, high), points))


def quantiles(values: np.ndarray) -> np.ndarray:
    """Return the lower quartile, the upper median and the upper quartile over runs, each without interpolation.

    Args:
        values: `(runs, points)`; infinite where a run has no feasible design yet.

    Returns:
        `(3, points)`.
    """
    methods: tuple[tuple[float, Literal["lower", "higher"]], ...] = ((0.25, "lower"), (0.5, "higher"), (0.75, "higher"))
    return np.array([np.quantile(values, at, axis=0, method=method) for at, method in methods])
