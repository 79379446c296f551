"""Sets of designs on the plane of error and cost: hypervolume and IGD+; both metrics are minimized."""

from __future__ import annotations

import math

import numpy as np


def hypervolume(points: np.ndarray, corner: np.ndarray) -> float:
    """Return the area that points dominate, up to a reference point (Zitzler and Thiele 1998).

    Sorted by the first metric, each point adds the rectangle below the lowest second one before it: O(n log n).

    Args:
        points: `(n, 2)`; those beyond the reference point add nothing.
        corner: `(2,)` the reference point.
    """
    inside = points[(points < corner).all(axis=1)]
    if not len(inside):
        return 0.0
    inside = inside[np.lexsort((inside[:, 1], inside[:, 0]))]
    lowest = np.minimum.accumulate(np.concatenate(([corner[1]], inside[:, 1])))
    return float(np.sum((corner[0] - inside[:, 0]) * -np.diff(lowest)))


def igd_plus(points: np.ndarray, reference: np.ndarray) -> float:
    """Return the mean distance from a reference front to the region that points dominate (Ishibuchi et al., EMO 2015).

    Args:
        points: `(n, 2)`.
        reference: `(m, 2)` the reference front.

    Returns:
        0 where every reference point is reached or dominated; infinite for no points.
    """
    if not len(points):
        return math.inf
    total = 0.0
    for start in range(0, len(reference), 256):
        beyond = np.maximum(points - reference[start : start + 256, None], 0.0)
        total += float(np.sqrt((beyond**2).sum(axis=2)).min(axis=1).sum())
    return total / len(reference)


def normalized(points: np.ndarray, front: np.ndarray) -> np.ndarray:
    """Return points `(n, 2)` with the least of a front `(m, 2)` at 0 and its greatest at 1; a metric without range is kept."""
    low = front.min(axis=0)
    width = front.max(axis=0) - low
    return (points - low) / np.where(width > 0, width, 1.0)
