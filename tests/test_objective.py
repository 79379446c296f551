"""Objective: hand-worked values, limits, and the refusal of nonsense."""

from __future__ import annotations

import dataclasses
import functools
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dance_env.cost import Cost
from dance_env.objective import EDAP, Constraint, Linear, Objective

COST = Cost(np.array([2e-3, 1e-3]), np.array([3e-3, 5e-3]), np.array([4.0, 2.0]))
ERROR = np.array([7.0, 9.0])


def test_edap_is_energy_times_latency_times_area_over_the_reference() -> None:
    # 3e-3 J x 2e-3 s x 4 mm2 = 2.4e-5 J s mm2, in units of 1e-6: 24; 5e-3 x 1e-3 x 2 = 1e-5: 10.
    np.testing.assert_allclose(EDAP(1e-6)(COST), [24.0, 10.0], rtol=1e-15)
    np.testing.assert_allclose(EDAP()(COST), COST.edap_js_mm2, rtol=1e-15)


def test_linear_is_the_weighted_sum() -> None:
    # 1000 x 2e-3 + 100 x 3e-3 + 0.5 x 4 = 2 + 0.3 + 2; 1 + 0.5 + 1.
    np.testing.assert_allclose(Linear(1000.0, 100.0, 0.5)(COST), [4.3, 2.5], rtol=1e-15)


def test_objective_is_error_plus_weighted_cost() -> None:
    np.testing.assert_allclose(Objective(EDAP(1e-6), weight=0.5).value(ERROR, COST), [19.0, 14.0], rtol=1e-15)


def test_without_weight_the_cost_is_ignored_even_if_infinite() -> None:
    nowhere = Cost(np.array([math.inf]), np.array([math.inf]), np.array([1.0]))
    assert Objective(EDAP(), weight=0.0).value(np.array([7.0]), nowhere).tolist() == [7.0]
    assert Linear(area_mm2=2.0)(nowhere).tolist() == [2.0]


def test_violation_is_the_sum_of_the_positive_excesses_by_name() -> None:
    objective = Objective(
        EDAP(), 1.0, (Constraint("latency_s", 1e-3), Constraint("area_mm2", 3.0), Constraint("error_pct", 8.0))
    )
    # First: latency 2e-3 / 1e-3 - 1 = 1, area 4 / 3 - 1 = 1/3. Second: latency at its limit, error 9 / 8 - 1 = 1/8.
    np.testing.assert_allclose(objective.violation(ERROR, COST), [4 / 3, 1 / 8], rtol=1e-15)
    by_name = objective.violations(ERROR, COST)
    assert set(by_name) == {"latency_s", "area_mm2", "error_pct", "unmappable"}
    np.testing.assert_allclose(by_name["latency_s"], [1.0, 0.0])
    np.testing.assert_array_equal(sum(by_name.values()), objective.violation(ERROR, COST))


def test_a_design_at_its_limit_is_feasible_and_just_over_it_is_not() -> None:
    limit = 1e-3
    objective = Objective(EDAP(), 1.0, (Constraint("latency_s", limit),))
    latency = np.array([limit, np.nextafter(limit * (1 + 1e-15), 1.0)])
    violation = objective.violation(np.zeros(2), Cost(latency, latency, latency))
    assert violation[0] == 0.0
    assert violation[1] > 0.0


def test_no_mapping_violates_every_objective() -> None:
    nowhere = Cost(np.array([math.inf, 1.0]), np.array([math.inf, 1.0]), np.array([1.0, 1.0]))
    assert Objective(Linear(area_mm2=1.0), 1.0).violation(np.zeros(2), nowhere).tolist() == [1.0, 0.0]


@given(st.lists(st.floats(0.0, 1e6), min_size=3, max_size=3), st.floats(1e-6, 1e6))
def test_violation_is_zero_exactly_where_every_limit_is_met(values: list[float], limit: float) -> None:
    metrics = ("latency_s", "energy_j", "area_mm2")
    objective = Objective(EDAP(), 1.0, tuple(Constraint(metric, limit) for metric in metrics))
    violation = objective.violation(np.zeros(1), Cost(*(np.array([value]) for value in values)))
    met = all(value / limit - 1.0 <= 0.0 for value in values)
    assert (violation[0] == 0.0) == met
    assert violation[0] >= 0.0


def test_the_same_code_serves_torch_and_gives_gradients() -> None:
    torch = pytest.importorskip("torch")
    leaves = [torch.tensor(leaf, requires_grad=True) for leaf in (COST.latency_s, COST.energy_j, COST.area_mm2)]
    cost = SimpleNamespace(**dict(zip(("latency_s", "energy_j", "area_mm2"), leaves, strict=True)))
    objective = Objective(Linear(1000.0, 100.0, 0.5), 2.0, (Constraint("latency_s", 1.5e-3),))
    error = torch.tensor(ERROR)
    np.testing.assert_array_equal(objective.value(error, cost).detach(), objective.value(ERROR, COST))
    np.testing.assert_array_equal(objective.violation(error, cost).detach(), objective.violation(ERROR, COST))
    (objective.value(error, cost).sum() + objective.violation(error, cost).sum()).backward()
    # d/dlatency: 2 x 1000, and 1 / 1.5e-3 more where the limit is exceeded.
    np.testing.assert_allclose(leaves[0].grad, [2000.0 + 1 / 1.5e-3, 2000.0])
    np.testing.assert_allclose(leaves[2].grad, [1.0, 1.0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Constraint("power_w", 1.0), "a constraint limits one of latency_s.*got 'power_w'"),  # type: ignore[arg-type]
        (lambda: Constraint("latency_s", 0.0), "limit on latency_s must be a positive finite number; got 0.0"),
        (lambda: Constraint("area_mm2", math.nan), "positive finite number; got nan"),
        (lambda: EDAP(-1.0), "reference_js_mm2 must be a positive finite number"),
        (lambda: Linear(), "a weight above zero for at least one of latency_s, energy_j, area_mm2"),
        (lambda: Linear(latency_s=-1.0), "weight of latency_s must be a finite number >= 0"),
        (lambda: Objective(EDAP(), math.inf), "weight must be a finite number >= 0; got inf"),
        (lambda: Objective("edap", 1.0), "must be a function of a cost, such as EDAP; got 'edap'"),  # type: ignore[arg-type]
        (
            lambda: Objective(EDAP(), 1.0, (Constraint("latency_s", 1.0), Constraint("latency_s", 2.0))),
            r"at most one constraint for each metric; got \['latency_s', 'latency_s'\]",
        ),
    ],
)
def test_nonsense_is_refused(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]


def test_fingerprint_holds_every_setting() -> None:
    texts = {
        Objective(EDAP(1e-6), 1.0).fingerprint(),
        Objective(EDAP(1e-6), 2.0).fingerprint(),
        Objective(EDAP(2e-6), 1.0).fingerprint(),
        Objective(EDAP(1e-6), 1.0, (Constraint("latency_s", 1.0),)).fingerprint(),
        Objective(Linear(latency_s=1.0), 1.0).fingerprint(),
        Objective(Linear(energy_j=1.0), 1.0).fingerprint(),
    }
    assert None not in texts
    assert len(texts) == 6


def _total_area(cost: Cost) -> np.ndarray:
    return np.asarray(cost.area_mm2)


def test_an_objective_reads_as_a_sentence() -> None:
    linear = Linear(latency_s=3000.0, energy_j=500.0)
    limits = (Constraint("latency_s", 5e-4), Constraint("error_pct", 8.0))
    assert str(Objective(linear, 0.5, limits)) == (
        "error + 0.5 x (latency / 333.3 µs + energy / 2 mJ), latency <= 500 µs, error <= 8 points"
    )
    assert str(Objective(EDAP(1e-6), 2.0)) == "error + 2 x (EDAP / 1 µJ·s·mm²)"
    assert str(Objective(max, 0.0)) == "error"


def _of_energy(weight: float) -> object:
    return lambda cost: cost.energy_j * weight


@dataclasses.dataclass(frozen=True)
class Hidden:
    """A dataclass: its `repr` says neither what `__call__` does nor what stands in the middle of a long array."""

    weights: tuple[float, ...] = (1.0,)

    def __call__(self, cost: Cost) -> np.ndarray:
        return np.asarray(cost.energy_j) * sum(self.weights)


class Named(Hidden):
    def fingerprint(self) -> str:
        return f"Named 1 {self.weights!r}"


@pytest.mark.parametrize(
    "function",
    [_of_energy(500.0), lambda cost: cost.energy_j, functools.partial(_of_energy, 2.0), _total_area, Hidden(), EDAP],
    ids=["closure", "lambda", "partial", "function", "dataclass", "class"],
)
def test_a_cost_function_that_does_not_say_what_it_is_has_no_fingerprint(function: Any) -> None:
    objective = Objective(function, 1.0)
    assert objective.cost_fingerprint() is None
    assert objective.fingerprint() is None


def test_a_cost_function_may_say_what_it_is() -> None:
    one, other = (Objective(Named((weight,)), 1.0).fingerprint() for weight in (2.0, 3.0))
    assert one is not None
    assert other is not None
    assert one != other


def test_a_fingerprint_that_is_no_text_is_refused() -> None:
    class Wrong(Hidden):
        def fingerprint(self) -> int:
            return 3

    with pytest.raises(TypeError, match=r"cost function .*Wrong.* must return text .* from fingerprint\(\); got 3"):
        Objective(Wrong(), 1.0).fingerprint()
