"""Checks of lesson 3: gradients, evolution and reinforcement learning."""

from __future__ import annotations

import hashlib
import os
from typing import Any

import numpy as np

from checks.exercise import exercise, number_is
from dance_env import make_problem
from dance_env.problem import Problem

_TRUTH = {
    "a": "db1432a0cd35",
    "b": "e91bbfc9b4a8",
    "c": "87fd43a9258c",
    "d": "d3351ad4392b",
    "e": "6974c168b555",
    "f": "66bf2f856f51",
}


def _problem() -> Problem:
    return make_problem("tiny/balanced" if os.environ.get("DANCE_COURSE_SMALL") == "1" else "macro-cifar10/balanced")


@exercise("3.1")
def supernet_hours(answer: Any) -> str:
    """The price of a supernet."""
    problem = _problem()
    one = problem.supernet_gpu_hours / problem.supernet_trainings
    first = float(problem.training_gpu_hours(np.zeros((1, len(problem.network_space.choices())), np.int64))[0])
    mistakes = {
        one: "that is one training of the largest network; a supernet is billed as several",
        problem.supernet_trainings * first: "that is with the smallest network",
    }
    return number_is(answer, problem.supernet_gpu_hours, unit="GPU-hours", within=1e-6, mistakes=mistakes)


@exercise("3.2")
def training_bill(answer: Any) -> str:
    """GPU-hours of networks, each trained once."""
    problem, rng = _problem(), np.random.default_rng(32)
    networks = problem.space.sample(rng, 40)[:, problem.space.network]
    for asked in (networks[:1], networks, np.vstack([networks, networks[::-1], networks[:3]])):
        got = answer(problem, asked.copy())
        if got is None:
            raise NotImplementedError
        right = float(problem.training_gpu_hours(np.unique(asked, axis=0)).sum())
        every = float(problem.training_gpu_hours(asked).sum())
        wrong = number_is(
            got,
            right,
            unit="GPU-hours",
            within=1e-9,
            mistakes={every: "a network that is evaluated again is not trained again"},
        )
        if wrong:
            return f"for {len(asked)} networks, {len(np.unique(asked, axis=0))} of them distinct: {wrong}"
    return ""


@exercise("3.3")
def hours_to(answer: Any) -> str:
    """GPU-hours to a target."""
    from solvers import make_solver

    problem = make_problem("tiny/balanced")
    trace = make_solver("random").solve(problem, budget=80, seed=1).trace
    so_far, last = trace.best_so_far(), float(trace.best_so_far()[-1])
    for optimum, percent in ((last / 1.02, 30.0), (last / 1.02, 5.0), (last, 0.0), (last / 1.02, 1.0)):
        got = answer(trace, optimum, percent)
        if got is None:
            raise NotImplementedError
        near = np.flatnonzero(100 * (so_far / optimum - 1) <= percent)
        right = float(trace.gpu_hours[near[0]]) if len(near) else np.inf
        if np.isinf(right):
            if not np.isinf(got):
                return f"a run that ends above {percent:g} % never gets there: the hours are infinite, not {got}"
        elif not np.isclose(got, right):
            if np.isclose(got, near[0]) or np.isclose(got, near[0] + 1):
                return "that is the number of the evaluation; the hours are in trace.gpu_hours"
            return f"at {percent:g} % it is {right:.4f} GPU-hours, not {got:.4f}"
    return ""


@exercise("3.4")
def true_statements(answer: Any) -> str:
    """Which statements are true: a hash of each verdict is stored, not the verdict."""
    if not isinstance(answer, str) or not set(answer) <= set(_TRUTH):
        return f"give letters from {min(_TRUTH)} to {max(_TRUTH)} as a text, such as 'ae'"
    misjudged = sum(_digest(letter, letter in answer) != stored for letter, stored in _TRUTH.items())
    return f"{misjudged} of the {len(_TRUTH)} statements are judged wrongly" if misjudged else ""


def _digest(letter: str, true: bool) -> str:
    return hashlib.sha256(f"3.4 {letter} {true}".encode()).hexdigest()[:12]
