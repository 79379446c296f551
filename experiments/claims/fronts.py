"""Error against cost, jointly searched and separately searched: what both claims on joint search are judged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dance_env.problem import Problem
from experiments.claims.claim import Picture, Series
from experiments.claims.exact_ends import JOINT, LIMITED, Points, exact_ends
from experiments.claims.problems import by_name, problem_of
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
        exact: whether it is an exact search.
        in_paper: whether the paper compares with one like it. Others are shown, and decide nothing.
    """

    label: str
    by_seed: tuple[Points, ...]
    exact: bool = True
    in_paper: bool = True

    @property
    def short(self) -> str:
        """Its label up to the first comma."""
        return self.label.split(",")[0]


@dataclass(frozen=True, eq=False)
class Fronts:
    """All searches on one task.

    Attributes:
        task: its name.
        levels: (L,) errors at even steps above the least one, up to the task's span.
        joint: the exact joint front.
        dance: DANCE's designs, one `Points` a seed; empty where it was not run.
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
        """(L,) the same of DANCE, seed by seed; NaN where it was not run."""
        if not self.dance:
            return np.full(len(self.levels if levels is None else levels), np.nan)
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
    wanted = scale.fronts
    return [
        fronts_of(problem_of(task, scale, work), scale, work, span=span)
        for task, span in zip(wanted.tasks, wanted.spans, strict=True)
    ]


def fronts_of(problem: Problem, scale: Scale, work: Work, *, span: float) -> Fronts:
    """Exact and searched fronts of one problem, up to `span` above the least error.

    The rivals are three separate searches, and EDD with the same loss:

    - network only: the most accurate network, with its exact best accelerator, as in all three;
    - operations penalized: networks that minimize error + weight x multiply-accumulates for some weight;
    - operations limited: networks that err least at their number of multiply-accumulates, which is stronger than what
      the paper compared with, since a penalty finds only the convex part of these;
    - EDD: a gradient search that ignores the relation between network and accelerator, over the range of DANCE's
      lambdas, with as large a budget over all of them.

    The levels are even steps, so that they do not depend on how many designs some front happens to have.
    """
    wanted = scale.fronts
    exact = exact_ends(problem, work=work)
    joint = exact.pop(JOINT)
    rivals = [Rival(label, (points,) * len(wanted.seeds), in_paper=label != LIMITED) for label, points in exact.items()]
    if wanted.edd_lambdas and problem.name in wanted.searched:
        rivals.append(Rival("EDD, same loss", _edd(problem, scale, work), exact=False))
    return Fronts(
        task=problem.name,
        levels=joint.error_pct.min() + span * np.arange(1, wanted.levels + 1) / wanted.levels,
        joint=joint,
        dance=_dance(problem, scale, work) if problem.name in wanted.searched else (),
        rivals=tuple(rivals),
    )


def _dance(problem: Problem, scale: Scale, work: Work) -> tuple[Points, ...]:
    """Return the designs of each seed's sweep over lambda2."""
    wanted = scale.fronts
    solver = DanceFront(dance=Dance(evaluator=scale.search_evaluator, device=scale.device), lambdas=wanted.lambdas)
    tasks = [by_name(problem, scale)]
    runs = run_solvers(tasks, {solver.name: solver}, seeds=wanted.seeds, budget=wanted.budget, work=work).results
    return tuple(_found(f"DANCE, seed {run.seed}", [run]) for run in runs)


def _edd(problem: Problem, scale: Scale, work: Work) -> tuple[Points, ...]:
    """Return the designs of each seed over EDD's lambdas, with DANCE's budget over all of them together."""
    wanted = scale.fronts
    solver, budget = make_solver("edd", device=scale.device), max(1, wanted.budget // len(wanted.edd_lambdas))
    weighted = [
        replace(
            problem,
            objective=replace(problem.objective, weight=factor * problem.objective.weight),
            name=f"{problem.name} x {factor:g}",
        )
        for factor in wanted.edd_lambdas
    ]
    runs = run_solvers(weighted, {solver.name: solver}, seeds=wanted.seeds, budget=budget, work=work).results
    return tuple(_found(f"EDD, seed {seed}", [run for run in runs if run.seed == seed]) for seed in wanted.seeds)


def _found(label: str, runs: Sequence[Result]) -> Points:
    """Return the feasible designs that some runs evaluated."""
    traces = [run.trace[run.trace.feasible] for run in runs]
    return Points(label, np.concatenate([t.error_pct for t in traces]), np.concatenate([t.cost for t in traces]))


def picture(fronts: Fronts, name: str) -> Picture:
    """Error against cost, over the span that is compared."""
    highest = fronts.levels[-1] + 0.1 * (fronts.levels[-1] - fronts.levels[0])

    def shown(points: Points) -> tuple[np.ndarray, np.ndarray]:
        kept = points.error_pct <= highest
        return points.cost[kept], points.error_pct[kept]

    return Picture(
        name=name,
        title=f"{fronts.task}: error against cost",
        x_label="cost function of the objective",
        y_label="error (%, or perplexity)",
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
