"""The designs that a run has evaluated exactly, none of them twice."""

from __future__ import annotations

import numpy as np

from solvers.contract.metered_problem import MeteredProblem


class EvaluatedDesigns:
    """What one run has evaluated exactly; mutable."""

    def __init__(self, problem: MeteredProblem) -> None:
        self._problem = problem
        self._keys: set[bytes] = set()
        self._designs: list[np.ndarray] = []
        self._violation: list[np.ndarray] = []
        self._objective: list[np.ndarray] = []

    def evaluate(self, designs: np.ndarray, *, most: int) -> int:
        """Evaluate the first `most` of `designs` (B, D) that were not evaluated before, and return how many those are.

        Raises:
            BudgetExhausted: If the budget does not allow them all.
        """
        batch = self.new(designs, most=most)
        if not len(batch):
            return 0
        self._keys.update(design.tobytes() for design in batch)
        evaluation = self._problem.evaluate(batch)
        self._designs.append(batch)
        self._violation.append(evaluation.violation)
        self._objective.append(evaluation.objective)
        return len(batch)

    def new(self, designs: np.ndarray, *, most: int) -> np.ndarray:
        """Return the first `most` of `designs` (B, D) that were not evaluated yet, each once."""
        rows: dict[bytes, int] = {}
        for row, design in enumerate(designs):
            if len(rows) >= most:
                break
            key = design.tobytes()
            if key not in self._keys:
                rows.setdefault(key, row)
        return designs[list(rows.values())]

    def best_networks(self, count: int) -> np.ndarray:
        """Return the networks (n, N) of the best designs so far, at most `count`: feasible first, then by objective."""
        networks = np.concatenate(self._designs)[:, self._problem.space.network]
        order = np.lexsort((np.concatenate(self._objective), np.concatenate(self._violation)))
        rows: dict[bytes, int] = {}
        for row in order:
            if len(rows) == count:
                break
            rows.setdefault(networks[row].tobytes(), row)
        return networks[list(rows.values())]
