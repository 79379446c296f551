"""The solver `coordinate-descent`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from solvers import MeteredProblem, Solver


@dataclass(frozen=True)
class CoordinateDescent(Solver):
    """One choice after another, in random order, is set to its best option, the others fixed; restarts when nothing improves.

    Attributes:
        options: the most options of a choice that are tried at a time.
    """

    name: ClassVar[str] = "coordinate-descent"
    options: int = 8

    def __post_init__(self) -> None:
        if self.options < 1:
            raise ValueError(f"at least 1 option is tried, not {self.options}")

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Descend until the budget is spent; what is evaluated is recorded by the problem."""
        while True:
            design, best = problem.space.sample(rng, 1)[0], np.inf
            improved = True
            while improved:
                improved = False
                for choice in rng.permutation(problem.space.num_choices):
                    tried = self._changed(design, int(choice), problem.space.option_counts, rng)
                    evaluation = problem.evaluate(tried)
                    objective = np.where(evaluation.feasible, evaluation.objective, np.inf)
                    if objective.min() < best:
                        design, best, improved = tried[objective.argmin()], objective.min(), True

    def _changed(self, design: np.ndarray, choice: int, counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Designs that differ from `design` in one choice, `(at most self.options, choices)`."""
        options = rng.permutation(int(counts[choice]))[: self.options]
        tried = np.repeat(design[None], len(options), axis=0)
        tried[:, choice] = options
        return tried
