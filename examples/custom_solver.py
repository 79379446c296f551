"""A solver of your own: hill climbing with restarts.

Compare it:  python examples/compare.py --solvers random,evolution,examples/custom_solver.py:HillClimber
Check it:    python examples/custom_solver.py
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from solvers import MeteredProblem, Solver


@dataclass(frozen=True)
class HillClimber(Solver):
    """From a random design to its best neighbor, until there is none better; then from another one."""

    name: ClassVar[str] = "hill-climber"
    neighbors: int = 16

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Climb until the budget is spent: then `problem.evaluate` raises, and the run ends."""
        while True:
            here, best = problem.space.sample(rng, 1)[0], np.inf
            while True:
                around = rng.permutation(np.vstack((here, problem.space.neighbors(here))))[: self.neighbors]
                evaluation = problem.evaluate(around)
                objective = np.where(evaluation.feasible, evaluation.objective, np.inf)
                if not objective.min() < best:
                    break
                here, best = around[objective.argmin()], objective.min()


if __name__ == "__main__":
    from solvers.testing import check_solver

    print(check_solver(HillClimber()))
