"""The end of a search: decoded designs evaluated exactly, within a share of the budget, none of them twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from solvers.contract.metered_problem import MeteredProblem


class Finalists:
    """What one run has evaluated exactly; mutable.

    Args:
        problem: the metered problem.
        lambdas: factors on lambda2, one for each search of a sweep (one of them, 1, without a sweep).
    """

    def __init__(self, problem: MeteredProblem, lambdas: tuple[float, ...]) -> None:
        self._problem = problem
        self._weights = [factor * problem.objective.weight for factor in lambdas]
        self._seen: set[bytes] = set()
        self._designs: list[np.ndarray] = []
        self._scores: list[np.ndarray] = []  # columns: violation, error_pct, cost function

    def evaluate(self, designs: np.ndarray, *, most: int) -> int:
        """Evaluate the first `most` of `designs` (B, D) that were not evaluated before; how many those are.

        Raises:
            BudgetExhausted: the budget does not allow them all.
        """
        batch = self.unseen(designs, most=most)
        if not len(batch):
            return 0
        self._seen.update(design.tobytes() for design in batch)
        evaluation = self._problem.evaluate(batch)
        with np.errstate(invalid="ignore"):
            cost = self._problem.objective.cost_function(evaluation.cost)
        self._designs.append(batch)
        self._scores.append(np.stack([evaluation.violation, evaluation.error_pct, cost], axis=1))
        return len(batch)

    def unseen(self, designs: np.ndarray, *, most: int) -> np.ndarray:
        """The first `most` of `designs` (B, D) that were not evaluated yet, each once."""
        fresh: dict[bytes, int] = {}
        for row, design in enumerate(designs):
            if len(fresh) >= most:
                break
            key = design.tobytes()
            if key not in self._seen:
                fresh.setdefault(key, row)
        return designs[list(fresh.values())]

    def best_networks(self, count: int) -> np.ndarray:
        """The networks (n, N) of the best designs so far, at most `count` for each lambda: feasible first, then objective."""
        designs, scores = np.concatenate(self._designs), np.concatenate(self._scores)
        columns = designs[:, self._problem.space.network]
        chosen: dict[bytes, None] = {}
        for weight in self._weights:
            objective = scores[:, 1] + (weight * scores[:, 2] if weight else 0.0)
            order = np.lexsort((objective, scores[:, 0]))
            chosen.update(dict.fromkeys(list(dict.fromkeys(columns[row].tobytes() for row in order))[:count]))
        return np.array([np.frombuffer(each, dtype=np.int64) for each in chosen]).reshape(-1, columns.shape[1])


def in_turns(losses: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Row numbers, the best of every group first, then the second best of every group, and so on."""
    order = np.argsort(losses, kind="stable")
    rank = np.empty(len(losses), dtype=np.int64)
    for group in np.unique(groups):
        members = order[groups[order] == group]
        rank[members] = np.arange(len(members))
    return np.lexsort((groups, rank))
