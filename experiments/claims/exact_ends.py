"""Where exact searches end, joint and separate: enumerated on small spaces, proved on large ones.

The separate searches are given the best that they could find: the network search ends in its exact answer, and the
network then gets its exact best accelerator. What is left between them and the joint front is what joint search is for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dance_env.analysis.exact import MAX_DESIGNS, best_designs, non_dominated
from dance_env.analysis.optimum import prove
from dance_env.cost import CostTable
from dance_env.graph import layer_sum
from dance_env.objective import Constraint, Linear, Objective
from dance_env.problem import Problem
from dance_env.space import AcceleratorSpace, FactorSum
from experiments.claims.work import Work

JOINT = "joint, exact"
ALONE = "network only, then accelerator"
PENALIZED = "operations penalized, then accelerator"
LIMITED = "operations limited, then accelerator"

TOLERANCE = 1e-9  # percentage points, within which two errors are equal

_MACS = 1e-6
"""Of the network problems, whose "latency" is the number of multiply-accumulates in millions."""


@dataclass(frozen=True, eq=False)
class Points:
    """Feasible designs that a search ends with.

    Attributes:
        label: the search.
        error_pct: (n,) percentage points.
        cost: (n,) the objective's cost function.
    """

    label: str
    error_pct: np.ndarray
    cost: np.ndarray

    def least_cost(self, levels: np.ndarray) -> np.ndarray:
        """(L,) the least cost at an error of at most each level (L,); infinite where there is none."""
        allowed = self.error_pct[None, :] <= levels[:, None] + TOLERANCE
        return np.where(allowed, self.cost[None, :], np.inf).min(axis=1, initial=np.inf)

    def front(self) -> Points:
        """Those that no other beats in both."""
        kept = non_dominated(self.error_pct, self.cost)
        return Points(self.label, self.error_pct[kept], self.cost[kept])


def exact_ends(problem: Problem, *, weights: Sequence[float], work: Work) -> dict[str, Points]:
    """The exact joint front (`JOINT`), and where exact separate searches end.

    Args:
        problem: any with a known accuracy of every network, or one whose optimum can be proved.
        weights: factors on lambda2 at which the joint front of a space that cannot be enumerated is proved: its points
            are those of the lower hull. Penalties on operations take as many values.
        work: whom to tell.
    """
    if problem.space.size <= MAX_DESIGNS:
        return _enumerated(problem, work)
    return _proved(problem, weights, work)


def _enumerated(problem: Problem, work: Work) -> dict[str, Points]:
    def tell(done: int, total: int) -> None:
        work.tell(f"{problem.name}: exact front", done, total)

    designs = best_designs(problem, progress=tell)
    evaluation = problem.evaluate(designs)
    cost = np.where(evaluation.feasible, problem.objective.cost_function(evaluation.cost), np.inf)
    error = evaluation.error_pct
    macs = problem.network_space.macs(designs[:, problem.space.network]).astype(np.float64)
    ends = {
        JOINT: non_dominated(error, cost),
        ALONE: np.array([int(error.argmin())]),
        PENALIZED: lower_hull(macs, error),
        LIMITED: non_dominated(error, macs),
    }
    met = {label: rows[np.isfinite(cost[rows])] for label, rows in ends.items()}
    return {label: Points(label, error[rows], cost[rows]) for label, rows in met.items()}


def _proved(problem: Problem, weights: Sequence[float], work: Work) -> dict[str, Points]:
    networks = _NetworkProblem(problem)
    steps: list[tuple[str, Problem]] = [
        *((JOINT, each) for each in _weighted(problem, weights)),
        (ALONE, networks.penalized(0.0)),
        *((PENALIZED, networks.penalized(each)) for each in networks.penalties(len(weights))),
        *((LIMITED, networks.limited(each)) for each in networks.limits(len(weights))),
    ]
    found: dict[str, list[np.ndarray]] = {JOINT: [], ALONE: [], PENALIZED: [], LIMITED: []}
    for done, (label, each) in enumerate(steps):
        work.tell(f"{problem.name}: {label}", done, len(steps))
        proof = prove(each, workers=work.workers)
        if proof.design is not None:
            found[label].append(np.array(proof.design)[each.space.network])
    return {label: _on_best_accelerators(problem, label, rows) for label, rows in found.items()}


def _on_best_accelerators(problem: Problem, label: str, rows: list[np.ndarray]) -> Points:
    """Return networks, each on the accelerator that is best for it; those that meet no limit on any are left out."""
    networks = np.unique(np.stack(rows), axis=0)
    evaluation = problem.evaluate(problem.design(networks, problem.best_hardware(networks)))
    met = evaluation.feasible
    cost = np.asarray(problem.objective.cost_function(evaluation.cost))
    return Points(label, evaluation.error_pct[met], cost[met])


def _weighted(problem: Problem, weights: Sequence[float]) -> Iterator[Problem]:
    objective = problem.objective
    for factor in weights:
        yield replace(problem, objective=replace(objective, weight=factor * objective.weight))


class _NetworkProblem:
    """A search of networks alone: error against multiply-accumulates, written as a problem with one accelerator."""

    def __init__(self, problem: Problem) -> None:
        space = problem.network_space
        macs = layer_sum(space, lambda layer: _MACS * layer.macs)
        none = FactorSum(
            macs.option_counts, 0.0 * macs.constant, [replace(f, table=0.0 * f.table) for f in macs.factors]
        )
        self._problem = Problem(
            f"{problem.name}, networks alone",
            space,
            AcceleratorSpace((1,), (1,), (4,), ("WS",)),
            CostTable(macs, none, np.zeros(1)),
            problem.accuracy,
            Objective(Linear(latency_s=1.0), weight=0.0),
        )
        sample = problem.space.sample(np.random.default_rng(0), 10_000)[:, problem.space.network]
        self._millions = _MACS * space.macs(sample)
        self._errors = 100.0 * (1.0 - problem.accuracies(sample))

    def penalized(self, weight: float) -> Problem:
        """Return the problem of error + weight x millions of multiply-accumulates."""
        return replace(self._problem, objective=Objective(Linear(latency_s=1.0), weight=weight))

    def limited(self, millions: float) -> Problem:
        """Return the problem of the least error under a limit on the multiply-accumulates."""
        limit = (Constraint("latency_s", millions),)
        return replace(self._problem, objective=Objective(Linear(latency_s=1.0), weight=0.0, constraints=limit))

    def penalties(self, count: int) -> list[float]:
        """Return weights from 0.03 to 30 times the spread of the errors over that of the operations."""
        ratio = float(np.std(self._errors) / np.std(self._millions))
        return [ratio * factor for factor in np.geomspace(0.03, 30.0, count)]

    def limits(self, count: int) -> list[float]:
        """Return numbers of operations at even quantiles of random networks."""
        return np.quantile(self._millions, np.linspace(0.0, 1.0, count)).tolist()


def lower_hull(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Indices of the points (n,) that minimize `y + weight x` for some weight >= 0, from the least x up."""
    hull: list[int] = []
    for row in non_dominated(y, x):
        while len(hull) >= 2 and _turns_up(x, y, hull[-2], hull[-1], int(row)):
            hull.pop()
        hull.append(int(row))
    return np.array(hull, dtype=np.int64)


def _turns_up(x: np.ndarray, y: np.ndarray, a: int, b: int, c: int) -> bool:
    """Whether b lies on or above the line from a to c."""
    return bool((y[b] - y[a]) * (x[c] - x[a]) >= (y[c] - y[a]) * (x[b] - x[a]))
