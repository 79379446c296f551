"""The exact optimum and the exact Pareto front of a problem that is small enough to look at every design.

Given the network, its accuracy is settled, and what is left is to find its cheapest accelerator: one pass over all
networks x accelerators finds that for every network. Optimum and front are then those of a few thousand designs.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from dance_env.cache import ArrayCache, content_key
from dance_env.problem import Evaluation, Problem
from dance_env.progress import Progress, reporter
from dance_env.source_digest import code_digest
from dance_env.space import DesignSpace

COST = "cost"
"""The front's default metric: the value of the objective's own cost function."""

MAX_DESIGNS = 2_000_000_000
"""More designs than this are refused: at some 30 million designs a second the pass would take over a minute."""

_NETWORKS_ASKED_AT_A_TIME = 4096
_NETWORKS_AT_A_TIME = 16  # 16 x 13,872 float64 are 1.8 MB: a handful of them stay in the processor's cache


@dataclass(frozen=True, eq=False)
class Optimum:
    """The best design of a problem: by its objective (`optimum`), or by one metric (`least`).

    Attributes:
        design: (D,) int64.
        evaluation: Its evaluation, leaves (1,), from `Problem.evaluate`.
        designs_compared: How many designs it is the best of.
        pass_seconds: Seconds that the pass over all of them took when it was made (an earlier call's, where cached).
    """

    design: np.ndarray
    evaluation: Evaluation
    designs_compared: int
    pass_seconds: float

    @property
    def objective(self) -> float:
        """Return the design's objective; from `optimum`, the least that any feasible design has."""
        return float(self.evaluation.objective[0])

    @property
    def feasible(self) -> bool:
        """Return whether the design meets the limits; if not, no design does, and it violates them least."""
        return bool(self.evaluation.feasible[0])


@dataclass(frozen=True, eq=False)
class ParetoFront:
    """The feasible designs that no other design beats in both error and cost, from cheap to accurate.

    Attributes:
        designs: (F, D) int64.
        evaluation: Their evaluation, leaves (F,).
        cost: (F,) the metric, rising.
        error_pct: (F,) percentage points, falling.
    """

    designs: np.ndarray
    evaluation: Evaluation
    cost: np.ndarray
    error_pct: np.ndarray

    def __len__(self) -> int:
        return len(self.designs)


def optimum(
    problem: Problem, *, cache_dir: str | os.PathLike[str] | None = None, progress: Progress | bool | None = None
) -> Optimum:
    """Return the feasible design with the least objective; where none is feasible, the one that violates least.

    Args:
        problem: Of at most `MAX_DESIGNS` designs.
        cache_dir: Folder of the cache; None for the default (see `dance_env.cache`).
        progress: True for a progress bar, or a function called with (networks done, networks in all).

    Returns:
        The optimum; among equals the one with the least cost, then the first in the space's order.

    Raises:
        ValueError: If there are too many designs.
    """
    designs, seconds = _best_designs(problem, COST, cache_dir, progress)
    evaluation = problem.evaluate(designs)
    best = int(np.lexsort((_metric(problem, COST)(evaluation.cost), evaluation.objective, evaluation.violation))[0])
    return Optimum(designs[best], evaluation[best : best + 1], problem.space.size, seconds)


def least(
    problem: Problem,
    metric: str,
    *,
    limits: Mapping[str, float] | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: Progress | bool | None = None,
) -> Optimum:
    """Return the design with the least of one metric under limits, whatever the objective weighs.

        least(problem, "energy_j", limits={"latency_s": 0.4e-3, "area_mm2": 2.0, "error_pct": 8.0})

    Args:
        problem: Of at most `MAX_DESIGNS` designs.
        metric: "error_pct", "cost" for the objective's cost function, or an attribute of `Cost`, such as "energy_j".
        limits: The largest value allowed, by metric (see `Constraint`), in place of the problem's limits; None keeps
            those.
        cache_dir, progress: As for `optimum`.

    Returns:
        The design, `feasible` if it meets the limits; where none does, the one that violates them least. Among equals
        the one with the least error (for "error_pct": the least cost), then the first in the space's order.

    Raises:
        ValueError: If there are too many designs, or a metric or limit is unknown.
    """
    if limits is not None:
        problem = problem.limited(limits)
    by_error = metric == "error_pct"
    found_by = COST if by_error else metric
    designs, seconds = _best_designs(problem, found_by, cache_dir, progress)
    evaluation = problem.evaluate(designs)
    cost = _metric(problem, found_by)(evaluation.cost)
    order = (cost, evaluation.error_pct) if by_error else (evaluation.error_pct, cost)
    best = int(np.lexsort((*order, evaluation.violation))[0])
    return Optimum(designs[best], evaluation[best : best + 1], problem.space.size, seconds)


def pareto_front(
    problem: Problem,
    *,
    metric: str = COST,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: Progress | bool | None = None,
) -> ParetoFront:
    """Return the exact front of error against a cost, over the feasible designs.

    Args:
        problem: Of at most `MAX_DESIGNS` designs.
        metric: "cost" for the objective's cost function, or an attribute of `Cost`, such as "edap_js_mm2".
        cache_dir, progress: As for `optimum`.

    Raises:
        ValueError: If there are too many designs, or the metric is unknown.
    """
    designs = best_designs(problem, metric=metric, cache_dir=cache_dir, progress=progress)
    evaluation = problem.evaluate(designs)
    cost = _metric(problem, metric)(evaluation.cost)
    on_front = non_dominated(evaluation.error_pct, np.where(evaluation.feasible, cost, np.inf))
    chosen = evaluation[on_front]
    return ParetoFront(designs[on_front], chosen, cost[on_front], chosen.error_pct)


def best_designs(
    problem: Problem,
    *,
    metric: str = COST,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: Progress | bool | None = None,
) -> np.ndarray:
    """Return every network of the problem on its cheapest accelerator.

    "Cheapest" is the least metric among the accelerators that meet the limits; where none does, among those that
    violate them least; the lowest hardware index among equals.

    Returns:
        Designs (networks, D) in the order of the networks' ranks.

    Raises:
        ValueError: If there are too many designs, or the metric is unknown.
    """
    return _best_designs(problem, metric, cache_dir, progress)[0]


def _best_designs(
    problem: Problem,
    metric: str,
    cache_dir: str | os.PathLike[str] | None,
    progress: Progress | bool | None,
) -> tuple[np.ndarray, float]:
    """Return `best_designs`, and the seconds that the pass took when it was made."""
    value = _metric(problem, metric)
    if problem.space.size > MAX_DESIGNS:
        raise ValueError(
            f"problem {problem.name!r} has {problem.space.size:,} designs; looking at every one is "
            f"practical up to {MAX_DESIGNS:,}. Use a smaller network or accelerator space, or a solver that samples."
        )
    networks = _all_networks(problem)
    cache, key = ArrayCache.open(cache_dir), _cache_key(problem, metric)
    stored = cache.load(key) if key is not None else None
    if stored is None or not _is_pass(stored, len(networks), problem.accelerator_space.size):
        start = time.perf_counter()
        hardware = cheapest_hardware(problem, networks, value, progress)
        stored = np.concatenate([[time.perf_counter() - start], hardware])
        if key is not None:
            cache.store(key, stored)
    return problem.design(networks, stored[1:].astype(np.int64)), float(stored[0])


def _cache_key(problem: Problem, metric: str) -> str | None:
    """Return the key of a pass: the problem, and the code of this module and of the problem's parts.

    None where the problem has no fingerprint, or a part's code is not in a file; the pass is then not cached.
    """
    parts = (problem.objective.cost_function, problem.accuracy)
    fingerprint, code = problem.fingerprint(), code_digest(_best_designs, *parts)
    return (
        None if fingerprint is None or code is None else content_key("least-cost hardware", code, fingerprint, metric)
    )


def non_dominated(error: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Return indices of the points (n,) that no other beats in both, cost rising; of equal points the first, inf never."""
    order = np.lexsort((error, cost))
    least_before = np.concatenate([[np.inf], np.minimum.accumulate(error[order])[:-1]])
    return order[(error[order] < least_before) & np.isfinite(cost[order])]


def cheapest_hardware(
    problem: Problem, networks: np.ndarray, value: Callable[[Any], np.ndarray], progress: Progress | bool | None
) -> np.ndarray:
    """Return the accelerator of each network (networks, N) with the least `value` of its cost, by hardware index.

    It is the least among the accelerators that meet the limits; where none does, among those that violate them least;
    the lowest index among equals. It does not depend on the number of threads.

    Returns:
        (networks,) int64.
    """
    accuracies = all_accuracies(problem, networks)  # from this thread: only costs are looked up in the pool
    starts = range(0, len(networks), _NETWORKS_AT_A_TIME)

    def cheapest(start: int) -> np.ndarray:
        rows = slice(start, start + _NETWORKS_AT_A_TIME)
        evaluation = problem.evaluate_networks(networks[rows], accuracies=accuracies[rows])
        cost = value(evaluation.cost)
        allowed = evaluation.violation == evaluation.violation.min(axis=1, keepdims=True)
        best = np.where(allowed, cost, np.inf).argmin(axis=1)
        # Where everything allowed is infinite (nothing can be mapped), argmin may land outside: the first allowed then.
        return np.where(allowed[np.arange(len(best)), best], best, allowed.argmax(axis=1))

    found: list[np.ndarray] = []
    threads = ThreadPoolExecutor(max_workers=os.cpu_count() or 1)
    with reporter(progress, "Every network on every accelerator") as report, threads as pool:
        for part in pool.map(cheapest, starts):
            found.append(part)
            report(min(len(found) * _NETWORKS_AT_A_TIME, len(networks)), len(networks))
    return np.concatenate(found).astype(np.int64)


def all_accuracies(problem: Problem, networks: np.ndarray) -> np.ndarray:
    """Return the accuracies (B,) of many networks (B, N), asked in batches of a bounded size, from this thread."""
    starts = range(0, len(networks), _NETWORKS_ASKED_AT_A_TIME)
    return np.concatenate([problem.accuracies(networks[i : i + _NETWORKS_ASKED_AT_A_TIME]) for i in starts])


def _all_networks(problem: Problem) -> np.ndarray:
    space = DesignSpace(problem.network_space.choices())
    return space.unrank(np.arange(space.size))


def _is_pass(stored: np.ndarray, count: int, size: int) -> bool:
    if stored.shape != (count + 1,) or not stored[0] >= 0:
        return False
    hardware = stored[1:]
    return bool(((hardware >= 0) & (hardware < size) & (hardware == np.floor(hardware))).all())


def _metric(problem: Problem, metric: str) -> Callable[[Any], np.ndarray]:
    if metric == COST:
        return problem.objective.cost_function
    known = ("latency_s", "energy_j", "area_mm2", "edp_js", "edap_js_mm2")
    if metric not in known:
        raise ValueError(f"metric must be {COST!r} or one of {', '.join(known)}; got {metric!r}")
    return lambda cost: np.asarray(getattr(cost, metric))
