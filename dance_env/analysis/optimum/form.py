"""A problem as sums of factors: what is minimized, under which limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dance_env.accuracy import FactoredAccuracy
from dance_env.cost import WorkloadTable
from dance_env.objective import EDAP, CostFunction, Linear, WorstCase
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
        ValueError: If the accuracy is no sum of factors, or the cost function is not `EDAP`, `Linear` or the `WorstCase` of one.
    """
    terms = _terms(problem)
    limits = {limit.metric: limit.limit for limit in problem.objective.constraints}
    error_limit, area_limit = limits.pop("error_pct", np.inf), limits.pop("area_mm2", np.inf)
    needed = [*(name for term in terms for name in (term.latency, term.energy)), *limits]
    return Form(
        error=_error(problem),
        error_weight=1.0,
        resources={name: _resource(problem, name) for name in dict.fromkeys(needed)},
        terms=terms,
        limits=limits,
        error_limit=error_limit,
        area_limit=area_limit,
    )


def _resource(problem: Problem, name: str) -> FactorSum:
    """Return a resource by name, as `Cost.metric` names it: of the whole, or of one workload."""
    workload, _, metric = name.rpartition(".")
    costs = problem.costs
    if workload:
        if not isinstance(costs, WorkloadTable) or workload not in costs.tables:
            raise ValueError(f"problem {problem.name!r}: there is no workload {workload!r} to limit")
        costs = costs.tables[workload]
    sums: FactorSum = getattr(costs, metric)
    return sums


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


def _terms(problem: Problem) -> tuple[Term, ...]:
    """Return the cost's terms: one, or one for each workload where the worst of them counts."""
    function, weight = problem.objective.cost_function, problem.objective.weight
    if not weight:
        return (Term(LATENCY, ENERGY, lambda area: np.zeros((len(area), 4))),)
    if not isinstance(function, WorstCase):
        return (Term(LATENCY, ENERGY, _factors(problem, function)),)
    factors = _factors(problem, function.cost_function)
    workloads = problem.costs.tables if isinstance(problem.costs, WorkloadTable) else {}
    return tuple(Term(f"{name}.{LATENCY}", f"{name}.{ENERGY}", factors) for name in workloads)


def _factors(problem: Problem, function: CostFunction) -> Callable[[np.ndarray], np.ndarray]:
    """Return the factors of a cost function as a function of the area."""
    weight = problem.objective.weight
    if isinstance(function, EDAP):
        product = weight / function.reference_js_mm2
        return lambda area: _columns(product * area, 0.0, 0.0, 0.0)
    if isinstance(function, Linear):
        latency, energy, area_weight = (
            weight * each for each in (function.latency_s, function.energy_j, function.area_mm2)
        )
        return lambda area: _columns(0.0, latency, energy, area_weight * area)
    raise ValueError(
        f"problem {problem.name!r}: an optimum can be proved for the cost functions EDAP, Linear and WorstCase of one of "
        f"them, got {type(function).__name__}. Use one of them, or let solvers search: dance compare"
    )


def _columns(*columns: np.ndarray | float) -> np.ndarray:
    return np.stack(np.broadcast_arrays(*columns), axis=1).astype(np.float64)
