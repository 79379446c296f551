"""Error against cost, jointly searched and separately searched: what both claims on joint search are judged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dance_env.problem import Problem
from experiments.claims.claim import Picture, Series
from experiments.claims.exact_ends import JOINT, Points, exact_ends
from experiments.claims.problems import problem_of
from experiments.claims.runs import run_solvers
from experiments.claims.scale import Scale
from experiments.claims.work import Work
from solvers.catalog import make_solver
from solvers.contract.result import Result
from solvers.methods.dance.dance import Dance
from solvers.methods.dance.front import DanceFront


@dataclass(frozen=True, eq=False)
class Rival:
    """A search that DANCE is held against.

    Attributes:
        label: the search.
        by_seed: what it ends with, one `Points` for each of DANCE's seeds; all the same for an exact search.
    """

    label: str
    by_seed: tuple[Points, ...]


@dataclass(frozen=True, eq=False)
class Fronts:
    """All searches on one task.

    Attributes:
        task: its name.
        levels: (L,) the errors on the exact joint front within the span, from the most accurate up.
        joint: the exact joint front.
        dance: DANCE's designs, one `Points` a seed.
        rivals: see `fronts_of`.
    """

    task: str
    levels: np.ndarray
    joint: Points
    dance: tuple[Points, ...]
    rivals: tuple[Rival, ...]

    def exact_gain(self, rival: Rival, levels: np.ndarray | None = None) -> np.ndarray:
        """(L,) how many times the exact joint front's cost a rival pays at each level, median over its seeds."""
        return self._median_gain(rival, (self.joint,) * len(rival.by_seed), levels)

    def dance_gain(self, rival: Rival, levels: np.ndarray | None = None) -> np.ndarray:
        """(L,) the same of DANCE, seed by seed."""
        return self._median_gain(rival, self.dance, levels)

    def _median_gain(self, rival: Rival, joint: tuple[Points, ...], levels: np.ndarray | None) -> np.ndarray:
        at = self.levels if levels is None else levels
        return lower_median(np.array([gain(one, other, at) for one, other in zip(rival.by_seed, joint, strict=True)]))


def gain(separate: Points, joint: Points, levels: np.ndarray) -> np.ndarray:
    """(L,) cost of the separate search over that of the joint one, at an error of at most each level.

    Above 1 the joint search is better. Infinite where only the joint search has a design, 0 where only the separate one
    has, NaN where neither has.
    """
    separately, jointly = separate.least_cost(levels), joint.least_cost(levels)
    with np.errstate(invalid="ignore"):
        ratio = separately / jointly
    return np.where(np.isinf(separately) & np.isinf(jointly), np.nan, ratio)


def lower_median(gains: np.ndarray) -> np.ndarray:
    """Return the median over seeds, (S, L) to (L,), the lower one of an even number.

    The mean of two middle values would be infinite where one search has a design in one seed only and its rival in the
    other one only: two seeds that say opposite things must not count as a win. Seeds in which neither search has a design
    (NaN) are left out; NaN where no seed is left.
    """
    ordered = np.sort(gains, axis=0)  # NaN last
    known = (~np.isnan(gains)).sum(axis=0)
    middle = np.maximum(known - 1, 0) // 2
    return np.take_along_axis(ordered, middle[None], axis=0)[0]


def measure_fronts(scale: Scale, work: Work) -> list[Fronts]:
    """The fronts of every task of the scale."""
    return [fronts_of(problem_of(task, scale, work), scale, work) for task in scale.fronts.tasks]


def fronts_of(problem: Problem, scale: Scale, work: Work) -> Fronts:
    """Exact and searched fronts of one problem.

    The rivals are three separate searches, and EDD with the same loss:

    - network only: the most accurate network, with its exact best accelerator, as in all three;
    - operations penalized: networks that minimize error + weight x multiply-accumulates for some weight;
    - operations limited: networks that err least at their number of multiply-accumulates, which is stronger than what
      the paper compared with, since a penalty finds only the convex part of these;
    - EDD: a gradient search that ignores the relation between network and accelerator, at DANCE's lambdas, with as
      large a budget over all of them.
    """
    wanted = scale.fronts
    exact = exact_ends(problem, weights=wanted.lambdas, work=work)
    joint = exact.pop(JOINT)
    levels = np.sort(joint.error_pct)
    rivals = [Rival(label, (points,) * len(wanted.seeds)) for label, points in exact.items()]
    rivals.append(Rival("EDD, same loss", _edd(problem, scale, work)))
    return Fronts(
        task=problem.name,
        levels=levels[levels <= levels[0] + wanted.span_pct],
        joint=joint,
        dance=_dance(problem, scale, work),
        rivals=tuple(rivals),
    )


def _dance(problem: Problem, scale: Scale, work: Work) -> tuple[Points, ...]:
    """Return the designs of each seed's sweep over lambda2."""
    wanted = scale.fronts
    solver = DanceFront(dance=Dance(evaluator=scale.search_evaluator, device=scale.device), lambdas=wanted.lambdas)
    runs = run_solvers([problem], {solver.name: solver}, seeds=wanted.seeds, budget=wanted.budget, work=work).results
    return tuple(_found(f"DANCE, seed {run.seed}", [run]) for run in runs)


def _edd(problem: Problem, scale: Scale, work: Work) -> tuple[Points, ...]:
    """Return the designs of each seed over all lambdas, with DANCE's budget over all of them together."""
    wanted = scale.fronts
    solver, budget = make_solver("edd", device=scale.device), max(1, wanted.budget // len(wanted.lambdas))
    weighted = [
        replace(
            problem,
            objective=replace(problem.objective, weight=factor * problem.objective.weight),
            name=f"{problem.name} x {factor:g}",
        )
        for factor in wanted.lambdas
    ]
    runs = run_solvers(weighted, {solver.name: solver}, seeds=wanted.seeds, budget=budget, work=work).results
    return tuple(_found(f"EDD, seed {seed}", [run for run in runs if run.seed == seed]) for seed in wanted.seeds)


def _found(label: str, runs: Sequence[Result]) -> Points:
    """Return the feasible designs that some runs evaluated."""
    traces = [run.trace[run.trace.feasible] for run in runs]
    return Points(label, np.concatenate([t.error_pct for t in traces]), np.concatenate([t.cost for t in traces]))


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
            *(
                Series.of("DANCE" if number == 0 else "", *shown(each.front()))
                for number, each in enumerate(fronts.dance)
            ),
            *(
                Series.of(rival.label if number == 0 else "", *shown(points.front()))
                for rival in reversed(fronts.rivals)
                for number, points in enumerate(dict.fromkeys(rival.by_seed))
            ),
        ),
    )
