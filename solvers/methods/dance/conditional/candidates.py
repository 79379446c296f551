"""Networks that the generator proposes, with their accelerators, and the order in which they are evaluated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

from solvers.contract.metered_problem import MeteredProblem
from solvers.methods.dance.conditional.conditions import violation

_AT_A_TIME = 64
"""Networks that are costed on all accelerators at once: 64 x 13,872 float64 are 7 MB for each metric."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """B networks, each with an accelerator for each of T deadlines, and what is known of them before an evaluation.

    Attributes:
        networks: options (B, N).
        error_pct: predicted by the relaxed view (B,); zero, the least there is, where it was not asked.
        hardware: index of the accelerator for each deadline (T, B).
        cost: the objective's cost function (T, B).
        violation: of all limits, under each deadline (T, B).
    """

    networks: np.ndarray
    error_pct: np.ndarray
    hardware: np.ndarray
    cost: np.ndarray
    violation: np.ndarray

    def __len__(self) -> int:
        return len(self.networks)

    def joined(self, more: Candidates) -> Candidates:
        """Return these candidates, then some more, for the same deadlines."""
        return Candidates(
            np.concatenate([self.networks, more.networks]),
            np.concatenate([self.error_pct, more.error_pct]),
            np.concatenate([self.hardware, more.hardware], axis=1),
            np.concatenate([self.cost, more.cost], axis=1),
            np.concatenate([self.violation, more.violation], axis=1),
        )


def on_best_hardware(
    problem: MeteredProblem, networks: np.ndarray, error_pct: np.ndarray, deadlines: tuple[float, ...]
) -> Candidates:
    """Return networks (B, N), each on its best accelerator under each deadline: least violation, then least cost."""
    objective = problem.objective
    found = []
    for start in range(0, max(1, len(networks)), _AT_A_TIME):
        some, errors = networks[start : start + _AT_A_TIME], error_pct[start : start + _AT_A_TIME, None]
        cost = problem.costs.on_all_hardware(some)
        value = np.broadcast_to(objective.cost_function(cost), cost.latency_s.shape)
        rows = np.arange(len(some))
        for deadline in deadlines:
            beyond = np.broadcast_to(violation(objective, errors, cost, deadline), value.shape)
            best = np.where(beyond == beyond.min(axis=1, keepdims=True), value, np.inf).argmin(axis=1)
            found.append((best, value[rows, best], beyond[rows, best]))
    columns = (_by_deadline([each[column] for each in found], len(deadlines)) for column in range(3))
    return Candidates(networks, error_pct, *columns)


def on_given_hardware(
    problem: MeteredProblem,
    networks: np.ndarray,
    error_pct: np.ndarray,
    hardware: np.ndarray,
    deadlines: tuple[float, ...],
) -> Candidates:
    """Return networks (B, N) on accelerators that are given by index (B,), under each deadline."""
    cost = problem.costs.lookup(networks, hardware)
    shape = (len(deadlines), len(networks))
    beyond = [
        violation(problem.objective, error_pct, cost, deadline) * np.ones(len(networks)) for deadline in deadlines
    ]
    value = np.broadcast_to(problem.objective.cost_function(cost), shape)
    return Candidates(networks, error_pct, np.broadcast_to(hardware, shape), value, np.stack(beyond))


def in_given_order(candidates: Candidates) -> Callable[[int, int], np.ndarray]:
    """Return the order of evaluation where errors are not known: as proposed, whatever the deadline."""
    return lambda deadline, most: np.arange(len(candidates))[:most]


def front_first(candidates: Candidates) -> Callable[[int, int], np.ndarray]:
    """Return the order of evaluation for a front of predicted error against cost, under a deadline.

    Designs that no other one dominates come first, then those that only these dominate, and so on; in each layer both
    ends, then repeatedly the design that is farthest from those before it. Designs that exceed a limit come last.
    """

    def order(deadline: int, most: int) -> np.ndarray:
        beyond = candidates.violation[deadline]
        feasible = np.flatnonzero(beyond <= 0.0)
        points = np.stack([candidates.error_pct, candidates.cost[deadline]], axis=1)
        rows: list[np.ndarray] = []
        if len(feasible):
            layers = NonDominatedSorting().do(points[feasible], n_stop_if_ranked=min(most, len(feasible)))
            rows = [feasible[layer][farthest_first(points[feasible[layer]])] for layer in layers]
        infeasible = np.flatnonzero(beyond > 0.0)
        rows.append(infeasible[np.argsort(beyond[infeasible], kind="stable")])
        return np.concatenate(rows)[:most]

    return order


def farthest_first(points: np.ndarray) -> np.ndarray:
    """Return an order of points (n, 2): both ends of the first axis, then each time the one farthest from those before.

    Distances are Euclidean, with both axes scaled to the points' range.
    """
    extent = np.ptp(points, axis=0)
    scaled = (points - points.min(axis=0)) / np.where(extent > 0.0, extent, 1.0)
    order = [int(scaled[:, 0].argmin())]
    distance = np.linalg.norm(scaled - scaled[order[0]], axis=1)
    while len(order) < len(points):
        distance[order[-1]] = -1.0
        order.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(scaled - scaled[order[-1]], axis=1))
    return np.array(order)


def designs_in_turn(
    problem: MeteredProblem, candidates: Candidates, order: Callable[[int, int], np.ndarray], *, most: int
) -> np.ndarray:
    """Return designs (n, D) in the order of evaluation, one of each deadline in turn; at most `most` of each."""
    designs = []
    for deadline in range(len(candidates.hardware)):
        rows = order(deadline, most)
        designs.append(problem.design(candidates.networks[rows], candidates.hardware[deadline, rows]))
    return np.stack(designs, axis=1).reshape(-1, problem.space.num_choices)


def _by_deadline(chunks: list[np.ndarray], deadlines: int) -> np.ndarray:
    """(T, B) from the chunks of candidates, each for every deadline in turn."""
    return np.stack([np.concatenate(chunks[deadline::deadlines]) for deadline in range(deadlines)])
