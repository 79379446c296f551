"""Random search: the baseline of every comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.solver import Solver


@dataclass(frozen=True)
class RandomSearch(Solver):
    """Designs drawn uniformly over the space.

    Attributes:
        batch: designs evaluated at a time; changes speed, not what is drawn.
    """

    name: ClassVar[str] = "random"
    batch: int = 256

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ValueError(f"batch is at least 1, not {self.batch}")

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Sample until the budget is spent."""
        while True:
            problem.evaluate(problem.space.sample(rng, self.batch))
