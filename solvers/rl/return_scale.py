"""Standardised returns: a learner's step sizes then suit any objective."""

from __future__ import annotations

import numpy as np


class ReturnScale:
    """Keeps the centre and spread of recent returns, and maps returns onto a scale around zero.

    Centre and spread are the median and the interquartile range (divided by 1.349, so that it is the standard deviation
    of a normal distribution): a few designs of enormous or infinite cost then do not flatten all the others.

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
        if not len(self._recent):
            return
        low, self.centre, high = (float(value) for value in np.quantile(self._recent, (0.25, 0.5, 0.75)))
        spread = (high - low) / 1.349
        if not spread > 0:
            spread = float(self._recent.std())  # more than half of them are equal
        self.spread = spread if spread > 0 else 1.0

    def standardise(self, rewards: np.ndarray, *, offset: bool) -> np.ndarray:
        """Rewards (batch,) in units of the spread, less the centre where `offset`; float32, clipped."""
        centred = rewards - self.centre if offset else rewards
        return np.clip(centred / self.spread, -self._limit, self._limit).astype(np.float32)
