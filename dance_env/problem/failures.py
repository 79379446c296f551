"""Evaluations that fail: a training that crashed, a cluster that lost an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dance_env.accuracy.one_training import standard_words


@dataclass(frozen=True)
class Failures:
    """Evaluations fail with a probability, each by itself: to ask again may succeed.

    Whether an evaluation of a run fails depends on the seeds and on its number in the run alone, so that a run is
    reproducible. What a failed evaluation says is defined by `Problem.failed`.

    Attributes:
        probability: From 0 to below 1.
        seed: Of the draws.

    Raises:
        TypeError, ValueError: If a number is of another kind or out of range.
    """

    probability: float
    seed: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.probability, bool) or not isinstance(self.probability, int | float):
            raise TypeError(f"the probability of a failure is a number, not {self.probability!r}")
        if not 0 <= self.probability < 1:
            raise ValueError(f"the probability of a failure is from 0 to below 1, not {self.probability}")

    def which(self, first: int, count: int, *, run: int = 0) -> np.ndarray:
        """Return `(count,)` whether evaluations fail.

        Args:
            first: How many the run has asked for before.
            count: How many are asked for.
            run: The run's seed.
        """
        numbers = np.arange(first, first + count)
        keys = np.stack([np.full(count, run % 2**63, dtype=np.int64), numbers], axis=1)
        uniform = (standard_words(keys, seed=self.seed) >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return uniform < self.probability

    def fingerprint(self) -> str:
        """Return the probability and the seed as text."""
        return f"evaluations fail with probability {self.probability!r}, seed {self.seed}"


def failed_rows(failures: Failures | None, found: Any) -> np.ndarray:
    """Return `(n,)` which evaluations failed, by what `Problem.failed` defines.

    Args:
        failures: Of the problem; nothing fails without.
        found: What was answered: its `accuracy` and `feasible`, `(n,)` or `(n, H)`, are looked at.
    """
    if failures is None:
        return np.zeros(len(found.accuracy), dtype=bool)
    lost = (found.accuracy == 0.0) & ~found.feasible
    return np.asarray(lost if lost.ndim == 1 else lost.all(axis=1))
