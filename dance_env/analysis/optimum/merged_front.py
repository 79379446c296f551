"""The Pareto front by the shorter of two ways: all networks compared, merged by what they cost, or lines (`prove_front`)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from dance_env.analysis.exact import non_dominated
from dance_env.analysis.optimum.checkpoint import Checkpoint
from dance_env.analysis.optimum.front import ProvedFront
from dance_env.analysis.optimum.front_search import FrontProgress, prove_front
from dance_env.analysis.optimum.merging import best_accelerators, most_accurate_networks
from dance_env.problem import Problem

_SAVED_EVERY_S = 2.0


def certified_front(
    problem: Problem,
    *,
    progress: Callable[[FrontProgress], None] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    workers: int | None = None,
) -> ProvedFront:
    """Return the front of error against the objective's cost function: exact where networks can be merged, else proved.

    Args:
        problem: As for `prove_front`. Where its networks fall into few sets that cost the same on every accelerator
            (`most_accurate_networks`), all sets are compared, and nothing is missing.
        progress: Called after each step.
        checkpoint: A file that an interrupted comparison of sets leaves, and where the next one goes on; it is removed at
            the end. `prove_front` leaves none.
        workers: Threads of `prove_front`; None for one per core, at most two.

    Raises:
        ValueError: If the problem does not fit, or no design meets its limits; or a checkpoint's problem has no fingerprint.
    """
    start = time.perf_counter()
    try:
        networks = most_accurate_networks(problem)
    except ValueError:  # no sum over small groups, or too many different costs
        return prove_front(problem, progress=progress, workers=workers)
    weighing = replace(problem, objective=replace(problem.objective, weight=1.0))  # least cost, whatever the weight
    kept = None if checkpoint is None else Checkpoint.of(problem, checkpoint, code=__name__)
    designs = problem.design(networks, _accelerators(weighing, networks, kept, progress))
    evaluation = problem.evaluate(designs)
    cost = np.where(evaluation.feasible, problem.objective.cost_function(evaluation.cost), np.inf)
    if not np.isfinite(cost).any():
        raise ValueError(f"problem {problem.name!r}: no design meets the limits, so that there is no front")
    rows = non_dominated(evaluation.error_pct, cost)
    front = ProvedFront(
        problem.fingerprint(),
        designs[rows],
        evaluation.error_pct[rows],
        cost[rows],
        np.empty(0),
        np.empty(0),
        round(time.perf_counter() - start, 3),
        sets=len(networks),
    )
    if progress is not None:
        progress(FrontProgress("all sets of networks that cost the same are compared", len(front), 0.0))
    return front


def _accelerators(
    problem: Problem,
    networks: np.ndarray,
    kept: Checkpoint | None,
    progress: Callable[[FrontProgress], None] | None,
) -> np.ndarray:
    """Return the best accelerator of each network, `(B,)`; those that a checkpoint has are not looked for again."""
    state = None if kept is None else kept.load()
    found: list[int] = [] if state is None else [int(each) for each in state["accelerators"]]
    saved = time.perf_counter()
    try:
        for more in best_accelerators(problem, networks[len(found) :]):
            found += more.tolist()
            if kept is not None and time.perf_counter() - saved > _SAVED_EVERY_S:
                kept.save(accelerators=found)
                saved = time.perf_counter()
            if progress is not None:
                step = f"{len(found):,} of {len(networks):,} sets of networks that cost the same"
                progress(FrontProgress(step, 0, 1.0))
    finally:
        if kept is not None:
            if len(found) < len(networks):
                kept.save(accelerators=found)
            else:
                kept.remove()
    return np.array(found, dtype=np.int64)
