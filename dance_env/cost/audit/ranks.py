"""Rank correlation: do two models order designs alike."""

from __future__ import annotations

import numpy as np
from scipy import stats

LEAST_POINTS = 3
"""Two points always rank perfectly, in one direction or the other."""


def spearman(ours: np.ndarray, theirs: np.ndarray) -> float | None:
    """Return Spearman's rank correlation of two `(n,)` arrays, ties sharing their mean rank.

    Returns:
        -1 to 1; None for fewer than `LEAST_POINTS`, or where one of the two ranks nothing (all its values are equal).

    Raises:
        ValueError: If the arrays are not one-dimensional and equally long, or a value is not finite.
    """
    ours, theirs = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    if ours.ndim != 1 or ours.shape != theirs.shape:
        raise ValueError(f"spearman: expected two arrays of one length, got shapes {ours.shape} and {theirs.shape}.")
    if not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
        raise ValueError("spearman: expected finite values; leave out what has no cost.")
    if len(ours) < LEAST_POINTS or np.ptp(ours) == 0 or np.ptp(theirs) == 0:
        return None
    return float(stats.spearmanr(ours, theirs).statistic)
