"""What is known of a design once it has been evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dance_env.cost.cost import Cost


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The verdict on a batch of designs; every leaf has one common shape, (B,) or (B, H), float64.

    Attributes:
        cost: latency (s), energy (J) and area (mm2) of one inference on the design's accelerator.
        accuracy: fraction of images classified correctly.
        objective: percentage points of error plus weighted cost, minimized.
        violation: sum of the relative amounts by which limits are exceeded; 0.0 means feasible.
    """

    cost: Cost
    accuracy: np.ndarray
    objective: np.ndarray
    violation: np.ndarray

    @property
    def error_pct(self) -> np.ndarray:
        """Classification error in percentage points."""
        return 100.0 * (1.0 - self.accuracy)

    @property
    def feasible(self) -> np.ndarray:
        """Whether every limit is met, bool."""
        return self.violation <= 0.0

    @property
    def shape(self) -> tuple[int, ...]:
        """Common shape of the leaves."""
        return self.objective.shape

    def best(self) -> int:
        """Index of the best of a batch (B,): least objective among the feasible; where none is, least violation.

        Raises:
            ValueError: an empty batch.
        """
        if not len(self):
            raise ValueError("an empty batch has no best design")
        return int(np.lexsort((self.objective, self.violation))[0])

    def best_hardware(self) -> np.ndarray:
        """Return the index (B,) int64 of the best accelerator of each network, where the leaves are (B, H).

        Least objective among the feasible accelerators; where none is feasible, least violation, then least objective; the
        lowest index among equals.
        """
        # A mask, not an infinite stand-in: the objective itself may be infinite where a layer cannot be mapped.
        least = self.violation == self.violation.min(axis=1, keepdims=True)
        best = np.where(least, self.objective, np.inf).argmin(axis=1)
        among_least = np.take_along_axis(least, best[:, None], axis=1)[:, 0]
        return np.where(among_least, best, least.argmax(axis=1)).astype(np.int64, copy=False)

    def __len__(self) -> int:
        return len(self.objective)

    def __getitem__(self, index: Any) -> Evaluation:
        """The evaluation of the designs at `index` (an index, slice or mask over the leaves)."""
        return Evaluation(self.cost[index], self.accuracy[index], self.objective[index], self.violation[index])
