"""Checks of lesson 4: limits and Pareto fronts."""

from __future__ import annotations

import itertools
import os
from functools import cache
from typing import Any

import numpy as np

from checks.exercise import exercise, number_is
from dance_env import make_problem
from dance_env.analysis.exact import ParetoFront, least, optimum, pareto_front
from dance_env.problem import Evaluation

_LIMITS = {"latency_s": 0.6e-3, "energy_j": 0.5e-3, "error_pct": 12.0}


@cache
def _everything() -> tuple[np.ndarray, Evaluation]:
    problem = make_problem("tiny/balanced")
    designs = problem.space.unrank(np.arange(problem.space.size))
    return designs, problem.evaluate(designs)


@cache
def _front() -> ParetoFront:
    return pareto_front(
        make_problem("tiny/edap" if os.environ.get("DANCE_COURSE_SMALL") == "1" else "macro-cifar10/edap")
    )


@exercise("4.1")
def weight(answer: Any) -> str:
    """The least weight of a penalty with which the minimum is feasible, to a tenth."""
    if isinstance(answer, bool) or not isinstance(answer, int | float | np.number) or not 0 <= answer < np.inf:
        return f"give a weight of at least 0, not {answer!r}"
    _, everything = _everything()

    def feasible(value: float) -> bool:
        return bool(everything.feasible[(everything.objective + value * everything.violation).argmin()])

    if not feasible(float(answer)):
        return f"with the weight {answer:g} the penalized minimum misses the limit"
    if feasible(0.9 * float(answer)):
        return f"with the weight {0.9 * float(answer):g} the penalized minimum is feasible too: a smaller weight does"
    return ""


@exercise("4.2")
def points(answer: Any) -> str:
    """What a deadline costs that is shorter by a tenth."""
    problem = make_problem("tiny/balanced")
    before = optimum(problem).objective
    after = optimum(problem.limited({"latency_s": 0.45e-3})).objective
    mistakes = {
        after: "that is the objective of the best design in time; asked is how much worse it is than before",
        before - after: "a shorter deadline cannot make the best design better: mind the sign",
    }
    return number_is(answer, after - before, unit="points", within=1e-6, mistakes=mistakes)


@exercise("4.3")
def smallest(answer: Any) -> str:
    """The design with the least area under three limits."""
    problem = make_problem("tiny/balanced").limited(_LIMITS)
    design = np.asarray(answer)
    if design.shape != (len(problem.space.choices),):
        return f"give one design, ({len(problem.space.choices)},) option indices; got an array of shape {design.shape}"
    evaluation = problem.evaluate(design[None])
    if not evaluation.feasible[0]:
        missed = problem.violations(design[None])[0]
        return f"it exceeds the limit of {', '.join(name for name, value in missed.items() if value > 0)}"
    area = float(least(problem, "area_mm2").evaluation.cost.area_mm2[0])
    got = float(evaluation.cost.area_mm2[0])
    return f"its area is {got:.4f} mm2; another design within the limits is smaller" if got > area * (1 + 1e-9) else ""


@exercise("4.4")
def not_dominated(answer: Any) -> str:
    """A mask of the points that no other dominates."""
    rng = np.random.default_rng(44)
    cases = {
        "two points that do not dominate each other": ([1.0, 2.0], [2.0, 1.0]),
        "a point that is equal in error and worse in cost": ([1.0, 1.0], [1.0, 2.0]),
        "two equal points": ([1.0, 1.0, 2.0], [1.0, 1.0, 3.0]),
        "200 random points": (rng.random(200), rng.random(200)),
        "points on a coarse grid": (rng.integers(0, 6, 60).astype(float), rng.integers(0, 6, 60).astype(float)),
    }
    for name, (error, cost) in cases.items():
        error, cost = np.asarray(error), np.asarray(cost)
        got = answer(error.copy(), cost.copy())
        if got is None:
            raise NotImplementedError
        worse = (
            (error[:, None] >= error) & (cost[:, None] >= cost) & ((error[:, None] > error) | (cost[:, None] > cost))
        )
        right = ~worse.any(axis=1)
        got = np.asarray(got)
        if got.shape != error.shape or got.dtype != bool:
            return f"return a mask ({len(error)},) of true and false; got {got.dtype} of shape {got.shape}"
        if (got != right).any():
            row = int(np.flatnonzero(got != right)[0])
            return f"with {name}, point {row} is {'not ' if not right[row] else ''}on the front"
    return ""


@exercise("4.5")
def position(answer: Any) -> str:
    """A design of the front above the lower convex hull."""
    front = _front()
    if isinstance(answer, bool) or not isinstance(answer, int | np.integer) or not 0 <= answer < len(front):
        return f"give a position in the front, 0 to {len(front) - 1}; got {answer!r}"
    x, y = front.cost, front.error_pct
    here = int(answer)
    for left in range(here):
        for right in range(here + 1, len(front)):
            share = (x[here] - x[left]) / (x[right] - x[left])
            if y[here] > (1 - share) * y[left] + share * y[right] + 1e-12:
                return ""
    return "it lies on the lower convex hull: there is a weight for which nothing is better"


@exercise("4.6")
def hypervolume(answer: Any) -> str:
    """The area dominated by points, up to a reference."""
    rng = np.random.default_rng(46)
    cases = {
        "one point": ([[1.0, 1.0]], [3.0, 2.0]),
        "two points": ([[0.0, 1.0], [1.0, 0.0]], [2.0, 2.0]),
        "a dominated point beside one": ([[1.0, 1.0], [2.0, 2.0]], [3.0, 3.0]),
        "a point beyond the reference": ([[1.0, 1.0], [0.0, 5.0]], [3.0, 3.0]),
        "no point below the reference": ([[4.0, 4.0]], [3.0, 3.0]),
        "100 random points": (rng.random((100, 2)), [0.9, 0.8]),
    }
    for name, (points, reference) in cases.items():
        given, corner = np.asarray(points), np.asarray(reference)
        got = answer(given.copy(), corner.copy())
        if got is None:
            raise NotImplementedError
        right = _area(given, corner)
        if not np.isclose(got, right, rtol=1e-9, atol=1e-12):
            return f"with {name} it is {right:g}, not {float(got):g}"
    return ""


def _area(points: np.ndarray, corner: np.ndarray) -> float:
    """By strips between the values of the first objective: slow, and written another way than the library's."""
    edges = np.unique(np.concatenate([np.minimum(points[:, 0], corner[0]), corner[:1]]))
    total = 0.0
    for left, right in itertools.pairwise(edges):
        reached = points[points[:, 0] <= left][:, 1]
        total += (right - left) * max(0.0, corner[1] - min(reached.min(initial=np.inf), corner[1]))
    return total
