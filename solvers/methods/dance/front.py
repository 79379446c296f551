"""dance-front: DANCE's search over a range of lambda2, for a Pareto front."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from solvers.contract.capabilities import Capabilities
from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.solver import Solver
from solvers.methods.dance.dance import Dance, affordable_searches, search
from solvers.methods.dance.evaluator import metered_evaluator
from solvers.methods.gradient.threads import torch_threads


@dataclass(frozen=True)
class DanceFront(Solver):
    """DANCE with a different lambda2 in each search: the evaluated designs approximate a Pareto front.

    The paper draws its front of error and EDAP this way. The factors are taken in turn, one search each, until the
    budget is spent.

    Attributes:
        dance: the search and its evaluator.
        lambdas: factors on the objective's weight.
    """

    name: ClassVar[str] = "dance-front"
    capabilities: ClassVar[Capabilities] = Capabilities(
        access="white box", needs_expectation=True, handles_workloads=False
    )
    dance: Dance = field(default_factory=Dance)
    lambdas: tuple[float, ...] = tuple(2.0**power for power in range(-5, 6))

    def __post_init__(self) -> None:
        if not self.lambdas or not all(np.isfinite(each) and each >= 0 for each in self.lambdas):
            raise ValueError(f"lambdas must be one or more factors >= 0 on the objective's weight; got {self.lambdas}")

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Train or load the evaluator, then run searches, one factor each in turn, until the budget is spent."""
        dance = self.dance
        with torch_threads(1):
            evaluator = metered_evaluator(
                problem, dance.evaluator, rng, fresh=dance.fresh_evaluator, device=dance.device
            )
            relaxed = problem.relax(device=dance.device)
            factors = itertools.cycle(self.lambdas)
            while problem.meter.left:
                number = min(len(self.lambdas), affordable_searches(dance, problem))
                lambda2 = problem.objective.weight * np.array(list(itertools.islice(factors, number)))
                problem.evaluate(search(dance, problem, evaluator, relaxed, rng, lambda2=lambda2))
