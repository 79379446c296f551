"""Checks of lesson 2: separate search."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import numpy as np

from checks.exercise import exercise, number_is
from dance_env import make_problem
from dance_env.analysis.exact import best_designs


@cache
def _solved() -> tuple:
    """Problem, the best design of each network, and their evaluation."""
    networks = "tiny" if os.environ.get("DANCE_COURSE_SMALL") == "1" else "macro-cifar10"
    problem = make_problem(f"{networks}/latency-limited")
    designs = best_designs(problem)
    return problem, designs, problem.evaluate(designs)


def _regret_of_weight(weight: float) -> float:
    problem, designs, own = _solved()
    macs = problem.network_space.macs(designs[:, problem.space.network]) / 1e6
    chosen = int((own.error_pct + weight * macs).argmin())
    return float(own.objective[chosen] - own.objective[own.best()]) if own.feasible[chosen] else np.inf


@exercise("2.1")
def networks_in_time(answer: Any) -> str:
    """Networks that meet the deadline on some accelerator."""
    _, _, own = _solved()
    mistakes = {
        float(len(own)): "these are all networks",
        float((~own.feasible).sum()): "these are the networks that miss it",
    }
    return number_is(answer, int(own.feasible.sum()), unit="networks", mistakes=mistakes)


@exercise("2.2")
def best_accelerators(answer: Any) -> str:
    """Accelerators that are best for a network in time."""
    problem, designs, own = _solved()
    hardware = designs[:, problem.space.hardware]
    right = len(np.unique(hardware[own.feasible], axis=0))
    mistakes = {
        float(len(np.unique(hardware, axis=0))): "networks that miss the deadline everywhere do not count",
        float(own.feasible.sum()): "several networks share an accelerator: count different ones",
    }
    return number_is(answer, right, unit="accelerators", mistakes=mistakes)


@exercise("2.3")
def weight(answer: Any) -> str:
    """A weight on MACs that loses the least."""
    if isinstance(answer, bool) or not isinstance(answer, int | float | np.number) or not np.isfinite(answer):
        return f"give a number, points of error for each million MACs; got {answer!r}"
    if answer < 0:
        return "a negative weight rewards MACs"
    least = min(_regret_of_weight(each) for each in np.geomspace(1e-3, 1.0, 2001))
    lost = _regret_of_weight(float(answer))
    if lost <= least + 1e-9:
        return ""
    if lost == np.inf:
        return "with this weight the network meets the deadline on no accelerator: it is too light"
    return f"it loses {lost:.3f} points; another weight loses {least:.3f}"


@exercise("2.4")
def regret_of_array(answer: Any) -> str:
    """The best design with a given array."""
    if not callable(answer):
        return "give a function"
    problem, designs, own = _solved()
    networks, optimum = designs[:, problem.space.network], float(own.objective[own.best()])
    hardware = problem.accelerator_space.hardware()
    best = hardware.take(problem.accelerator_space.index(designs[[own.best()]][:, problem.space.hardware]))
    for pe_x, pe_y in ((int(best.pe_x[0]), int(best.pe_y[0])), (24, 24), (8, 8)):
        here = np.flatnonzero((hardware.pe_x == pe_x) & (hardware.pe_y == pe_y))
        found = [problem.evaluate(problem.design(networks, np.full(len(networks), index))) for index in here]
        right = min(float(np.where(each.feasible, each.objective, np.inf).min()) for each in found) - optimum
        got = answer(problem, networks, pe_x, pe_y, optimum)
        if got is None:
            raise NotImplementedError
        where = f"on {pe_x} x {pe_y} PEs"
        if np.isinf(right) and not np.isinf(got):
            return f"{where} no design meets the limits, so the regret is infinite; got {got}"
        if np.isfinite(right) and not np.isclose(got, right, rtol=1e-9, atol=1e-9):
            if np.isclose(got, min(float(each.objective.min()) for each in found) - optimum):
                return f"{where} the design with the least objective misses a limit: leave such designs out"
            if np.isclose(got, right + optimum):
                return "return the regret: the objective above the joint optimum"
            return f"{where} it is {right:.6f} points, not {got:.6f}"
    return ""
