"""Standardized returns, so that a learner's step sizes suit any objective."""

from __future__ import annotations

import numpy as np


def spread(values: np.ndarray) -> float:
    """Return the spread of the finite `values` (batch,): the interquartile range divided by 1.349.

    For a normal distribution that is the standard deviation, and a few enormous values do not change it. If the range is
    0, the standard deviation itself; if that is 0 too, or no value is finite, 1.
    """
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 1.0
    low, high = np.quantile(finite, (0.25, 0.75))
    return float((high - low) / 1.349 or finite.std() or 1.0)


class ReturnScale:
    """Keeps the center (median) and spread of recent returns, and maps returns onto a scale around zero.

    Both are robust: a few designs of enormous or infinite cost do not make all others look alike.

    Attributes:
        center: median of the recent returns.
        spread: of the recent returns.

    Args:
        window: how many returns are remembered.
        limit: standardized values are clipped to -limit..limit.
    """

    def __init__(self, *, window: int = 512, limit: float = 4.0) -> None:
        self._recent = np.empty(0)
        self._window = window
        self._limit = limit
        self.center = 0.0
        self.spread = 1.0

    def update(self, returns: np.ndarray) -> None:
        """Remember returns (batch,); infinite ones are left out."""
        self._recent = np.concatenate((self._recent, returns[np.isfinite(returns)]))[-self._window :]
        if len(self._recent):
            self.center = float(np.median(self._recent))
            self.spread = spread(self._recent)

    def standardize(self, rewards: np.ndarray, *, offset: bool) -> np.ndarray:
        """Return rewards (batch,) in units of the spread, less the center if `offset`; float32, clipped."""
        centered = rewards - self.center if offset else rewards
        return np.clip(centered / self.spread, -self._limit, self._limit).astype(np.float32)
