"""A problem as sums of factors: what is minimized, under which limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dance_env.accuracy import FactoredAccuracy
from dance_env.objective import EDAP, Linear
from dance_env.problem import Problem
from dance_env.space import Factor, FactorSum

LATENCY, ENERGY = "latency_s", "energy_j"


@dataclass(frozen=True, eq=False)
class Term:
    """One cost: `product E L + by_latency L + by_energy E + fixed`, each factor a function of the area.

    Attributes:
        latency, energy: Names of the resources L and E.
        factors: From areas `(H,)` to the four factors `(H, 4)`.
    """

    latency: str
    energy: str
    factors: Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Form:
    """What is minimized: `weight x error + the largest of the terms`, under limits.

    Attributes:
        error: Percentage points, a sum of width 1.
        error_weight: What a percentage point counts.
        resources: Latencies and energies by name, sums with a value for each accelerator.
        terms: The costs, at least one.
        limits: The largest value allowed, by resource.
        error_limit: The largest error allowed, percentage points.
        area_limit: The largest area allowed, mm2.
    """

    error: FactorSum
    error_weight: float
    resources: dict[str, FactorSum]
    terms: tuple[Term, ...]
    limits: dict[str, float]
    error_limit: float = np.inf
    area_limit: float = np.inf


def form_of(problem: Problem) -> Form:
    """Return what a problem minimizes.

    Raises:
        ValueError: If the accuracy is no sum of factors, or the cost function is neither `EDAP` nor `Linear`.
    """
    resources = {LATENCY: problem.costs.latency_s, ENERGY: problem.costs.energy_j}
    objective = problem.objective
    limits = {limit.metric: limit.limit for limit in objective.constraints}
    return Form(
        error=_error(problem),
        error_weight=1.0,
        resources=resources,
        terms=(_term(problem),),
        limits={name: limit for name, limit in limits.items() if name in resources},
        error_limit=limits.get("error_pct", np.inf),
        area_limit=limits.get("area_mm2", np.inf),
    )


def _error(problem: Problem) -> FactorSum:
    """Return the error, percentage points, as a sum."""
    if not isinstance(problem.accuracy, FactoredAccuracy):
        raise ValueError(
            f"problem {problem.name!r}: the accuracy model {type(problem.accuracy).__name__} is no sum of factors over few "
            "choices (it has no `factor_sum`), so that no optimum can be proved; fit a `FactorAccuracy` to it, or let "
            "solvers search: dance compare"
        )
    sums = problem.accuracy.factor_sum()
    factors = [Factor(factor.scope, -100.0 * factor.table) for factor in sums.factors]
    return FactorSum(sums.option_counts, 100.0 - 100.0 * sums.constant, factors)


def _term(problem: Problem) -> Term:
    function, weight = problem.objective.cost_function, problem.objective.weight
    if not weight:
        return Term(LATENCY, ENERGY, lambda area: np.zeros((len(area), 4)))
    if isinstance(function, EDAP):
        per_area = weight / function.reference_js_mm2
        return Term(LATENCY, ENERGY, lambda area: _columns(per_area * area, 0.0, 0.0, 0.0))
    if isinstance(function, Linear):
        linear = function
        return Term(
            LATENCY,
            ENERGY,
            lambda area: _columns(
                0.0, weight * linear.latency_s, weight * linear.energy_j, weight * linear.area_mm2 * area
            ),
        )
    raise ValueError(
        f"problem {problem.name!r}: an optimum can be proved for the cost functions EDAP and Linear, got "
        f"{type(function).__name__}. Use one of them, or let solvers search: dance compare"
    )


def _columns(*columns: np.ndarray | float) -> np.ndarray:
    return np.stack(np.broadcast_arrays(*columns), axis=1).astype(np.float64)
