"""Two solvers against each other, and p-values of several such tests corrected together."""

from __future__ import annotations

import numpy as np
from scipy.stats import mannwhitneyu, wilcoxon


def paired_p(first: np.ndarray, second: np.ndarray) -> float:
    """Return the two-sided p-value of the Wilcoxon signed-rank test; zeros are split (Demšar 2006, section 3.1.3).

    Args:
        first, second: `(pairs,)` scores; two infinite ones are no difference.
    """
    differences = score_differences(first, second)
    if not differences.any():
        return 1.0
    return float(wilcoxon(differences, zero_method="zsplit").pvalue)


def unpaired_p(first: np.ndarray, second: np.ndarray) -> float:
    """Return the two-sided p-value of the Mann-Whitney U test of scores `(n,)` and `(m,)`."""
    if np.unique(np.concatenate((first, second))).size == 1:
        return 1.0
    return float(mannwhitneyu(first, second, alternative="two-sided").pvalue)


def score_differences(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(pairs,) first less second; 0 where both are infinite."""
    with np.errstate(invalid="ignore"):
        return np.where(first == second, 0.0, first - second)


def median_difference(first: np.ndarray, second: np.ndarray) -> float:
    """Return the median of `score_differences`; NaN where it lies between minus infinity and infinity, or of no pairs."""
    if not len(first):
        return np.nan
    with np.errstate(invalid="ignore"):
        return float(np.median(score_differences(first, second)))


def holm(p: np.ndarray) -> np.ndarray:
    """Return p-values `(tests,)` corrected by Holm's step-down method (Scandinavian Journal of Statistics 6, 1979).

    They bound the probability of one false rejection among all tests, whatever the tests' dependence.
    """
    p = np.asarray(p, np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected
