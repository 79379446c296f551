"""The evaluator that a solver searches with, trained or loaded, and billed to the solver's run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dance_env.problem import Problem
from solvers.contract.metered_problem import MeteredProblem
from solvers.methods.dance.evaluator.evaluator import Evaluator
from solvers.methods.dance.evaluator.settings import EvaluatorSettings
from solvers.methods.dance.evaluator.store import evaluator_key, load_or_train, shipped_file


def metered_evaluator(
    problem: MeteredProblem,
    settings: EvaluatorSettings,
    rng: np.random.Generator,
    *,
    fresh: bool = False,
    device: str = "cpu",
) -> Evaluator:
    """Return the evaluator of a problem, and bill its samples, cost pairs and training seconds in full.

    Args:
        problem: what it is for.
        settings: how it is built and trained.
        rng: the run's generator, which the seed is drawn from if `fresh`.
        fresh: whether this run trains an evaluator of its own, from its own seed.
        device: where it is put, and trained.
    """
    if fresh:
        settings = replace(settings, seed=int(rng.integers(2**31)))
    meter = problem.meter
    # The bill's own seconds are charged, once: the time inside may be spent waiting for another process to train it.
    with meter.charge("nobody"):
        evaluator, bill, _ = load_or_train(problem.unmetered_costs, settings, device=device)
    meter.bill_evaluator(bill.samples, seconds=bill.seconds, shared=not fresh)
    return evaluator


def unprepared(problem: Problem, settings: EvaluatorSettings, *, solver: str) -> str:
    """Return that a solver's evaluator does not ship for a problem, in a sentence; empty if it does.

    Args:
        problem: what it is for.
        settings: how it is built and trained.
        solver: the solver's name, for the sentence.
    """
    key = evaluator_key(problem, settings)
    if key is not None and shipped_file(key) is not None:
        return ""
    return f"{solver} trains an evaluator for {problem.name} first, which takes minutes: none ships"
