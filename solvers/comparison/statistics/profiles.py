"""Profiles: the distribution of scores over runs, and of cost ratios over tasks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def score_distribution(scores: Sequence[np.ndarray], thresholds: np.ndarray) -> np.ndarray:
    """Return the share of runs with a score at or below each threshold, averaged over tasks.

    The run-score distribution of Agarwal et al. (2021), section 4.2, for scores of which lower is better.

    Args:
        scores: For each task, the score of each run `(runs,)`.
        thresholds: `(points,)`.

    Returns:
        `(points,)` in [0, 1].
    """
    return np.mean([(each[:, None] <= thresholds).mean(axis=0) for each in scores], axis=0)


def performance_ratios(costs: np.ndarray) -> np.ndarray:
    """Return each solver's cost over the least cost on that task (Dolan and Moré, Mathematical Programming 91, 2002).

    Args:
        costs: `(tasks, solvers)` positive; infinite where a solver did not solve the task.

    Returns:
        `(tasks, solvers)` at least 1; infinite where a solver did not solve the task.
    """
    with np.errstate(invalid="ignore"):
        ratios = costs / costs.min(axis=1, keepdims=True)
    return np.where(np.isfinite(costs), ratios, np.inf)


def performance_profile(costs: np.ndarray, ratios: np.ndarray) -> np.ndarray:
    """Return the share of tasks on which each solver's ratio is at most so much.

    Args:
        costs: `(tasks, solvers)` as for `performance_ratios`.
        ratios: `(points,)` at least 1.

    Returns:
        `(solvers, points)`.
    """
    found = performance_ratios(costs)
    return (found.T[:, :, None] <= ratios * (1.0 + 1e-12)).mean(axis=1)
