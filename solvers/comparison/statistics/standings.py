"""How solvers compare by the regret of their runs, on one task or on several."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from solvers.comparison.statistics.aggregate import bootstrap_interval, interquartile_mean_interval
from solvers.comparison.statistics.model import Interval, Pair, Ranks, Standings, StatisticsSettings
from solvers.comparison.statistics.pair_tests import (
    holm,
    median_difference,
    paired_p,
    score_differences,
    unpaired_p,
)
from solvers.comparison.statistics.profiles import score_distribution
from solvers.comparison.statistics.ranks import rank_solvers
from solvers.comparison.statistics.scores import PERCENT, POINTS, Scores
from solvers.comparison.statistics.superiority import probability_interval

SIGNED_RANK, RANK_SUM, NO_TEST = "Wilcoxon signed-rank", "Mann-Whitney U", "none"


def standings_of(scores: Sequence[Scores], solvers: Sequence[str], settings: StatisticsSettings) -> Standings:
    """Return how solvers compare.

    Args:
        scores: Of each task.
        solvers: Labels; each has runs on every task.
        settings: Levels, resamples, and what a block is.
    """
    seeds = {each.task: each.common_seeds(solvers) for each in scores}
    solvers = _ordered(scores, solvers, settings)
    values = {solver: [each.of(solver) for each in scores] for solver in solvers}
    improvement = np.full((3, len(solvers), len(solvers)), 0.5)
    for one, two in combinations(range(len(solvers)), 2):
        found = _improvement(values[solvers[one]], values[solvers[two]], settings)
        improvement[:, one, two] = found.value, found.low, found.high
        improvement[:, two, one] = 1.0 - found.value, 1.0 - found.high, 1.0 - found.low
    thresholds = _thresholds([np.concatenate(each) for each in values.values()], settings.points)
    units = {each.unit for each in scores}
    return Standings(
        tasks=tuple(each.task for each in scores),
        solvers=tuple(solvers),
        unit=PERCENT if units == {PERCENT} else POINTS if units == {POINTS} else f"{PERCENT} or {POINTS}",
        seeds=seeds,
        runs=np.array([sum(map(len, values[solver])) for solver in solvers]),
        failed=np.array([sum(each.failed(solver) for each in scores) for solver in solvers]),
        median=tuple(_median(values[solver], settings) for solver in solvers),
        interquartile_mean=tuple(
            interquartile_mean_interval(
                values[solver], confidence=settings.confidence, resamples=settings.resamples, seed=settings.seed
            )
            for solver in solvers
        ),
        improvement=improvement[0],
        improvement_low=improvement[1],
        improvement_high=improvement[2],
        ranks=_ranks(scores, solvers, settings),
        pairs=_pairs(scores, solvers),
        thresholds=thresholds,
        distribution=np.array([score_distribution(values[solver], thresholds) for solver in solvers]),
    )


def _ordered(scores: Sequence[Scores], solvers: Sequence[str], settings: StatisticsSettings) -> list[str]:
    """The solvers by average rank, else by median; equal ones in the order given."""
    ranks = _ranks(scores, solvers, settings)
    keys = [_upper_median(np.concatenate([each.of(solver) for each in scores])[None])[0] for solver in solvers]
    first = np.zeros(len(solvers)) if ranks is None else ranks.average
    return [solvers[number] for number in np.lexsort((keys, first))]


def _ranks(scores: Sequence[Scores], solvers: Sequence[str], settings: StatisticsSettings) -> Ranks | None:
    if len(scores) >= settings.least_tasks:
        blocks = np.array([[_upper_median(each.of(solver)[None])[0] for solver in solvers] for each in scores])
        return rank_solvers(blocks, block="task", alpha=settings.alpha)
    parts = []
    for each in scores:
        seeds = each.common_seeds(solvers)
        if set(solvers) <= each.deterministic:
            seeds = seeds[:1]
        parts.append(np.array([each.of(solver, seeds) for solver in solvers]).T.reshape(len(seeds), len(solvers)))
    blocks = np.concatenate(parts)
    if not len(blocks):
        return None
    return rank_solvers(blocks, block="seed" if len(scores) == 1 else "task and seed", alpha=settings.alpha)


def _pairs(scores: Sequence[Scores], solvers: Sequence[str]) -> tuple[Pair, ...]:
    pairs = [_pair(scores, first, second) for first, second in combinations(solvers, 2)]
    tested = np.array([pair.p for pair in pairs], np.float64)
    corrected = np.full(len(pairs), np.nan)
    known = ~np.isnan(tested)
    corrected[known] = holm(tested[known])
    return tuple(Pair(**{**vars(pair), "p_holm": float(p)}) for pair, p in zip(pairs, corrected, strict=True))


def _pair(scores: Sequence[Scores], first: str, second: str) -> Pair:
    """Two solvers, not yet corrected."""
    parts = []
    for each in scores:
        seeds = each.common_seeds([first, second])
        if {first, second} <= each.deterministic:
            seeds = seeds[:1]  # one run each: seeds are no sample
        parts.append((each.of(first, seeds), each.of(second, seeds)))
    one, two = (np.concatenate(each) for each in zip(*parts, strict=True))
    if len(one) >= 2:
        return Pair(first, second, SIGNED_RANK, len(one), median_difference(one, two), paired_p(one, two), np.nan)
    if len(scores) == 1 and not {first, second} <= scores[0].deterministic:
        one, two = scores[0].of(first), scores[0].of(second)
        if min(len(one), len(two)) >= 2:
            difference = float(score_differences(_upper_median(one[None]), _upper_median(two[None]))[0])
            return Pair(first, second, RANK_SUM, len(one) + len(two), difference, unpaired_p(one, two), np.nan)
    return Pair(first, second, NO_TEST, len(one), median_difference(one, two), np.nan, np.nan)


def _improvement(first: Sequence[np.ndarray], second: Sequence[np.ndarray], settings: StatisticsSettings) -> Interval:
    return probability_interval(
        first, second, confidence=settings.confidence, resamples=settings.resamples, seed=settings.seed
    )


def _median(values: Sequence[np.ndarray], settings: StatisticsSettings) -> Interval:
    return bootstrap_interval(
        values,
        lambda drawn: _upper_median(np.concatenate(drawn, axis=1)),
        value=float(_upper_median(np.concatenate(values)[None])[0]),
        confidence=settings.confidence,
        resamples=settings.resamples,
        seed=settings.seed,
    )


def _upper_median(values: np.ndarray) -> np.ndarray:
    """The upper median of each row `(rows, values)`: finite only where more than half of the values are."""
    return np.quantile(values, 0.5, axis=1, method="higher")


def _thresholds(values: Sequence[np.ndarray], points: int) -> np.ndarray:
    """Regrets to read a distribution at: 0, and from the least positive one to the greatest."""
    pooled = np.concatenate(values)
    positive = pooled[np.isfinite(pooled) & (pooled > 0)]
    if not len(positive):
        return np.zeros(1)
    return np.concatenate(([0.0], np.unique(np.geomspace(positive.min(), positive.max(), points - 1))))
