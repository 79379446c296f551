"""The best designs found so far, each evaluated by the problem itself."""

from __future__ import annotations

import math

import numpy as np

from dance_env.problem import Problem

_SLACK = 5e-10  # relative: far above rounding errors, below what a proof promises (1e-9)


class Incumbents:
    """Designs whose objective is within the slack of the best.

    Args:
        problem: What evaluates them.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._found: dict[tuple[int, ...], float] = {}
        self.best = math.inf

    @property
    def slack(self) -> float:
        """What rounding may amount to, and much more."""
        return _SLACK * (max(abs(self.best), 1e-3) if math.isfinite(self.best) else 1.0)

    @property
    def designs(self) -> np.ndarray:
        """The designs, `(B, D)` int64, best first; among equals the one of least cost, then the first in the space."""
        if not self._found:
            return np.empty((0, self._problem.space.num_choices), dtype=np.int64)
        designs = np.array(sorted(self._found), dtype=np.int64)
        evaluation = self._problem.evaluate(designs)
        cost = self._problem.objective.cost_function(evaluation.cost)
        return designs[np.lexsort((cost, evaluation.objective))]

    def add(self, networks: np.ndarray, accelerators: np.ndarray) -> None:
        """Evaluate designs, and keep the best.

        Args:
            networks: `(B, N)`.
            accelerators: `(B,)` indices.
        """
        if not len(networks):
            return
        designs = self._problem.design(networks, accelerators)
        evaluation = self._problem.evaluate(designs)
        for design, value, feasible in zip(designs, evaluation.objective, evaluation.feasible, strict=True):
            if feasible and value <= self.best + self.slack:
                self._found[tuple(design.tolist())] = float(value)
                self.best = min(self.best, float(value))
        self._found = {design: value for design, value in self._found.items() if value <= self.best + self.slack}
