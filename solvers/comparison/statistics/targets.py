"""What runs spent until they reached a target: run lengths, their distribution and their expectation.

As in Hansen et al., "COCO: a platform for comparing continuous optimizers in a black-box setting" (Optimization Methods
and Software 36, 2021), section 4.
"""

from __future__ import annotations

import math

import numpy as np


def run_lengths(spent: np.ndarray, regret: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return what had been spent when the regret was first at or below each target; infinite where it never was.

    Args:
        spent: `(rows,)` what each row of a trace had cost when it was known, never falling; NaN where unknown.
        regret: `(rows,)` of the best so far; infinite before a feasible design. It may rise where evaluations are noisy.
        targets: `(targets,)`.

    Returns:
        `(targets,)`; NaN where the target was reached and what had been spent is unknown.
    """
    least = np.minimum.accumulate(regret)
    rows = np.searchsorted(-least, -np.asarray(targets, np.float64), side="left")
    padded = np.append(np.asarray(spent, np.float64), np.inf)
    return padded[rows]


def ecdf(lengths: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Return the share of run lengths `(n,)` at or below each amount of a grid `(points,)`: pairs of run and target reached."""
    finite = np.sort(lengths[np.isfinite(lengths)])
    return np.searchsorted(finite, grid * (1.0 + 1e-12), side="right") / max(len(lengths), 1)


def expected_run_length(lengths: np.ndarray, spent: np.ndarray) -> float:
    """Return what a solver that restarts spends on average until a target is reached (COCO's aRT).

    `(spent in all runs until the target or their end) / (runs that reached it)`; infinite where none did.

    Args:
        lengths: `(runs,)` run lengths; infinite where a run did not reach the target.
        spent: `(runs,)` what each run spent in all.
    """
    reached = np.isfinite(lengths)
    if not reached.any():
        return math.inf
    return float(np.where(reached, lengths, spent).sum() / np.count_nonzero(reached))
