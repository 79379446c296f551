"""Where exact searches end, joint and separate: enumerated where networks are few or fall into few sets, else proved.

The separate searches are given the best that they could find: the network search ends in its exact answer, and the
network then gets its exact best accelerator. What is left between them and the joint front is what joint search is for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dance_env.analysis.exact import MAX_DESIGNS, best_designs, non_dominated
from dance_env.analysis.optimum import (
    FrontProgress,
    ProvedFront,
    load_front,
    merged_designs,
    prove_front,
    save_front,
    shipped_front,
)
from dance_env.cost import CostTable
from dance_env.graph import macs_sum
from dance_env.objective import Linear, Objective
from dance_env.problem import Problem
from dance_env.space import AcceleratorSpace, Factor, FactorSum
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
        gap: what the designs may lack of the true front that they come from, as a share of its hypervolume; 0 where
            they were enumerated, or where nothing is known.
    """

    label: str
    error_pct: np.ndarray
    cost: np.ndarray
    gap: float = 0.0

    def least_cost(self, levels: np.ndarray) -> np.ndarray:
        """(L,) the least cost at an error of at most each level (L,); infinite where there is none."""
        allowed = self.error_pct[None, :] <= levels[:, None] + TOLERANCE
        return np.where(allowed, self.cost[None, :], np.inf).min(axis=1, initial=np.inf)

    def front(self) -> Points:
        """Those that no other beats in both."""
        kept = non_dominated(self.error_pct, self.cost)
        return Points(self.label, self.error_pct[kept], self.cost[kept], self.gap)


def exact_ends(problem: Problem, *, work: Work) -> dict[str, Points]:
    """The exact joint front (`JOINT`), and where exact separate searches end.

    Args:
        problem: any with a known accuracy of every network; one whose networks fall into few sets of equal costs
            (`merged_designs`); or one whose front can be proved (`prove_front`).
        work: whom to tell, and how many threads.
    """
    if problem.space.size <= MAX_DESIGNS:

        def tell(done: int, total: int) -> None:
            work.tell(f"{problem.name}: exact front", done, total)

        return _ends(problem, best_designs(problem, progress=tell))
    work.tell(f"{problem.name}: networks that cost the same", 0, 0)
    try:
        designs = merged_designs(problem)
    except ValueError:  # not a sum over layers, or too many different costs
        return _proved(problem, work)
    return _ends(problem, designs)


def _ends(problem: Problem, designs: np.ndarray) -> dict[str, Points]:
    """Return where the searches end, from networks with their best accelerators that contain every front."""
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


def _proved(problem: Problem, work: Work) -> dict[str, Points]:
    joint = shipped_front(problem) or kept_front(problem, work)
    alone = network_problem(problem)
    front = kept_front(alone, work)
    networks = front.designs[:, alone.space.network]
    ends = {
        ALONE: np.array([int(front.error.argmin())]),
        PENALIZED: lower_hull(front.cost, front.error),
        LIMITED: np.arange(len(front)),
    }
    found = {JOINT: Points(JOINT, joint.error, joint.cost, joint.gap)}
    for label, rows in ends.items():
        found[label] = _on_best_accelerators(problem, label, networks[rows], front.gap)
    return found


def kept_front(problem: Problem, work: Work) -> ProvedFront:
    """The proved front of a problem, from the work's folder where it is on record there."""
    key = problem.fingerprint()
    path = work.folder / "fronts" / f"{key}.npz"
    if key is not None and path.exists():
        return load_front(path)

    def tell(progress: FrontProgress) -> None:
        work.tell(f"{problem.name}: front, {progress.designs} designs, gap {progress.gap:.2g}", 0, 0)

    front = prove_front(problem, workers=work.workers, progress=tell)
    if key is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_front(path, front)
    return front


def _on_best_accelerators(problem: Problem, label: str, networks: np.ndarray, gap: float) -> Points:
    """Return networks, each on the accelerator that is best for it; those that meet no limit on any are left out."""
    evaluation = problem.evaluate(problem.design(networks, problem.best_hardware(networks)))
    met = evaluation.feasible
    cost = np.asarray(problem.objective.cost_function(evaluation.cost))
    return Points(label, evaluation.error_pct[met], cost[met], gap)


def network_problem(problem: Problem) -> Problem:
    """A search of networks alone: error against multiply-accumulates, written as a problem with one accelerator.

    Its cost function is the number of multiply-accumulates in millions, over all workloads, each times its weight.
    """
    macs = macs_sum(problem.network_space)
    millions = _scaled(macs, _MACS)
    return Problem(
        f"{problem.name}, networks alone",
        problem.network_space,
        AcceleratorSpace((1,), (1,), (4,), ("WS",)),
        CostTable(millions, _scaled(macs, 0.0), np.zeros(1)),
        problem.accuracy,
        Objective(Linear(latency_s=1.0), weight=1.0),
    )


def _scaled(factors: FactorSum, by: float) -> FactorSum:
    tables = [Factor(each.scope, by * each.table) for each in factors.factors]
    return FactorSum(factors.option_counts, by * factors.constant, tables)


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
