"""Exhaustive search: looks at every design, so what it finds is the optimum."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dance_env.analysis.exact import optimum, pareto_front
from solvers.contract.capabilities import Capabilities
from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.solver import Solver


@dataclass(frozen=True)
class Exhaustive(Solver):
    """The exact optimum, then the exact Pareto front of error against the objective's cost, as far as the budget goes.

    It reads the cost table whole (the ledger says so, and bills every cost pair), and is billed the seconds of the pass
    over all networks and accelerators, whether it is made or its answer lies in the cache. Only for problems that
    `dance_env.analysis.exact` takes.

    Attributes:
        front: evaluate the front's designs after the optimum.
    """

    name: ClassVar[str] = "exhaustive"
    capabilities: ClassVar[Capabilities] = Capabilities(access="white box", needs_enumeration=True, deterministic=True)
    front: bool = True

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Evaluate the optimum and, if the budget allows, the front."""
        meter, tables = problem.meter, problem.unmetered
        start = time.perf_counter()
        with meter.oracle():
            best = optimum(tables)
            front = pareto_front(tables).designs if self.front else best.design[None]
        if time.perf_counter() - start < best.pass_seconds:  # read from the cache: an earlier call made the pass
            meter.bill_cached_oracle(best.pass_seconds)
        problem.evaluate(best.design[None])
        problem.evaluate(front[(front != best.design).any(axis=1)])
