"""How likely a run of one solver is better than a run of another: the probability of improvement."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from solvers.comparison.statistics.aggregate import quantile_interval
from solvers.comparison.statistics.model import Interval


def probability_of_improvement(first: Sequence[np.ndarray], second: Sequence[np.ndarray]) -> float:
    """Return the probability that a run of the first has a lower score than one of the second; a tie counts half.

    The Mann-Whitney statistic over the number of pairs, averaged over tasks (Agarwal et al. 2021, section 4.3). Two
    infinite scores are a tie.

    Args:
        first: For each task, the score of each run `(runs,)`.
        second: The same of the other solver, tasks in the same order.
    """
    return float(np.mean([_better(x, y).mean() for x, y in zip(first, second, strict=True)]))


def probability_interval(
    first: Sequence[np.ndarray],
    second: Sequence[np.ndarray],
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Return it with a bootstrap interval: the runs of both are resampled within each task.

    Args:
        first, second: As for `probability_of_improvement`.
        confidence: The share that the interval covers.
        resamples: How often the runs are resampled.
        seed: Of the resampling.
    """
    rng = np.random.default_rng(seed)
    total = np.zeros(resamples)
    for x, y in zip(first, second, strict=True):
        weights_x, weights_y = (
            rng.multinomial(len(each), np.full(len(each), 1 / len(each)), resamples) for each in (x, y)
        )
        # A resample draws run i so many times: its mean over pairs is a bilinear form of these counts.
        pairs = np.einsum("ri,ri->r", weights_x @ _better(x, y), weights_y, dtype=np.float64)
        total += pairs / (len(x) * len(y))
    value = probability_of_improvement(first, second)
    return quantile_interval(total / len(first), value=value, confidence=confidence)


def _better(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(n, m) 1 where x is lower, half where both are equal."""
    return (x[:, None] < y) + 0.5 * (x[:, None] == y)
