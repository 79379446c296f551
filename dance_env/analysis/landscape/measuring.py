"""The measure: every number of docs/tasks.md's tables of landscapes."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from dance_env.analysis.coupling.sums import FixedAccelerator, sum_over_networks
from dance_env.analysis.landscape.descents import Descents, descend
from dance_env.analysis.landscape.pricing import Networks, Reference, is_enumerated, judge_designs, reference
from dance_env.problem import Problem
from dance_env.progress import Progress, reporter

NETWORKS = 400
STARTS = 100


@dataclass(frozen=True, eq=False)
class Landscape:
    """What `measure` found.

    Attributes:
        enumerated: Whether every network was looked at, else random ones, all equally likely.
        networks: Number of networks that were looked at, each on every accelerator.
        feasible_networks: Number of those that meet the limits on some accelerator.
        feasible_designs: Share of feasible designs among those networks on all accelerators.
        best_accelerators: Number of different best accelerators, one for each feasible network.
        fixed: The best single accelerator for the feasible networks; None where there is none.
        reference: The objective that regrets are measured from.
        over_networks: Descents over networks, each on its best accelerator, from every network that was looked at if
            the problem is enumerated, else from the first of them.
        over_designs: Descents over whole designs, from random ones.
    """

    enumerated: bool
    networks: int
    feasible_networks: int
    feasible_designs: float
    best_accelerators: int
    fixed: FixedAccelerator | None
    reference: Reference
    over_networks: Descents
    over_designs: Descents


def measure(
    problem: Problem,
    *,
    networks: int = NETWORKS,
    starts: int = STARTS,
    seed: int = 0,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: Progress | bool | None = None,
) -> Landscape:
    """Measure a problem: exactly where every design can be looked at, else from random networks.

    Args:
        problem: Of any size.
        networks: Random networks to look at where the problem cannot be enumerated.
        starts: Descents over designs; over networks as well where the problem cannot be enumerated.
        seed: Of the random networks and starts.
        cache_dir: Of the pass over all designs; None for the default.
        progress: True for bars, or a function called with (parts done, parts in all) in each step.

    Raises:
        ValueError: If `networks` or `starts` is below 1, or the seed negative.
        RuntimeError: If a design is better than a proved optimum that ships, or accuracies are not known.
    """
    for name, value, least in (("networks", networks, 1), ("starts", starts, 1), ("seed", seed, 0)):
        if value < least:
            raise ValueError(f"{name} must be {least} or more, got {value}")
    network_rng, design_rng = (np.random.default_rng([seed, stream]) for stream in range(2))
    priced = Networks(problem, cache_dir=cache_dir, progress=progress)
    sample = priced.looked_at(networks, network_rng)
    own = problem.evaluate(priced.designs(sample))
    cost = np.asarray(problem.objective.cost_function(own.cost))
    front = np.zeros(len(sample), dtype=bool)  # `dance coupling` measures the front, where there is one
    sums = sum_over_networks(problem, sample, cost, front, own.feasible, progress)
    feasible_networks = int(own.feasible.sum())
    designs = priced.designs(sample)
    hardware = designs[own.feasible][:, problem.space.hardware]

    from_networks = sample if is_enumerated(problem) else priced.space.sample(network_rng, starts)
    with reporter(progress, "Descents over networks") as report:
        over_networks = descend(from_networks, priced.space.option_counts.tolist(), priced.judge, progress=report)
    from_designs = problem.space.sample(design_rng, starts)
    counts = problem.space.option_counts.tolist()
    with reporter(progress, "Descents over designs") as report:
        over_designs = descend(from_designs, counts, lambda rows: judge_designs(problem, rows), progress=report)
    return Landscape(
        enumerated=is_enumerated(problem),
        networks=len(sample),
        feasible_networks=feasible_networks,
        feasible_designs=float(sums.all.count.sum() / (len(sample) * problem.accelerator_space.size)),
        best_accelerators=len(np.unique(hardware, axis=0)),
        fixed=sums.all.best(feasible_networks) if feasible_networks else None,
        reference=reference(problem, np.concatenate([designs, priced.designs(over_networks.ends), over_designs.ends])),
        over_networks=over_networks,
        over_designs=over_designs,
    )
