"""Standardised returns: a learner's step sizes then suit any objective."""

from __future__ import annotations

import numpy as np


def spread(values: np.ndarray) -> float:
    """How far the finite ones of `values` (batch,) lie apart: the interquartile range over 1.349.

    For a normal distribution that is the standard deviation; but a few enormous values do not count. Where the range is
    0 the standard deviation itself; where that is 0 too, or nothing is finite, 1.
    """
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 1.0
    low, high = np.quantile(finite, (0.25, 0.75))
    return float((high - low) / 1.349 or finite.std() or 1.0)


class ReturnScale:
    """Keeps the centre (median) and spread of recent returns, and maps returns onto a scale around zero.

    Neither lets a few designs of enormous or infinite cost flatten all the others.

    Args:
        window: how many returns are remembered.
        limit: standardised values are clipped to -limit..limit.
    """

    def __init__(self, *, window: int = 512, limit: float = 4.0) -> None:
        self._recent = np.empty(0)
        self._window = window
        self._limit = limit
        self.centre = 0.0
        self.spread = 1.0

    def update(self, returns: np.ndarray) -> None:
        """Remember returns (batch,); infinite ones are left out."""
        self._recent = np.concatenate((self._recent, returns[np.isfinite(returns)]))[-self._window :]
        if len(self._recent):
            self.centre = float(np.median(self._recent))
            self.spread = spread(self._recent)

    def standardise(self, rewards: np.ndarray, *, offset: bool) -> np.ndarray:
        """Rewards (batch,) in units of the spread, less the centre where `offset`; float32, clipped."""
        centred = rewards - self.centre if offset else rewards
        return np.clip(centred / self.spread, -self._limit, self._limit).astype(np.float32)
