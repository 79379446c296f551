"""Prove the Pareto front of error against cost of a problem too large to enumerate.

Weighted sums `error + w x cost` are minimized exactly for weights that follow the front's slope (the dichotomic scheme of
Aneja and Nair 1979). Between two neighbors the designs that are left to be found lie below a line `error + w x cost = T`
through the corners of the steps known: branch and bound lists all designs below that line. What is not listed is above all
lines, so that the area between lines and steps bounds what the front may lack.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from dance_env.analysis.exact import non_dominated
from dance_env.analysis.optimum.fields import Fields
from dance_env.analysis.optimum.front import ProvedFront, lower_hull, uncertain_areas
from dance_env.analysis.optimum.local_front import local_front
from dance_env.analysis.optimum.run import Run
from dance_env.analysis.optimum.solving import UNFINISHED, Searcher
from dance_env.problem import Problem

_TOLERANCE = 1e-3  # of the hypervolume
_ENDS = 1e-3  # the ends: percentage points that the whole range of cost weighs, and the share of the least cost
_LOCAL = 4000  # networks whose neighbors are looked at
_BATCH = 64


@dataclass(frozen=True)
class FrontProgress:
    """How far a proof of a front is.

    Attributes:
        step: What is being done.
        designs: On the front so far.
        gap: What it may lack, as a share of the hypervolume.
    """

    step: str
    designs: int
    gap: float


def prove_front(
    problem: Problem,
    *,
    tolerance: float = _TOLERANCE,
    progress: Callable[[FrontProgress], None] | None = None,
    workers: int | None = None,
) -> ProvedFront:
    """Return the front of error against the objective's cost function, over the feasible designs.

    Args:
        problem: As for `prove`. The objective's weight does not matter.
        tolerance: What the front may lack, as a share of its hypervolume.
        progress: Called after each line.
        workers: Threads; None for one per core, at most two.

    Raises:
        ValueError: If the problem does not fit, or no design meets its limits.
    """
    search = _Search(problem, Searcher.of(workers), tolerance, progress)
    search.ends()
    search.follow_slope()
    search.near()
    search.list_steps()
    return search.result()


class _Search:
    """The state of the proof of a front."""

    def __init__(
        self,
        problem: Problem,
        searcher: Searcher,
        tolerance: float,
        progress: Callable[[FrontProgress], None] | None,
    ) -> None:
        self.start = time.perf_counter()
        self.problem, self.searcher, self.tolerance, self.report = problem, searcher, tolerance, progress
        weighing = replace(problem, objective=replace(problem.objective, weight=1.0))
        self.fields = Fields.of(weighing)
        self.designs = np.empty((0, problem.space.num_choices), dtype=np.int64)
        self.error, self.cost = np.empty(0), np.empty(0)
        self.weights: list[float] = []
        self.levels: list[float] = []

    # ----------------------------------------------------------------------------------------------------------- steps
    def ends(self) -> None:
        """Find the two ends, from the optimum of one weight."""
        error, cost = self.minimize(1.0)
        self.minimize(0.1 * _ENDS / cost)
        self.minimize(error / (_ENDS * cost))

    def follow_slope(self) -> None:
        """Minimize along the chords between designs, until lines and chords enclose little."""
        supported = self._points()
        tried: set[float] = set()
        while True:
            supported = sorted(set(supported))
            chords = [(self._enclosed(a, b), _slope(a, b)) for a, b in pairwise(supported)]
            waiting = [(area, weight) for area, weight in chords if weight not in tried]
            if sum(area for area, _ in waiting) <= 0.2 * self.tolerance * self._box(supported):
                return
            _, weight = max(waiting)
            tried.add(weight)
            error, cost = self.minimize(weight)
            supported.append((cost, error))

    def near(self) -> None:
        """Fill the steps in by local search."""
        self._add(local_front(self.fields, self.designs, most=_LOCAL))
        self._say("local search")

    def list_steps(self) -> None:
        """List all designs below a line, at the chord that may hide the most first, until the tolerance is met."""
        done: set[float] = set()
        while self.result().gap > self.tolerance:
            hull = lower_hull(self.cost, self.error)
            chords = [(self._left(a, b, self.levels), a, b) for a, b in pairwise(hull) if _slope(a, b) not in done]
            if not chords:
                return
            area, a, b = max(chords)
            done.add(_slope(a, b))
            allowed = min(0.02 * area, 0.5 * self.tolerance * self.result().hypervolume / len(hull))
            self.list_below(_slope(a, b), self._level(a, b, allowed))

    def _left(self, a: tuple[float, float], b: tuple[float, float], levels: list[float]) -> float:
        """Return the area between a and b that no line excludes; one line more than so far has the chord's weight."""
        inside = (self.cost >= a[0]) & (self.cost <= b[0])
        weights = self.weights + [_slope(a, b)] * (len(levels) - len(self.levels))
        return float(uncertain_areas(self.error[inside], self.cost[inside], np.array(weights), np.array(levels)).sum())

    def _level(self, a: tuple[float, float], b: tuple[float, float], allowed: float) -> float:
        """Return about the lowest level of a line along a chord that leaves no more than an area between a and b."""
        inside = (self.cost >= a[0]) & (self.cost <= b[0])
        weight = _slope(a, b)
        low = a[1] + weight * a[0]
        high = float((self.error[inside][:-1] + weight * self.cost[inside][1:]).max())
        for _ in range(20):
            middle = 0.5 * (low + high)
            if self._left(a, b, [*self.levels, middle]) <= allowed:
                high = middle
            else:
                low = middle
        return high

    # ---------------------------------------------------------------------------------------------------------- search
    def minimize(self, weight: float) -> tuple[float, float]:
        """Minimize `error + weight x cost`, and note the line; return the error and the cost of the best design."""
        run = Run(self.fields.weighing(weight), self.searcher)
        space = self.problem.space
        run.incumbents.add(
            self.designs[:, space.network],
            self.problem.accelerator_space.index(self.designs[:, space.hardware], trusted=True),
        )
        for _ in run.steps(None):
            pass
        proof = run.proof()
        if proof.design is None:
            raise ValueError(f"problem {self.problem.name!r}: no design meets the limits, so that there is no front")
        self.weights.append(weight)
        self.levels.append(proof.lower_bound - proof.certificate.slack)
        design = np.array([proof.design])
        self._add(np.concatenate([self.designs, design]))
        self._say(f"least error + {weight:.3g} x cost")
        evaluation = self.problem.evaluate(design)
        return float(evaluation.error_pct[0]), float(self.problem.objective.cost_function(evaluation.cost)[0])

    def list_below(self, weight: float, level: float) -> None:
        """Add all designs with `error + weight x cost < level`, and note the line."""
        fields = self.fields.weighing(weight)
        found = [self.designs]
        for number, cases in enumerate(fields.cases):
            scan = self.searcher.search(cases, np.arange(len(cases)), best=level, slack=0.0, vertex_limit=1)
            waiting = np.flatnonzero(scan.ended == UNFINISHED)
            for first in range(0, len(waiting), _BATCH):
                chosen = waiting[first : first + _BATCH]
                batch = self.searcher.search(
                    cases, chosen, best=level, slack=0.0, vertex_limit=np.iinfo(np.int64).max, collect=True
                )
                if batch.count[:, 1].any():
                    raise ValueError(f"problem {self.problem.name!r}: too many designs are near its front to list them")
                rows, places = np.nonzero(np.arange(batch.value.shape[1]) < batch.count[:, :1])
                networks = fields.networks(number, batch.labels[rows, places])
                found.append(self.problem.design(networks, cases.accelerators[chosen[rows]]))
            rows = np.flatnonzero(scan.count[:, 0])
            networks = fields.networks(number, scan.labels[rows, 0])
            found.append(self.problem.design(networks, cases.accelerators[rows]))
        self.weights.append(weight)
        self.levels.append(level - 1e-9 * abs(level))
        self._add(np.unique(np.concatenate(found), axis=0))
        self._say(f"all below error + {weight:.3g} x cost = {level:.3f}")

    def result(self) -> ProvedFront:
        """Return the front as it is."""
        return ProvedFront(
            self.problem.fingerprint(),
            self.designs,
            self.error,
            self.cost,
            np.array(self.weights),
            np.array(self.levels),
            round(time.perf_counter() - self.start, 3),
        )

    # --------------------------------------------------------------------------------------------------------- private
    def _add(self, designs: np.ndarray) -> None:
        evaluation = self.problem.evaluate(designs)
        cost = self.problem.objective.cost_function(evaluation.cost)
        best = non_dominated(evaluation.error_pct, np.where(evaluation.feasible, cost, np.inf))
        self.designs, self.error, self.cost = designs[best], evaluation.error_pct[best], cost[best]

    def _points(self) -> list[tuple[float, float]]:
        return list(zip(self.cost.tolist(), self.error.tolist(), strict=True))

    def _box(self, points: list[tuple[float, float]]) -> float:
        return (points[-1][0] - points[0][0]) * (points[0][1] - points[-1][1])

    def _enclosed(self, a: tuple[float, float], b: tuple[float, float]) -> float:
        """Return about the area between the chord from a to b and the lines below it."""
        costs = np.linspace(a[0], b[0], 65)[1:-1]
        chord = np.interp(costs, [a[0], b[0]], [a[1], b[1]])
        lines = np.max([level - w * costs for w, level in zip(self.weights, self.levels, strict=True)], axis=0)
        return float(np.clip(chord - lines, 0.0, None).mean() * (b[0] - a[0]))

    def _say(self, step: str) -> None:
        if self.report is not None:
            self.report(FrontProgress(step, len(self.designs), self.result().gap))


def _slope(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Return the weight for which two points (cost, error) have the same weighted sum."""
    return (a[1] - b[1]) / (b[0] - a[0])
