"""Checks of lesson 5: a solver of your own."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np

from checks.exercise import exercise
from dance_env import make_problem
from dance_env.analysis.exact import optimum
from solvers import Solver, make_solver
from solvers.testing import check_solver

_BUDGET, _SEEDS = 200, range(5)


def _contract(answer: Any) -> str:
    """What is wrong with a solver's class by the contract; empty if nothing."""
    if not (isinstance(answer, type) and issubclass(answer, Solver)):
        return f"give a class that derives from solvers.Solver, not {answer!r}"
    if not dataclasses.is_dataclass(answer) or not answer.__dataclass_params__.frozen:
        return "settings that can change during a run are not recorded: make it @dataclass(frozen=True)"
    report = check_solver(answer(), budget=16)
    failed = [outcome for outcome in report.outcomes if not outcome.as_expected]
    return f"the contract: {failed[0].check}: {failed[0].failure}" if failed else ""


@exercise("5.1")
def sampler(answer: Any) -> str:
    """The sampler without its faults."""
    wrong = _contract(answer)
    if wrong:
        return wrong
    if [field.name for field in dataclasses.fields(answer)] != ["batch"] or answer().batch != 8:
        return "keep its one setting, batch = 8"
    return ""


@exercise("5.2")
def better_than_random(answer: Any) -> str:
    """A solver with at most half of random search's regret."""
    wrong = _contract(answer)
    if wrong:
        return wrong
    problem = make_problem("tiny/balanced")
    best = optimum(problem).objective
    regrets = []
    for solver in (make_solver("random"), answer()):
        found = [solver.solve(problem, budget=_BUDGET, seed=seed).best_objective for seed in _SEEDS]
        regrets.append(100 * (float(np.median(found)) / best - 1))
    if regrets[1] <= 0.5 * regrets[0]:
        return ""
    return (
        f"its median regret is {regrets[1]:.2f} %; random search's is {regrets[0]:.2f} %, and half of it is asked for"
    )


@exercise("5.3")
def sign_flip_p(answer: Any) -> str:
    """The exact two-sided p-value of a paired sign-flip test."""
    rng = np.random.default_rng(53)
    cases = [
        ("five seeds, all of one sign", np.arange(5.0), np.array([1.0, 3.0, 5.0, 7.0, 9.0])),
        ("no difference", np.ones(4), np.ones(4)),
        ("one seed", np.array([1.0]), np.array([2.0])),
        ("eight seeds", rng.random(8), rng.random(8)),
    ]
    for name, first, second in cases:
        got = answer(first.copy(), second.copy())
        if got is None:
            raise NotImplementedError
        apart = first - second
        ways = np.array([np.mean(apart * signs) for signs in itertools.product((1, -1), repeat=len(apart))])
        right = float(np.mean(np.abs(ways) >= abs(apart.mean()) - 1e-12))
        one_sided = float(np.mean(ways >= apart.mean() - 1e-12))
        if not np.isclose(got, right, rtol=0, atol=1e-9):
            if np.isclose(got, one_sided) or np.isclose(got, right / 2):
                return f"with {name}: that is one-sided; count differences as far from zero on either side"
            return f"with {name} it is {right:g}, not {float(got):g}"
    return ""
