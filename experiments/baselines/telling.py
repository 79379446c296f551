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
        different: Pairs whose regrets differ: Mann-Whitney's test, false discovery rate controlled over the pairs.
        middle: Median over solvers of their median regret, %; NaN where no solver has two runs.
        worst: The largest median regret, %.
    """

    task: str
    solvers: int
    solved: int
    pairs: int
    different: int
    middle: float
    worst: float

    @property
    def tells(self) -> bool:
        """Whether the task is one for comparing solvers, rather than for teaching."""
        return self.pairs > 0 and self.different >= TELLS * self.pairs and self.solved <= TELLS * self.solvers


def telling(rows: Sequence[Row]) -> Telling:
    """Return how well one task tells solvers apart, from the rows of its runs; runs that failed have infinite regrets."""
    by_solver = regrets(rows)
    scores = {name: np.array(values) for name, values in by_solver.items() if len(values) > 1}
    medians = [upper_median(values) for values in scores.values()]
    p = [unpaired_p(first, second) for first, second in itertools.combinations(scores.values(), 2)]
    different = int((false_discovery_control(p) <= FALSE_DISCOVERIES).sum()) if p else 0
    return Telling(
        task=rows[0].task,
        solvers=len(scores),
        solved=sum(median <= AT_THE_OPTIMUM_PCT for median in medians),
        pairs=len(p),
        different=different,
        middle=upper_median(medians) if medians else math.nan,
        worst=max(medians, default=math.nan),
    )


def regrets(rows: Sequence[Row]) -> Mapping[str, list[float]]:
    """Return the regret of each run, %, by solver; infinite for a run that found nothing."""
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(row.solver, []).append(row.regret_pct)
    return found


def upper_median(values: Sequence[float] | np.ndarray) -> float:
    """Return the upper median, so that it is the regret of a run."""
    return float(np.quantile(np.asarray(values, float), 0.5, method="higher"))
