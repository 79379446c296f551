"""How much network and accelerator depend on each other in a problem: what makes it a co-design problem.

If one accelerator were best for every network, or the most accurate network were part of the best design, the halves
could be searched one after the other, and a benchmark of co-design would measure nothing. `measure` looks at every
design and says how far a problem is from that; `python -m dance_env.coupling --task NAME` prints it.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from dance_env.exact import best_designs, non_dominated, optimum
from dance_env.problem import Evaluation, Problem
from dance_env.progress import Progress, reporter

_NETWORKS_AT_A_TIME = 16
_MACS_WEIGHTS = np.concatenate([[0.0], np.geomspace(1e-10, 1e-4, 601)])  # percentage points per multiply-accumulate


@dataclass(frozen=True)
class FixedAccelerator:
    """The best single accelerator for a set of networks, against each network's own best.

    It is one that runs the most of these networks within the limits, and of such the one with the least mean excess.

    Attributes:
        index: hardware index.
        runs: share of the networks that it runs within the limits.
        excess_mean, excess_max: how much more those cost on it than on their own best accelerator (0.1: 10 % more).
    """

    index: int
    runs: float
    excess_mean: float
    excess_max: float


@dataclass(frozen=True, eq=False)
class Coupling:
    """What `measure` found.

    A regret is an objective less the exact optimum's, in percentage points of error; infinite where that search ends
    in a design that violates a limit.

    Attributes:
        best: the exact optimum's design, (D,).
        evaluation: its evaluation, leaves (1,).
        networks, feasible_networks: how many there are, and how many have an accelerator on which they meet the limits.
        best_accelerators: distinct best accelerators over the feasible networks.
        best_networks: distinct best networks over the accelerators that run any network feasibly.
        front_designs, front_accelerators: designs, and distinct accelerators, on the exact front of error against cost.
        fixed: the best single accelerator for all feasible networks.
        fixed_front: the best single accelerator for the networks of the front.
        interaction: share of the variance of log cost over all designs that is neither the network's nor the
            accelerator's alone; 0 would mean the same ratio between any two accelerators for every network.
        accurate_first: regret of the most accurate network on its exact best accelerator.
        accurate_feasible_first: the same among the feasible networks (so the network search knows the limits).
        macs_first: regret of a network search with a penalty on multiply-accumulates, then the exact best accelerator,
            with the best weight of the penalty, which only hindsight tells.
        macs_at_equal_error: regret of the network with the fewest multiply-accumulates among those at least as accurate
            as the optimum's, on its exact best accelerator.
        accelerator_first: regret of the best network on the accelerator `fixed_front`.
    """

    best: np.ndarray
    evaluation: Evaluation
    networks: int
    feasible_networks: int
    best_accelerators: int
    best_networks: int
    front_designs: int
    front_accelerators: int
    fixed: FixedAccelerator
    fixed_front: FixedAccelerator
    interaction: float
    accurate_first: float
    accurate_feasible_first: float
    macs_first: float
    macs_at_equal_error: float
    accelerator_first: float


def measure(
    problem: Problem,
    *,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: Progress | bool | None = None,
) -> Coupling:
    """Measure a problem, exactly, by looking at every design twice.

    Args:
        problem: with at least one feasible design, small enough for `dance_env.exact`.
        cache_dir: of the exact optimum; None for the default.
        progress: True for a bar, or a function called with (networks done, networks in all).

    Raises:
        ValueError: too many designs, or none that meets the limits.
    """
    best = optimum(problem, cache_dir=cache_dir, progress=progress)
    if not best.feasible:
        raise ValueError(
            f"problem {problem.name!r} has no design that meets its limits; there is no coupling to measure"
        )
    designs = best_designs(problem, cache_dir=cache_dir)
    own = problem.evaluate(designs)
    cost = problem.objective.cost_function(own.cost)
    networks = designs[:, problem.space.network]
    hardware = problem.accelerator_space.index(designs[:, problem.space.hardware])
    front = non_dominated(own.error_pct, np.where(own.feasible, cost, np.inf))
    sums = _sum_over_networks(problem, networks, cost, np.isin(np.arange(len(cost)), front), own.feasible, progress)

    regret = np.where(own.feasible, own.objective, np.inf) - best.objective
    macs = problem.network_space.macs(networks)
    penalised = _found_with_macs_penalty(own.error_pct, macs)
    as_accurate = own.error_pct <= best.evaluation.error_pct
    fixed_front = sums.front.best(len(front))
    return Coupling(
        best=best.design,
        evaluation=best.evaluation,
        networks=len(networks),
        feasible_networks=int(own.feasible.sum()),
        best_accelerators=len(np.unique(hardware[own.feasible])),
        best_networks=len(np.unique(sums.best_network[np.isfinite(sums.best_objective)])),
        front_designs=len(front),
        front_accelerators=len(np.unique(hardware[front])),
        fixed=sums.all.best(int(own.feasible.sum())),
        fixed_front=fixed_front,
        interaction=sums.interaction(),
        accurate_first=float(regret[own.error_pct.argmin()]),
        accurate_feasible_first=float(regret[np.where(own.feasible, own.error_pct, np.inf).argmin()]),
        macs_first=float(regret[penalised].min()),
        macs_at_equal_error=float(regret[np.where(as_accurate, macs, np.inf).argmin()]),
        accelerator_first=float(sums.best_objective[fixed_front.index] - best.objective),
    )


def _found_with_macs_penalty(error_pct: np.ndarray, macs: np.ndarray) -> np.ndarray:
    """Indices of the networks that minimise error + weight x MACs, for some weight >= 0."""
    return np.unique([int((error_pct + weight * macs).argmin()) for weight in _MACS_WEIGHTS])


@dataclass(frozen=True, eq=False)
class _Excess:
    """Of a set of networks: how many run within the limits, sum and maximum of their excess; by accelerator (H,)."""

    count: np.ndarray
    total: np.ndarray
    most: np.ndarray

    @classmethod
    def of(cls, excess: np.ndarray, runs: np.ndarray) -> _Excess:
        """From excesses and feasibility (networks, H)."""
        inside = np.where(runs, excess, 0.0)
        return cls(runs.sum(axis=0), inside.sum(axis=0), inside.max(axis=0, initial=0.0))

    def __add__(self, other: _Excess) -> _Excess:
        return _Excess(self.count + other.count, self.total + other.total, np.maximum(self.most, other.most))

    def best(self, networks: int) -> FixedAccelerator:
        """The best single accelerator."""
        mean = np.where(self.count == self.count.max(), self.total / np.maximum(self.count, 1), np.inf)
        index = int(mean.argmin())
        return FixedAccelerator(index, int(self.count[index]) / networks, float(mean[index]), float(self.most[index]))


@dataclass(frozen=True, eq=False)
class _Sums:
    """What is added up over the networks, for each accelerator (H,), and over all designs."""

    all: _Excess
    front: _Excess
    best_objective: np.ndarray
    best_network: np.ndarray
    log_column: np.ndarray
    log_rows: np.ndarray
    log_square: float

    def __add__(self, other: _Sums) -> _Sums:
        better = other.best_objective < self.best_objective
        return _Sums(
            all=self.all + other.all,
            front=self.front + other.front,
            best_objective=np.where(better, other.best_objective, self.best_objective),
            best_network=np.where(better, other.best_network, self.best_network),
            log_column=self.log_column + other.log_column,
            log_rows=np.concatenate([self.log_rows, other.log_rows]),
            log_square=self.log_square + other.log_square,
        )

    def interaction(self) -> float:
        """Share of the variance of log cost left when the means of networks and of accelerators are taken out.

        NaN where some layer cannot be mapped on some accelerator.
        """
        if not np.isfinite(self.log_square):
            return float("nan")
        rows, columns = self.log_rows, self.log_column / len(self.log_rows)
        total = self.log_square / (len(rows) * len(columns)) - rows.mean() ** 2
        return float(1.0 - (rows.var() + columns.var()) / total)


def _sum_over_networks(
    problem: Problem,
    networks: np.ndarray,
    cost: np.ndarray,
    on_front: np.ndarray,
    feasible: np.ndarray,
    progress: Progress | bool | None,
) -> _Sums:
    starts = range(0, len(networks), _NETWORKS_AT_A_TIME)

    def part(start: int) -> _Sums:
        rows = slice(start, start + _NETWORKS_AT_A_TIME)
        evaluation = problem.evaluate_networks(networks[rows])
        value = np.asarray(problem.objective.cost_function(evaluation.cost))
        runs = evaluation.feasible & feasible[rows, None]
        with np.errstate(invalid="ignore"):  # infinite over infinite, where a network has no mapping anywhere
            excess = value / cost[rows, None] - 1.0
        objective = np.where(runs, evaluation.objective, np.inf)
        log_cost = np.log(value)
        return _Sums(
            all=_Excess.of(excess, runs),
            front=_Excess.of(excess[on_front[rows]], runs[on_front[rows]]),
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


def main(argv: Sequence[str] | None = None) -> int:
    """The command line: measures tasks and prints the table of docs/tasks.md; returns the exit status."""
    from rich.console import Console

    from dance_env.coupling_table import table
    from dance_env.tasks import make_problem, task_names

    parser = argparse.ArgumentParser(
        prog="dance coupling", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--task", action="append", metavar="NAME", help="may be repeated; default: every task")
    parser.add_argument("--accuracy-table", metavar="FILE", help="NAS-Bench-Macro's JSON instead of the surrogate")
    parser.add_argument("--cache-dir", metavar="FOLDER", help="of cost tables and exact optima")
    options = parser.parse_args(argv)
    measured: dict[str, tuple[Problem, Coupling]] = {}
    for name in options.task or task_names():
        problem = make_problem(name, accuracy_table=options.accuracy_table, cache_dir=options.cache_dir, progress=True)
        measured[name] = problem, measure(problem, cache_dir=options.cache_dir, progress=True)
    Console(width=10_000, soft_wrap=True).print(table(measured), markup=False, highlight=False)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
