"""The worst of several workloads."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from dance_env.objective.cost_function import CostFunction, fingerprint_of, name_of


@dataclass(frozen=True)
class WorstCase:
    """The largest value of a cost function over a network's workloads, whatever their weights.

    In the relaxed view it is the largest of the workloads' expected costs, which is at most the expected largest.

    Attributes:
        cost_function: Of one workload's cost.
    """

    cost_function: CostFunction

    def __call__(self, cost: Any) -> Any:
        """Return the largest value over the workloads, in the broadcast shape of the cost's leaves.

        Raises:
            ValueError: If the cost is not one of several workloads.
        """
        if not cost.workloads:
            raise ValueError(
                f"{self} needs the costs of several workloads, and there is one; take the inner cost function"
            )
        return reduce(_larger, (self.cost_function(each) for each in cost.workloads.values()))

    def fingerprint(self) -> str | None:
        """Return the inner cost function's fingerprint, marked; None where it has none."""
        inner = fingerprint_of(self.cost_function)
        return None if inner is None else f"largest over workloads of {inner}"

    def __str__(self) -> str:
        return f"largest {name_of(self.cost_function)} of all workloads"


def _larger(a: Any, b: Any) -> Any:
    """Return the larger of two numpy arrays or torch tensors, element by element."""
    return a.maximum(b) if hasattr(a, "maximum") else np.maximum(a, b)
