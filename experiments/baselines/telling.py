"""Which tasks tell solvers apart."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import false_discovery_control

from experiments.baselines.store import Row
from solvers.comparison.statistics.pair_tests import unpaired_p

AT_THE_OPTIMUM_PCT = 0.1
"""A median regret of at most this share of the optimum (%) counts as solved."""

FALSE_DISCOVERIES = 0.05
"""Rate of false discoveries among the pairs that are called different (Benjamini and Hochberg 1995)."""

TELLS = 0.5
"""A task tells solvers apart where at least this share of their pairs differ, and at most this share of solvers solve it."""


@dataclass(frozen=True)
class Telling:
    """How well a task tells solvers apart.

    Attributes:
        task: The task.
        solvers: How many were compared; deterministic ones, with their one run, are not.
        solved: How many have a median regret of at most `AT_THE_OPTIMUM_PCT`.
        pairs: How many pairs there are.
        different: Pairs whose regrets differ: Mann-Whitney's test, false discovery rate controlled over the pairs. None where
            there are too few runs for the test to find a difference in half of the pairs.
        apart: Pairs of which every run of one is better than every run of the other; no test.
        middle: Median over solvers of their median regret, %; NaN where no solver has two runs.
        worst: The largest median regret, %.
    """

    task: str
    solvers: int
    solved: int
    pairs: int
    different: int | None
    apart: int
    middle: float
    worst: float

    @property
    def tells(self) -> bool | None:
        """Whether the task is one for comparing solvers, rather than for teaching; None where it cannot be tested."""
        if self.different is None:
            return None
        return self.different >= TELLS * self.pairs and self.solved <= TELLS * self.solvers


def telling(rows: Sequence[Row]) -> Telling:
    """Return how well one task tells solvers apart, from the rows of its runs; runs that failed have infinite regrets."""
    by_solver = regrets(rows)
    scores = {name: np.array(values) for name, values in by_solver.items() if len(values) > 1}
    medians = [upper_median(values) for values in scores.values()]
    pairs = list(itertools.combinations(scores.values(), 2))
    different = None
    if pairs and sum(_may_differ(first, second) for first, second in pairs) >= TELLS * len(pairs):
        p = [unpaired_p(first, second) for first, second in pairs]
        different = int((false_discovery_control(p) <= FALSE_DISCOVERIES).sum())
    return Telling(
        task=rows[0].task,
        solvers=len(scores),
        solved=sum(median <= AT_THE_OPTIMUM_PCT for median in medians),
        pairs=len(pairs),
        different=different,
        apart=sum(bool(first.max() < second.min() or second.max() < first.min()) for first, second in pairs),
        middle=upper_median(medians) if medians else math.nan,
        worst=max(medians, default=math.nan),
    )


def _may_differ(first: np.ndarray, second: np.ndarray) -> bool:
    """Return whether two solvers have enough runs for the test to find a difference: whether its least p is small enough."""
    return 2.0 / math.comb(len(first) + len(second), len(first)) <= FALSE_DISCOVERIES


def regrets(rows: Sequence[Row]) -> Mapping[str, list[float]]:
    """Return the regret of each run, %, by solver; infinite for a run that found nothing."""
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(row.solver, []).append(row.regret_pct)
    return found


def upper_median(values: Sequence[float] | np.ndarray) -> float:
    """Return the upper median, so that it is the regret of a run."""
    return float(np.quantile(np.asarray(values, float), 0.5, method="higher"))
