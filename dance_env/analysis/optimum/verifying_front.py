"""Check a front's record a second time, by other means: evaluations alone, numpy alone, as `verifying` checks an optimum's."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from dance_env.analysis.optimum.differences import Differences
from dance_env.analysis.optimum.form import form_of
from dance_env.analysis.optimum.front import ProvedFront, lower_hull
from dance_env.analysis.optimum.grouping import Grouping, find_grouping
from dance_env.analysis.optimum.simple_search import least_value
from dance_env.analysis.optimum.verifying import Again, check_sums
from dance_env.problem import Problem

_ROUNDING = 1e-9  # relative


@dataclass(frozen=True)
class FrontVerification:
    """What was checked, and held.

    Attributes:
        designs: Designs of the front that were evaluated; each is on the cheapest of all accelerators for its network.
        searches: Accelerators searched again below a line: every design there is on the front or dominated by it.
        priced: Designs that were evaluated in these searches.
    """

    designs: int
    searches: int
    priced: int


def verify_front(
    problem: Problem,
    front: ProvedFront,
    *,
    sample: int = 20,
    progress: Callable[[int, int], None] | None = None,
) -> FrontVerification:
    """Check a front against the problem.

    Checked are: the problem's fingerprint; errors and costs of the designs, that they meet the limits, and that none of them
    dominates another one; that each network is on its cheapest accelerator; that errors and costs are sums over groups; and on
    a sample of accelerators, by a second search, that every design below a line is on the front or dominated by it. The
    lines are those of the record; of a front without lines, those through neighbors on its convex hull.

    Args:
        problem: The problem.
        front: Its front, as read from a record.
        sample: How many pairs of line and accelerator are searched again, the same ones each time. Every other one is an
            accelerator that the front makes use of.
        progress: Called with (searches done, searches).

    Raises:
        ValueError: If something does not hold. The message says what.
    """
    if front.fingerprint is None or front.fingerprint != problem.fingerprint():
        raise ValueError(
            f"the front is of another problem than {problem.name!r} as it is now: the fingerprints differ. Prove it anew: "
            "dance optimum TASK --front"
        )
    _check_designs(problem, front)
    lines = _lines(front)
    form = form_of(problem)
    scopes = sorted({factor.scope for sums in form.resources.values() for factor in sums.factors})
    grouping = find_grouping(form.error.option_counts, scopes, [factor.scope for factor in form.error.factors])
    assignments = list(grouping.assignments())
    used = np.unique(problem.accelerator_space.index(front.designs[:, problem.space.hardware], trusted=True))
    rng = np.random.default_rng(0)
    searches = priced = 0
    for number in range(sample if lines else 0):
        weight, level = lines[int(rng.integers(len(lines)))]
        assignment = assignments[int(rng.integers(len(assignments)))]
        every = problem.accelerator_space.size
        accelerator = int(rng.choice(used)) if number % 2 == 0 else int(rng.integers(every))
        priced += _search(problem, front, grouping, assignment, accelerator, weight, level, rng)
        searches += 1
        if progress is not None:
            progress(searches, sample)
    return FrontVerification(len(front), searches, priced)


def _check_designs(problem: Problem, front: ProvedFront) -> None:
    evaluation = problem.evaluate(front.designs)
    cost = problem.objective.cost_function(evaluation.cost)
    if not evaluation.feasible.all():
        raise ValueError(f"{int((~evaluation.feasible).sum())} designs of the front exceed a limit")
    if (evaluation.error_pct != front.error).any() or (cost != front.cost).any():
        raise ValueError("designs of the front have other errors or costs than the record says")
    if (np.diff(front.error) >= 0).any() or (np.diff(front.cost) <= 0).any():
        raise ValueError("a design of the front dominates another one")
    weighing = replace(problem, objective=replace(problem.objective, weight=1.0))
    networks = front.designs[:, problem.space.network]
    best = problem.evaluate(problem.design(networks, weighing.best_hardware(networks)))
    cheaper = np.asarray(problem.objective.cost_function(best.cost)) < front.cost * (1.0 - _ROUNDING)
    if (cheaper & best.feasible).any():
        raise ValueError(f"{int(cheaper.sum())} networks of the front are cheaper on another accelerator")


def _lines(front: ProvedFront) -> list[tuple[float, float]]:
    """Return weights and levels of lines: every design below one is on the front or dominated by it."""
    if not front.sets:
        return list(zip(front.weights.tolist(), front.levels.tolist(), strict=True))
    lines = []
    for (cost, error), (dearer, better) in pairwise(lower_hull(front.cost, front.error)):
        weight = (error - better) / (dearer - cost)
        lines.append((weight, error + weight * cost))
    return lines


def _search(
    problem: Problem,
    front: ProvedFront,
    grouping: Grouping,
    assignment: tuple[int, ...],
    accelerator: int,
    weight: float,
    level: float,
    rng: np.random.Generator,
) -> int:
    """Search one accelerator below a line; return how many designs were evaluated."""
    weighing = replace(problem, objective=replace(problem.objective, weight=weight))
    form = form_of(weighing)
    tables = Differences.around(
        weighing,
        grouping,
        assignment,
        base=front.designs[0, problem.space.network],
        names=tuple(form.resources),
        accelerators=np.array([accelerator]),
    )
    check_sums(weighing, grouping, tables, np.array(assignment, dtype=np.int64), rng)
    free = np.concatenate([np.zeros(len(form.limits) + 1), np.ones(len(form.terms))])
    again = Again(weighing, form, grouping, assignment, tables, accelerator, free)
    below = level - _ROUNDING * abs(level)

    def undominated(labels: np.ndarray) -> np.ndarray:
        designs = again.designs(labels)
        evaluation = weighing.evaluate(designs)
        cost = np.asarray(weighing.objective.cost_function(evaluation.cost))
        allowed = front.error[None, :] <= evaluation.error_pct[:, None] * (1.0 + _ROUNDING)
        least = np.where(allowed, front.cost[None, :], math.inf).min(axis=1)
        new = evaluation.feasible & (cost < least * (1.0 - _ROUNDING))
        return np.where(new, evaluation.objective, math.inf)

    constant, unary, pairs = again.field()
    best, priced = least_value(constant, unary, pairs, below=below, value=undominated)
    if best < below:
        raise ValueError(
            f"accelerator {accelerator} has a design below the line error + {weight:.6g} x cost = {level:.6g} that the front "
            "neither has nor dominates"
        )
    return priced
