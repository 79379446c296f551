"""What can be told apart from noise: paired errors, EDAP ratios at equal error, rank correlations, with intervals.

Two kinds of noise: another test set (10,000 images) and another seed of search and training. The same images test all
networks, so that errors are compared image by image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from experiments.images_cifar10.plan import JOINT

Rows = Sequence[dict[str, Any]]
RESAMPLES = 2_000


@dataclass(frozen=True)
class Interval:
    """A mean, and its 95 % interval; NaN ends where there is too little to tell."""

    mean: float
    low: float
    high: float

    @property
    def text(self) -> str:
        """Such as `1.20 (0.31 to 2.09)`."""
        return f"{self.mean:.2f} ({self.low:.2f} to {self.high:.2f})" if np.isfinite(self.low) else f"{self.mean:.2f}"


def over_seeds(values: Sequence[float]) -> Interval:
    """Return the mean over seeds and Student's interval; without ends for a single seed."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return Interval(mean, np.nan, np.nan)
    half = float(stats.t.ppf(0.975, len(values) - 1) * stats.sem(values))
    return Interval(mean, mean - half, mean + half)


@dataclass(frozen=True)
class McNemar:
    """Two networks on the same test images.

    Attributes:
        difference_pct: error of the first minus error of the second, percentage points.
        half_pct: half the width of its 95 % interval (the normal one of paired shares).
        p: two-sided, exact: whether images that one network alone gets wrong are as often the first's as the second's.
    """

    difference_pct: float
    half_pct: float
    p: float

    @classmethod
    def of(cls, first: dict[str, Any], second: dict[str, Any]) -> McNemar:
        """Compare two records."""
        count = first["test_images"]
        ours, theirs = set(first["wrong"]), set(second["wrong"])
        alone, other = len(ours - theirs), len(theirs - ours)
        variance = (alone + other - (alone - other) ** 2 / count) / count**2
        p = float(stats.binomtest(alone, alone + other).pvalue) if alone + other else 1.0
        return cls(100.0 * (alone - other) / count, 196.0 * float(np.sqrt(variance)), p)


def pairs(rows: Rows, joint: str, separate: str, lambda2: float) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return (joint, separate) records of each seed that has both; `none` has no lambda2."""
    found = []
    for seed in sorted({row["seed"] for row in rows}):
        mine = [row for row in rows if (row["seed"], row["term"], row["lambda2"]) == (seed, joint, lambda2)]
        price = 0.0 if separate == "none" else lambda2
        other = [row for row in rows if (row["seed"], row["term"], row["lambda2"]) == (seed, separate, price)]
        if mine and other:
            found.append((mine[0], other[0]))
    return found


@dataclass(frozen=True)
class Gain:
    """EDAP of separate designs over that of the cheapest joint design of the same seed that errs no more.

    Attributes:
        gains: one for each separate design; 0 where no joint design errs as little.
        interval: of their geometric mean, each 0 left out, over test sets and seeds that are drawn anew (bootstrap).
        unmatched: share of separate designs, over all draws, without a joint design that errs as little.
    """

    gains: tuple[float, ...]
    interval: Interval
    unmatched: float


def gain(rows: Rows, separate: str) -> Gain:
    """Compare the joint designs, of both terms and every lambda2, with the separate designs of one term."""
    seeds = sorted({row["seed"] for row in rows if row["term"] == separate})
    wrong = {id(row): _wrong(row) for row in rows}
    measured = _gains(rows, separate, seeds, {id(row): row["error_pct"] for row in rows})
    rng = np.random.default_rng(0)
    means, lacking = [], []
    for _ in range(RESAMPLES):
        images = rng.integers(rows[0]["test_images"], size=rows[0]["test_images"])
        errors = {key: 100.0 * float(each[images].mean()) for key, each in wrong.items()}
        drawn = _gains(rows, separate, rng.choice(seeds, len(seeds)), errors)
        lacking.append(float(np.mean(drawn == 0)))
        if (drawn > 0).any():
            means.append(float(np.exp(np.log(drawn[drawn > 0]).mean())))
    matched = measured[measured > 0]
    middle = float(np.exp(np.log(matched).mean())) if len(matched) else 0.0
    low, high = np.percentile(means, [2.5, 97.5]) if means else (np.nan, np.nan)
    return Gain(tuple(measured.tolist()), Interval(middle, float(low), float(high)), float(np.mean(lacking)))


def _wrong(row: dict[str, Any]) -> np.ndarray:
    wrong = np.zeros(row["test_images"], dtype=bool)
    wrong[row["wrong"]] = True
    return wrong


def _gains(rows: Rows, separate: str, seeds: Sequence[int] | np.ndarray, errors: dict[int, float]) -> np.ndarray:
    found = []
    for seed in seeds:
        joint = [row for row in rows if row["seed"] == seed and row["term"] in JOINT]
        for row in rows:
            if row["seed"] == seed and row["term"] == separate:
                able = [each["edap_js_mm2"] for each in joint if errors[id(each)] <= errors[id(row)]]
                found.append(row["edap_js_mm2"] / min(able) if able else 0.0)
    return np.array(found)


@dataclass(frozen=True)
class Ranking:
    """Kendall's tau between two rankings, its 95 % bootstrap interval over networks, and its p-value."""

    tau: float
    low: float
    high: float
    p: float


def ranking(one: np.ndarray, other: np.ndarray) -> Ranking:
    """Compare two rankings of the same networks."""
    rng = np.random.default_rng(0)
    draws = rng.integers(len(one), size=(RESAMPLES, len(one)))
    taus = [stats.kendalltau(one[draw], other[draw]).statistic for draw in draws]
    found = stats.kendalltau(one, other)
    low, high = np.nanpercentile(taus, [2.5, 97.5])
    return Ranking(float(found.statistic), float(low), float(high), float(found.pvalue))
