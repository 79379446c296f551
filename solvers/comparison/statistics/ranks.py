"""Average ranks over blocks, and which of them differ: Friedman's test and Nemenyi's critical difference.

As in Demšar, "Statistical Comparisons of Classifiers over Multiple Data Sets" (JMLR 7, 2006), section 3.2.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import friedmanchisquare, rankdata, studentized_range

from solvers.comparison.statistics.model import Ranks


def rank_solvers(scores: np.ndarray, *, block: str, alpha: float = 0.05) -> Ranks:
    """Return the average rank of each solver, and which differ.

    Args:
        scores: `(blocks, solvers)` lower is better; infinite for a run that failed, which ranks last, tied with others.
        block: What a block is, for the reader.
        alpha: The level of the tests.

    Raises:
        ValueError: If a score is NaN, or there are no blocks.
    """
    if scores.ndim != 2 or not len(scores):
        raise ValueError(f"ranks are of scores (blocks, solvers), at least one block; got {scores.shape}")
    if np.isnan(scores).any():
        raise ValueError("a score is NaN; a run that failed has an infinite score, so that it ranks last")
    blocks, solvers = scores.shape
    average = rankdata(scores, axis=1).mean(axis=0)
    statistic, p = friedman(scores)
    difference = critical_difference(solvers, blocks, alpha=alpha)
    return Ranks(
        average=average,
        block=block,
        blocks=blocks,
        friedman_statistic=statistic,
        friedman_p=p,
        alpha=alpha,
        critical_difference=difference,
        nemenyi_p=nemenyi_p(average, blocks),
        groups=groups(average, difference),
    )


def friedman(scores: np.ndarray) -> tuple[float, float]:
    """Return Friedman's statistic (chi-squared, corrected for ties) and its p-value of scores `(blocks, solvers)`.

    NaN for fewer than three solvers or two blocks. Where all solvers tie in every block, the statistic is 0.
    """
    blocks, solvers = scores.shape
    if solvers < 3 or blocks < 2:
        return math.nan, math.nan
    if (scores == scores[:, :1]).all():
        return 0.0, 1.0
    found = friedmanchisquare(*scores.T)
    return float(found.statistic), float(found.pvalue)


def critical_difference(solvers: int, blocks: int, *, alpha: float = 0.05) -> float:
    """Return the difference of average ranks from which on two solvers differ (Demšar 2006, section 3.2.2).

    `q sqrt(k (k + 1) / (6 N))`, q being the quantile of the studentized range over sqrt(2); NaN for a single solver.
    """
    if solvers < 2:
        return math.nan
    q = float(studentized_range.ppf(1.0 - alpha, solvers, np.inf)) / math.sqrt(2.0)
    return q * math.sqrt(solvers * (solvers + 1) / (6.0 * blocks))


def nemenyi_p(average: np.ndarray, blocks: int) -> np.ndarray:
    """Return Nemenyi's p-value of each pair of solvers `(solvers, solvers)` from average ranks `(solvers,)`."""
    solvers = len(average)
    if solvers < 2:
        return np.ones((solvers, solvers))
    gaps = np.abs(average[:, None] - average) / math.sqrt(solvers * (solvers + 1) / (6.0 * blocks))
    p = np.ones_like(gaps)
    upper = np.triu_indices(solvers, 1)
    p[upper] = studentized_range.sf(gaps[upper] * math.sqrt(2.0), solvers, np.inf)
    return np.minimum(p, p.T)


def groups(average: np.ndarray, difference: float) -> tuple[tuple[int, ...], ...]:
    """Return the largest groups of solvers within a critical difference, best first: the bars of a diagram.

    Args:
        average: `(solvers,)` average ranks.
        difference: The critical difference.

    Returns:
        For each group of at least two the solvers' numbers, by rank.
    """
    order = np.argsort(average, kind="stable")
    found: list[tuple[int, ...]] = []
    end = 0
    for start in range(len(order)):
        last = start
        while last + 1 < len(order) and average[order[last + 1]] - average[order[start]] < difference:
            last += 1
        if last > start and last + 1 > end:  # not inside the one before
            found.append(tuple(int(each) for each in order[start : last + 1]))
            end = last + 1
    return tuple(found)
