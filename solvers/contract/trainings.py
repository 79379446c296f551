"""What a run would have trained: the networks that it evaluated, and a supernet where it asked for gradients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dance_env.graph import CanonicalNetworks, canonical_networks
from dance_env.problem import Problem
from solvers.contract.record.trace import first_occurrences

_MOST_READ = 1 << 20
"""Networks up to which all of a table's training times are added."""


@dataclass(frozen=True, eq=False)
class Trainings:
    """The trainings of a run.

    Attributes:
        networks_at: (rows,) distinct networks trained when each row of the trace was known; once gradients were asked
            for, with the supernet's trainings.
        gpu_hours_at: (rows,) GPU-hours of these; NaN where the problem has no training times.
        gpu_hours: Of all networks, without the supernet; None where the problem has no training times.
    """

    networks_at: np.ndarray
    gpu_hours_at: np.ndarray
    gpu_hours: float | None


def trainings(
    problem: Problem,
    networks: np.ndarray,
    gradient_queries: np.ndarray,
    *,
    accuracies_read: bool = False,
    each: int = 1,
) -> Trainings:
    """Return what evaluating networks would have trained.

    A network is trained once, when it is first evaluated; designs that are the same network (`CanonicalNetworks`) count
    as one. The supernet is trained whole before the first gradient query.

    Args:
        problem: Says training times and the price of a supernet.
        networks: (rows, network choices) in the order of their evaluation.
        gradient_queries: (rows,) asked before each row was known.
        accuracies_read: Whether the accuracies were read as a table: all networks were trained then, before the first
            row. Where there are more than 2^20, their GPU-hours are not known.
        each: How often each network is trained.
    """
    counts = problem.space.option_counts[problem.space.network]
    supernet = gradient_queries > 0
    if accuracies_read:
        total = _whole_table(problem)
        number = float(different_networks(problem))
        trained, hours = np.full(len(networks), number), np.full(len(networks), np.nan if total is None else total)
    else:
        new = first_occurrences(canonical_networks(problem.network_space, networks), counts)
        prices = np.zeros(len(networks))
        if problem.is_timed and len(networks):
            prices[new] = each * problem.training_gpu_hours(networks[new])
        trained, hours = each * np.cumsum(new, dtype=np.float64), np.cumsum(prices)
        total = (float(hours[-1]) if len(hours) else 0.0) if problem.is_timed else None
    trained = trained + supernet * problem.supernet_trainings
    if problem.supernet_gpu_hours is None:
        return Trainings(trained, np.full(len(networks), np.nan), None)
    return Trainings(trained, hours + supernet * problem.supernet_gpu_hours, total)


def final_training(problem: Problem, network: np.ndarray | None) -> float | None:
    """Return the GPU-hours of training the reported network (network choices,): 0 where there is none.

    None where the problem has no training times.
    """
    if not problem.is_timed:
        return None
    return 0.0 if network is None else float(problem.training_gpu_hours(network[None])[0])


def different_networks(problem: Problem) -> int:
    """Return how many different networks a problem has."""
    space = problem.network_space
    return space.different_networks if isinstance(space, CanonicalNetworks) else space.size


def _whole_table(problem: Problem) -> float | None:
    """GPU-hours of all networks."""
    counts = problem.space.option_counts[problem.space.network]
    number = int(np.prod(counts, dtype=object))
    if not problem.is_timed or number > _MOST_READ:
        return None
    networks = np.stack(np.unravel_index(np.arange(number), tuple(counts.tolist())), axis=1)
    first = first_occurrences(canonical_networks(problem.network_space, networks), counts)
    return float(problem.training_gpu_hours(networks[first]).sum())
