"""What a design is judged by: error plus weighted cost, under hard limits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

from dance_env.objective.constraint import Constraint
from dance_env.objective.cost_function import CostFunction, fingerprint_of, name_of

UNMAPPABLE = "unmappable"


@dataclass(frozen=True)
class Objective:
    """`error + weight x cost`, minimized, in percentage points of error (arXiv 2009.06237, the search's loss).

    Only arithmetic is used on the values, so that the same code serves numpy arrays and torch tensors.

    Attributes:
        cost_function: From a cost to one number per design: `EDAP`, `Linear`, or a `CostFunction` of your own.
        weight: The paper's lambda2, percentage points of error per unit of the cost function; 0 ignores the cost.
        constraints: Hard limits, at most one for each metric.

    Raises:
        TypeError: If one of the constraints is not a `Constraint`.
        ValueError: If the cost function cannot be called, the weight is negative or not finite, or two limits are on
            one metric.
    """

    cost_function: CostFunction
    weight: float
    constraints: tuple[Constraint, ...] = ()

    def __post_init__(self) -> None:
        if not callable(self.cost_function):
            raise ValueError(f"cost_function must be a function of a cost, such as EDAP; got {self.cost_function!r}")
        if not (isinstance(self.weight, Real) and math.isfinite(self.weight) and self.weight >= 0):
            raise ValueError(f"the objective's weight must be a finite number >= 0; got {self.weight!r}")
        object.__setattr__(self, "weight", float(self.weight))
        limits = (self.constraints,) if isinstance(self.constraints, Constraint) else tuple(self.constraints)
        for limit in limits:
            if not isinstance(limit, Constraint):
                raise TypeError(
                    f"constraints must be Constraint values, such as Constraint('latency_s', 1e-3); got {limit!r}"
                )
        object.__setattr__(self, "constraints", limits)
        metrics = [constraint.metric for constraint in self.constraints]
        if len(set(metrics)) != len(metrics):
            raise ValueError(f"at most one constraint for each metric; got {metrics}")

    def value(self, error_pct: Any, cost: Any) -> Any:
        """Return the objective of designs with the given error (percentage points) and cost, any shapes that broadcast."""
        return self.join(error_pct, self.cost_function(cost) if self.weight else 0.0)

    def join(self, error_pct: Any, cost_value: Any) -> Any:
        """Return the objective where the cost function's value is known already: `error_pct + weight x cost_value`."""
        # Without weight the cost is left out rather than multiplied by zero: 0 x inf would be NaN.
        return error_pct + self.weight * cost_value if self.weight else error_pct + 0.0

    def violation(self, error_pct: Any, cost: Any) -> Any:
        """Return the sum of the positive excesses over all limits, 0.0 for a feasible design.

        A design with a layer that has no mapping (its latency is infinite) violates one more rule, which is part of
        every objective, by the amount 1.

        Returns:
            Dimensionless, >= 0, in the broadcast shape of the latency and the limited metrics.
        """
        total = (cost.latency_s == math.inf) * 1.0
        for constraint in self.constraints:
            total = total + _positive_part(constraint.excess(error_pct, cost))
        return total

    def violations(self, error_pct: Any, cost: Any) -> dict[str, Any]:
        """Return the positive part of each limit's excess, by metric, and `unmappable`; their sum is `violation`."""
        by_name = {UNMAPPABLE: (cost.latency_s == math.inf) * 1.0}
        for constraint in self.constraints:
            by_name[constraint.metric] = _positive_part(constraint.excess(error_pct, cost))
        return by_name

    def cost_fingerprint(self) -> str | None:
        """Return the cost function's own fingerprint, or None where it has none (see `CostFunction`).

        Raises:
            TypeError: If the cost function's `fingerprint` does not return text.
        """
        return fingerprint_of(self.cost_function)

    def fingerprint(self) -> str | None:
        """Return all settings as text, the same in every process; None where the cost function has no fingerprint.

        Raises:
            TypeError: If the cost function's `fingerprint` does not return text.
        """
        function = self.cost_fingerprint()
        if function is None:
            return None
        limits = ", ".join(f"{limit.metric} <= {limit.limit!r}" for limit in self.constraints)
        return f"{function} x {self.weight!r}, [{limits}]"

    def __str__(self) -> str:
        """Return the objective as a sentence: what is added to the error, and the limits."""
        return self.describe()

    def describe(self, error_name: str = "error") -> str:
        """Return the objective as a sentence, the error under another name."""
        function = name_of(self.cost_function)
        terms = f"({function})" if " " in function else function
        cost = f" + {self.weight:g} x {terms}" if self.weight else ""
        return ", ".join([f"{error_name}{cost}", *(str(limit) for limit in self.constraints)])


def _positive_part(value: Any) -> Any:
    """max(value, 0) by arithmetic alone, exact: x + |x| is 2 x or 0."""
    return (value + abs(value)) * 0.5
