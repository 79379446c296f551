"""Designs near the Pareto front, found by changing one group of choices at a time: a start for the proof of the front."""

from __future__ import annotations

import numpy as np

from dance_env.analysis.exact import non_dominated
from dance_env.analysis.optimum.cases import Cases
from dance_env.analysis.optimum.fields import Fields


def local_front(fields: Fields, designs: np.ndarray, *, most: int) -> np.ndarray:
    """Return designs that no single change of a group improves in both error and cost: Pareto local search.

    Every network is put on its cheapest accelerator (Paquete, Chiarandini and Stuetzle 2004, with whole neighborhoods).

    Args:
        fields: Of the problem.
        designs: `(B, D)` feasible designs to start from.
        most: The most networks whose neighborhoods are looked at.
    """
    explored: set[bytes] = set()
    problem = fields.problem
    for _ in range(most):
        evaluation = problem.evaluate(designs)
        cost = problem.objective.cost_function(evaluation.cost)
        designs = designs[non_dominated(evaluation.error_pct, np.where(evaluation.feasible, cost, np.inf))]
        fresh = [design for design in designs[:, problem.space.network] if design.tobytes() not in explored]
        if not fresh:
            break
        found = [designs]
        for network in fresh[: most - len(explored)]:
            explored.add(network.tobytes())
            found.append(_neighbors(fields, network))
        designs = np.unique(np.concatenate(found), axis=0)
        if len(explored) >= most:
            break
    return designs


def _neighbors(fields: Fields, network: np.ndarray) -> np.ndarray:
    """Return the networks that differ in one group, each on its cheapest accelerator, and the network itself."""
    number, labels = _labels(fields, network)
    cases = fields.cases[number]
    starts, hardware, networks = cases.shape.start, [], []
    base = cases.zero + sum(cases.values[:, :, starts[g] + label] for g, label in enumerate(labels))
    for group, label in enumerate(labels):
        own = cases.values[:, :, starts[group] + label]
        of_group = cases.values[:, :, starts[group] : starts[group + 1]]
        totals = base[:, :, None] + (of_group - own[:, :, None])  # (cases, resources, labels)
        hardware.append(_cheapest(cases, totals))
        changed = np.repeat(labels[None], of_group.shape[2], axis=0)
        changed[:, group] = np.arange(of_group.shape[2])
        networks.append(fields.networks(number, changed))
    chosen = np.concatenate(hardware)
    possible = chosen >= 0
    return fields.problem.design(np.concatenate(networks)[possible], cases.accelerators[chosen[possible]])


def _cheapest(cases: Cases, totals: np.ndarray) -> np.ndarray:
    """Return the case of least cost within the limits for each label, -1 where there is none."""
    delay, energy = totals[:, cases.latency], totals[:, cases.energy]  # (cases, terms, labels)
    f = cases.factors[:, :, :, None]
    cost = (f[:, :, 0] * delay * energy + f[:, :, 1] * delay + f[:, :, 2] * energy + f[:, :, 3]).max(axis=1)
    allowed = (totals[:, cases.limits.resource] <= cases.limits.most[:, None]).all(axis=1) & (totals < 1e200).all(
        axis=1
    )
    cost = np.where(allowed, cost, np.inf)
    best = cost.argmin(axis=0)
    return np.where(np.isfinite(cost.min(axis=0)), best, -1)


def _labels(fields: Fields, network: np.ndarray) -> tuple[int, np.ndarray]:
    """Return the number of a network's assignment, and its labels; of equal labels the first."""
    grouping = fields.grouping
    assignment = tuple(network[list(grouping.outer)].tolist())
    number = next(n for n, cases in enumerate(fields.cases) if cases.assignment == assignment)
    cases = fields.cases[number]
    labels = []
    for group, choices in enumerate(grouping.groups):
        counts = [grouping.option_counts[choice] for choice in choices]
        label = int(np.ravel_multi_index(tuple(network[list(choices)]), counts))
        labels.append(int(cases.label_of[group][label]))
    return number, np.array(labels, dtype=np.int64)
