"""Error against cost, jointly searched and separately searched: what both claims on joint search are judged by.

The separate searches are given the best that they could find: the network search ends in its exact answer, and the
network then gets its exact best accelerator. What is left between them and the joint front is what joint search is for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dance_env.exact import best_designs, non_dominated
from solvers.claims.claim import Picture, Series
from solvers.claims.problems import problem_of
from solvers.claims.recorded import recorded
from solvers.claims.scale import Scale
from solvers.claims.work import Work
from solvers.dance.solver import Dance

if TYPE_CHECKING:
    from dance_env.problem import Problem

TOLERANCE = 1e-9  # percentage points, within which two errors are equal


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


@dataclass(frozen=True, eq=False)
class Fronts:
    """All searches on one task.

    Attributes:
        task: its name.
        levels: (L,) the errors on the exact joint front within the span, from the most accurate up.
        joint: the exact joint front.
        dance: DANCE's designs, one `Points` a seed.
        network_only: the most accurate network, with its best accelerator.
        penalised: networks that minimise error + weight x multiply-accumulates for some weight, likewise.
        limited: networks that err least at their number of multiply-accumulates, likewise: a stronger separate search
            than the paper's, since a penalty finds only the convex part of these.
    """

    task: str
    levels: np.ndarray
    joint: Points
    dance: tuple[Points, ...]
    network_only: Points
    penalised: Points
    limited: Points

    @property
    def separate(self) -> tuple[Points, Points, Points]:
        """All separate searches."""
        return self.network_only, self.penalised, self.limited

    def gain(self, separate: Points, joint: Points) -> np.ndarray:
        """(L,) how many times the joint search's cost the separate search pays at each level; see `gain`."""
        return gain(separate, joint, self.levels)

    def dance_gain(self, separate: Points) -> np.ndarray:
        """(L,) the same for DANCE, median over its seeds."""
        return np.median([self.gain(separate, each) for each in self.dance], axis=0)


def gain(separate: Points, joint: Points, levels: np.ndarray) -> np.ndarray:
    """(L,) cost of the separate search over that of the joint one, at an error of at most each level.

    Above 1 the joint search is better. Infinite where only the joint search has a design, 0 where only the separate one
    has, NaN where neither has.
    """
    separately, jointly = separate.least_cost(levels), joint.least_cost(levels)
    with np.errstate(invalid="ignore"):
        ratio = separately / jointly
    return np.where(np.isinf(separately) & np.isinf(jointly), np.nan, ratio)


def measure_fronts(scale: Scale, work: Work) -> list[Fronts]:
    """The fronts of every task of the scale."""
    return [fronts_of(problem_of(task, scale, work), scale, work) for task in scale.fronts.tasks]


def fronts_of(problem: Problem, scale: Scale, work: Work) -> Fronts:
    """Exact and searched fronts of one problem."""
    wanted = scale.fronts

    def tell(done: int, total: int) -> None:
        work.tell(f"{problem.name}: exact front", done, total)

    designs = best_designs(problem, progress=tell)
    evaluation = problem.evaluate(designs)
    cost = np.where(evaluation.feasible, problem.objective.cost_function(evaluation.cost), np.inf)
    error = evaluation.error_pct
    macs = problem.network_space.macs(designs[:, problem.space.network]).astype(np.float64)

    def ends(label: str, rows: np.ndarray) -> Points:
        kept = rows[np.isfinite(cost[rows])]
        return Points(label, error[kept], cost[kept])

    joint = ends("joint, exact", non_dominated(error, cost))
    levels = np.sort(joint.error_pct)
    solver = Dance(evaluator=scale.search_evaluator, lambdas=wanted.lambdas, device=scale.device)
    dance = []
    for number, seed in enumerate(wanted.seeds):
        work.tell(f"{problem.name}: DANCE over {len(wanted.lambdas)} lambdas", number, len(wanted.seeds))
        trace = recorded(solver, problem, budget=wanted.budget, seed=seed, folder=work.folder).trace
        dance.append(Points(f"DANCE, seed {seed}", trace.error_pct[trace.feasible], trace.cost[trace.feasible]))
    return Fronts(
        task=problem.name,
        levels=levels[levels <= levels[0] + wanted.span_pct],
        joint=joint,
        dance=tuple(dance),
        network_only=ends("network only, then accelerator", np.array([int(error.argmin())])),
        penalised=ends("operations penalised, then accelerator", lower_hull(macs, error)),
        limited=ends("operations limited, then accelerator", non_dominated(error, macs)),
    )


def lower_hull(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Indices of the points (n,) that minimise `y + weight x` for some weight >= 0, from the least x up."""
    hull: list[int] = []
    for row in non_dominated(y, x):
        while len(hull) >= 2 and _turns_up(x, y, hull[-2], hull[-1], int(row)):
            hull.pop()
        hull.append(int(row))
    return np.array(hull, dtype=np.int64)


def _turns_up(x: np.ndarray, y: np.ndarray, a: int, b: int, c: int) -> bool:
    """Whether b lies on or above the line from a to c."""
    return bool((y[b] - y[a]) * (x[c] - x[a]) >= (y[c] - y[a]) * (x[b] - x[a]))


def picture(fronts: Fronts, name: str) -> Picture:
    """Error against cost, over the span that is compared."""
    highest = fronts.levels[-1] + 0.3

    def shown(points: Points) -> tuple[np.ndarray, np.ndarray]:
        kept = points.error_pct <= highest
        return points.cost[kept], points.error_pct[kept]

    return Picture(
        name=name,
        title=f"{fronts.task}: error against cost",
        x_label="cost function of the objective",
        y_label="error (%)",
        log_x=True,
        series=(
            Series.of(fronts.joint.label, *shown(fronts.joint), style="step"),
            *(Series.of(each.label, *shown(each.front())) for each in fronts.dance),
            *(Series.of(each.label, *shown(each)) for each in reversed(fronts.separate)),
        ),
    )
