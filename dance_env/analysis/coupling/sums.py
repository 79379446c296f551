"""One pass over every network on every accelerator, and what is added up on the way."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from dance_env.analysis.exact import all_accuracies
from dance_env.problem import Problem
from dance_env.progress import Progress, reporter

_NETWORKS_AT_A_TIME = 16


@dataclass(frozen=True)
class FixedAccelerator:
    """The best single accelerator for a set of networks, against each network's own best.

    It runs the most of these networks within the limits; among equals it has the least mean excess.

    Attributes:
        index: Hardware index.
        runs: Share of the networks that it runs within the limits.
        excess_mean, excess_max: How much more those cost on it than on their own best accelerator (0.1: 10 % more).
    """

    index: int
    runs: float
    excess_mean: float
    excess_max: float


@dataclass(frozen=True, eq=False)
class Excess:
    """How many of a set of networks run within the limits, and sum and maximum of their excess, by accelerator (H,)."""

    count: np.ndarray
    total: np.ndarray
    most: np.ndarray

    @classmethod
    def of(cls, excess: np.ndarray, runs: np.ndarray) -> Excess:
        """Return the sums over excesses and feasibility (networks, H)."""
        inside = np.where(runs, excess, 0.0)
        return cls(runs.sum(axis=0), inside.sum(axis=0), inside.max(axis=0, initial=0.0))

    def __add__(self, other: Excess) -> Excess:
        return Excess(self.count + other.count, self.total + other.total, np.maximum(self.most, other.most))

    def best(self, networks: int) -> FixedAccelerator:
        """Return the best single accelerator."""
        mean = np.where(self.count == self.count.max(), self.total / np.maximum(self.count, 1), np.inf)
        index = int(mean.argmin())
        return FixedAccelerator(index, int(self.count[index]) / networks, float(mean[index]), float(self.most[index]))


@dataclass(frozen=True, eq=False)
class Sums:
    """What is added up over the networks, for each accelerator (H,), and over all designs."""

    all: Excess
    front: Excess
    best_objective: np.ndarray
    best_network: np.ndarray
    log_column: np.ndarray
    log_rows: np.ndarray
    log_square: float

    def __add__(self, other: Sums) -> Sums:
        better = other.best_objective < self.best_objective
        return Sums(
            all=self.all + other.all,
            front=self.front + other.front,
            best_objective=np.where(better, other.best_objective, self.best_objective),
            best_network=np.where(better, other.best_network, self.best_network),
            log_column=self.log_column + other.log_column,
            log_rows=np.concatenate([self.log_rows, other.log_rows]),
            log_square=self.log_square + other.log_square,
        )

    def interaction(self) -> float:
        """Return the share of the variance of log cost that is left without the means of networks and accelerators.

        NaN where some layer cannot be mapped on some accelerator; 0 where all designs cost the same.
        """
        if not np.isfinite(self.log_square):
            return float("nan")
        rows, columns = self.log_rows, self.log_column / len(self.log_rows)
        total = self.log_square / (len(rows) * len(columns)) - rows.mean() ** 2
        return max(0.0, float(1.0 - (rows.var() + columns.var()) / total)) if total > 0 else 0.0


def sum_over_networks(
    problem: Problem,
    networks: np.ndarray,
    cost: np.ndarray,
    on_front: np.ndarray,
    feasible: np.ndarray,
    progress: Progress | bool | None,
) -> Sums:
    """Add up over networks (networks, N), each with its own least `cost`, whether it is `on_front` and `feasible`."""
    accuracies = all_accuracies(problem, networks)  # from this thread: only costs are looked up in the pool
    starts = range(0, len(networks), _NETWORKS_AT_A_TIME)

    def part(start: int) -> Sums:
        rows = slice(start, start + _NETWORKS_AT_A_TIME)
        evaluation = problem.evaluate_networks(networks[rows], accuracies=accuracies[rows])
        value = np.asarray(problem.objective.cost_function(evaluation.cost))
        runs = evaluation.feasible & feasible[rows, None]
        with np.errstate(invalid="ignore"):  # infinite over infinite, where a network has no mapping anywhere
            excess = value / cost[rows, None] - 1.0
        objective = np.where(runs, evaluation.objective, np.inf)
        log_cost = np.log(value)
        return Sums(
            all=Excess.of(excess, runs),
            front=Excess.of(excess[on_front[rows]], runs[on_front[rows]]),
            best_objective=objective.min(axis=0),
            best_network=start + objective.argmin(axis=0),
            log_column=log_cost.sum(axis=0),
            log_rows=log_cost.mean(axis=1),
            log_square=float((log_cost**2).sum()),
        )

    threads = ThreadPoolExecutor(max_workers=os.cpu_count() or 1)
    with reporter(progress, "Networks against accelerators") as report, threads as pool:
        results = pool.map(part, starts)
        total = next(results)
        for done, sums in enumerate(results, start=2):
            total = total + sums
            report(min(done * _NETWORKS_AT_A_TIME, len(networks)), len(networks))
    return total
