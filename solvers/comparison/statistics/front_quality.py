"""How much of the front of error and cost each run covers."""

from __future__ import annotations

import numpy as np

from dance_env.analysis.exact import MAX_DESIGNS, non_dominated, pareto_front
from dance_env.analysis.optimum import shipped_front
from solvers.comparison.run import TaskRuns
from solvers.comparison.statistics.fronts import hypervolume, igd_plus, normalized
from solvers.comparison.statistics.model import FrontQuality
from solvers.contract.result import Result

CORNER = np.array([1.1, 1.1])
"""The reference point of the hypervolume, in units of the reference front."""


def front_quality(runs: TaskRuns) -> FrontQuality | None:
    """Return what the feasible designs of each run cover; None where no design is feasible.

    The reference is the exact front where every design can be looked at, else a certified one that ships, else the
    front of all designs that these runs evaluated.
    """
    name, missing, reference = _reference(runs)
    if not len(reference):
        return None
    scaled = normalized(reference, reference)
    whole = hypervolume(scaled, CORNER)
    volumes: dict[str, np.ndarray] = {}
    distances: dict[str, np.ndarray] = {}
    for solver, results in runs.by_solver().items():
        found = [normalized(_front_of(result), reference) for result in results]
        volumes[solver] = np.array([hypervolume(each, CORNER) / whole for each in found])
        distances[solver] = np.array([igd_plus(each, scaled) for each in found])
    return FrontQuality(name, missing, len(reference), volumes, distances)


def _reference(runs: TaskRuns) -> tuple[str, float, np.ndarray]:
    """What it is called, what share of the hypervolume it may lack, and its points `(n, 2)` of error and cost."""
    problem = runs.problem
    if problem.space.size <= MAX_DESIGNS:
        front = pareto_front(problem)
        return "exact", 0.0, np.stack((front.error_pct, front.cost), axis=1)
    proved = shipped_front(problem)
    if proved is not None:
        return "certified", proved.gap, np.stack((proved.error, proved.cost), axis=1)
    points = np.concatenate([_front_of(result) for result in runs.results])
    return "best known", 0.0, points[non_dominated(points[:, 0], points[:, 1])]


def _front_of(result: Result) -> np.ndarray:
    """(n, 2) error and cost of the undominated feasible designs of a run; none where it failed."""
    if not result.status.complete:
        return np.empty((0, 2))
    found = result.trace[result.pareto]
    return np.stack((found.error_pct, found.cost), axis=1)
