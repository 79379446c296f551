"""The interquartile mean over runs and tasks, and bootstrap intervals stratified by task.

Both as defined by Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical Precipice" (NeurIPS 2021),
section 4.3 and appendix; the reference implementation is rliable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import trim_mean

from solvers.comparison.statistics.model import Interval

_VALUES_AT_A_TIME = 1 << 22


def interquartile_mean(scores: Sequence[np.ndarray]) -> float:
    """Return the mean of the middle half of all scores, those of all tasks pooled.

    The lowest and the highest quarter (rounded down) are left out. It is infinite where more than a quarter of the runs
    have an infinite score.

    Args:
        scores: For each task, the score of each run `(runs,)`; infinite for a run that failed.
    """
    return float(_interquartile_means(np.concatenate([np.asarray(each, np.float64) for each in scores])[None])[0])


def bootstrap_interval(
    scores: Sequence[np.ndarray],
    statistic: Callable[[Sequence[np.ndarray]], np.ndarray],
    *,
    value: float,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Return the percentile interval of a statistic under resampling of the runs within each task.

    Args:
        scores: For each task, the score of each run `(runs,)`.
        statistic: Of resampled scores: takes for each task `(resamples, runs)`, returns `(resamples,)`.
        value: The statistic of the scores themselves.
        confidence: The share that the interval covers.
        resamples: How often the runs are resampled.
        seed: Of the resampling.
    """
    rng = np.random.default_rng(seed)
    runs = sum(len(each) for each in scores)
    step = max(1, _VALUES_AT_A_TIME // max(runs, 1))
    found = []
    for start in range(0, resamples, step):
        count = min(step, resamples - start)
        found.append(statistic([each[rng.integers(len(each), size=(count, len(each)))] for each in scores]))
    return quantile_interval(np.concatenate(found), value=value, confidence=confidence)


def interquartile_mean_interval(
    scores: Sequence[np.ndarray], *, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Interval:
    """Return the interquartile mean with its stratified bootstrap interval; arguments as for `bootstrap_interval`."""
    return bootstrap_interval(
        scores,
        lambda drawn: _interquartile_means(np.concatenate(drawn, axis=1)),
        value=interquartile_mean(scores),
        confidence=confidence,
        resamples=resamples,
        seed=seed,
    )


def quantile_interval(resampled: np.ndarray, *, value: float, confidence: float) -> Interval:
    """Return the percentile interval of resampled values `(resamples,)`, widened to the next ones: infinity stays itself."""
    tail = (1.0 - confidence) / 2.0
    low = float(np.quantile(resampled, tail, method="lower"))
    high = float(np.quantile(resampled, 1.0 - tail, method="higher"))
    return Interval(value, low, high)


def _interquartile_means(pooled: np.ndarray) -> np.ndarray:
    """The interquartile mean of each row `(rows, values)`."""
    return np.asarray(trim_mean(pooled, proportiontocut=0.25, axis=1), np.float64)
