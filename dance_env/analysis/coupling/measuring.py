"""The measure: every number of docs/tasks.md's tables."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from dance_env.analysis.coupling.sums import FixedAccelerator, sum_over_networks
from dance_env.analysis.exact import best_designs, non_dominated, optimum
from dance_env.problem import Evaluation, Problem
from dance_env.progress import Progress

_MACS_WEIGHTS = np.concatenate([[0.0], np.geomspace(1e-10, 1e-4, 601)])  # percentage points per multiply-accumulate


@dataclass(frozen=True, eq=False)
class Coupling:
    """What `measure` found.

    A regret is an objective less the exact optimum's, in percentage points of error; infinite where that search ends
    in a design that violates a limit.

    Attributes:
        best: the exact optimum's design, (D,).
        evaluation: its evaluation, leaves (1,).
        networks, feasible_networks: Number of networks, and of those that meet the limits on some accelerator.
        best_accelerators: Number of different best accelerators, one per feasible network.
        best_networks: Number of different best networks, one per accelerator that can run any within the limits.
        front_designs, front_accelerators: designs, and distinct accelerators, on the exact front of error against cost.
        fixed: the best single accelerator for all feasible networks.
        fixed_front: the best single accelerator for the networks of the front.
        interaction: Share of the variance of log cost over all designs that neither the network nor the accelerator
            explains alone; 0 means the same ratio between any two accelerators for every network.
        accurate_first: regret of the most accurate network on its exact best accelerator.
        accurate_feasible_first: the same among the feasible networks (so the network search knows the limits).
        macs_first: regret of a network search with a penalty on multiply-accumulates, then the exact best accelerator,
            with the weight of the penalty that is best in hindsight.
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
        problem: With at least one feasible design, small enough for `dance_env.analysis.exact`.
        cache_dir: Of the exact optimum; None for the default.
        progress: True for a bar, or a function called with (networks done, networks in all).

    Raises:
        ValueError: If there are too many designs, or none meets the limits.
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
    sums = sum_over_networks(problem, networks, cost, np.isin(np.arange(len(cost)), front), own.feasible, progress)

    regret = np.where(own.feasible, own.objective, np.inf) - best.objective
    macs = problem.network_space.macs(networks)
    penalized = _found_with_macs_penalty(own.error_pct, macs)
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
        macs_first=float(regret[penalized].min()),
        macs_at_equal_error=float(regret[np.where(as_accurate, macs, np.inf).argmin()]),
        accelerator_first=float(sums.best_objective[fixed_front.index] - best.objective),
    )


def _found_with_macs_penalty(error_pct: np.ndarray, macs: np.ndarray) -> np.ndarray:
    """Return indices of the networks that minimize error + weight x MACs, for some weight >= 0."""
    return np.unique([int((error_pct + weight * macs).argmin()) for weight in _MACS_WEIGHTS])
