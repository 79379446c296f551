"""Several workloads of one network: weighted sums, limits on one of them, the worst of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from dance_env.graph import Layer, LayerSpace, Workload, WorkloadSpace, macs_sum
from dance_env.objective import EDAP, Constraint, Linear, Objective, WorstCase
from dance_env.problem import Problem
from dance_env.space import AcceleratorSpace
from solvers import make_solver

ACCELERATORS = AcceleratorSpace((8, 12, 16), (8, 16), (8, 16), ("WS", "OS"))
OBJECTIVE = Objective(Linear(latency_s=2e4, energy_j=2e4, area_mm2=0.5), weight=1.0)


def width_space(tokens: int) -> LayerSpace:
    """Networks of three widths, that work on so many tokens."""

    def product(name: str, inner: int, columns: int) -> Layer:
        return Layer(name, "pointwise", k=columns, c=inner, p=tokens, q=1, r=1, s=1)

    widths = (32, 64, 128)
    return LayerSpace(
        "widths",
        [],
        {name: {width: [product(name, 64, width)] for width in widths} for name in ("first", "second")},
        joint={("first", "second"): lambda first, second: [product("between", first, second)]},
    )


READ, WRITE = Workload("read", width_space(64)), Workload("write", width_space(1), weight=40)


def accuracy(networks: np.ndarray) -> np.ndarray:
    """More is better."""
    return 0.6 + 0.07 * networks.sum(axis=1)


def problem(objective: Objective = OBJECTIVE, workloads: tuple[Workload, ...] = (READ, WRITE)) -> Problem:
    """Two workloads."""
    return Problem.build(
        "widths", workloads=workloads, accelerator_space=ACCELERATORS, accuracy=accuracy, objective=objective
    )


def single(workload: Workload) -> Problem:
    """One of the two by itself."""
    return Problem.build(
        "widths",
        network_space=workload.network_space,
        accelerator_space=ACCELERATORS,
        accuracy=accuracy,
        objective=OBJECTIVE,
    )


def designs(of: Problem, count: int = 50) -> np.ndarray:
    """Random designs."""
    return of.space.sample(np.random.default_rng(0), count)


def test_operations_are_a_sum_of_factors_weighted_like_costs() -> None:
    space = WorkloadSpace("both", (READ, WRITE))
    networks = space.check([[0, 0], [1, 2], [2, 1], [2, 2]])
    np.testing.assert_array_equal(macs_sum(space).evaluate(networks)[:, 0], space.macs(networks))
    assert space.macs(networks)[0] == 2 * 64 * 64 * 32 + 64 * 32 * 32 + 40 * (2 * 64 * 32 + 32 * 32)


def test_costs_are_the_weighted_sum_of_the_workloads() -> None:
    both = problem()
    some = designs(both)
    cost = both.evaluate(some).cost
    read, write = (single(each).evaluate(some).cost for each in (READ, WRITE))
    assert np.array_equal(cost.latency_s, read.latency_s + 40 * write.latency_s)
    assert np.array_equal(cost.energy_j, read.energy_j + 40 * write.energy_j)
    assert np.array_equal(cost.area_mm2, read.area_mm2)
    assert np.array_equal(cost.metric("write.latency_s"), write.latency_s)
    assert np.array_equal(cost[3:5].workloads["read"].energy_j, read.energy_j[3:5])
    np.testing.assert_allclose(
        both.costs.latency_s.evaluate(some[:, :2])[:, 0], both.costs.on_all_hardware(some[:, :2]).latency_s[:, 0]
    )


def test_all_accelerators_give_the_same_bits_as_designs() -> None:
    both = problem(Objective(WorstCase(EDAP(1e-9)), 1.0, (Constraint("write.latency_s", 2e-6),)))
    some = designs(both)
    hardware = both.accelerator_space.index(some[:, both.space.hardware])
    one, every = both.evaluate(some), both.evaluate_networks(some[:, both.space.network])
    rows = np.arange(len(some))
    for name in ("objective", "violation"):
        assert np.array_equal(getattr(one, name), getattr(every, name)[rows, hardware])
    assert 0 < one.feasible.sum() < len(some)


def test_a_limit_on_one_workload() -> None:
    limit = Constraint("write.latency_s", 2e-6)
    limited = problem(replace(OBJECTIVE, constraints=(limit,)))
    evaluation = limited.evaluate(designs(limited))
    latency = evaluation.cost.workloads["write"].latency_s
    np.testing.assert_allclose(evaluation.violation, np.maximum(latency / 2e-6 - 1.0, 0.0), atol=1e-15)
    assert str(limit) == "write latency <= 2 µs"
    assert limited.fingerprint() != problem().fingerprint()


def test_the_worst_case_is_the_larger_cost_whatever_the_weights() -> None:
    worst = problem(Objective(WorstCase(EDAP(1e-9)), weight=1.0))
    evaluation = worst.evaluate(designs(worst))
    each = [EDAP(1e-9)(cost) for cost in evaluation.cost.workloads.values()]
    assert np.array_equal(evaluation.objective, evaluation.error_pct + np.maximum(*each))
    assert "largest EDAP" in str(worst.objective)


@pytest.mark.parametrize(
    "objective",
    [
        OBJECTIVE,
        Objective(EDAP(1e-9), 1.0),
        Objective(WorstCase(EDAP(1e-9)), 2.0, (Constraint("write.energy_j", 1e-5), Constraint("latency_s", 1e-4))),
    ],
)
def test_the_relaxed_view_equals_the_evaluation_at_vertices(objective: Objective) -> None:
    both = problem(objective)
    some = designs(both, 20)
    evaluation, relaxed = both.evaluate(some), both.relax()
    hot = [np.eye(count)[some[:, i]] for i, count in enumerate(both.space.option_counts.tolist())]
    found = relaxed(torch.tensor(np.concatenate(hot[:2], axis=1)), torch.tensor(np.concatenate(hot[2:], axis=1)))
    np.testing.assert_allclose(found.objective, evaluation.objective, rtol=1e-9)
    np.testing.assert_allclose(found.violation, evaluation.violation, atol=1e-9)
    np.testing.assert_allclose(found.cost.metric("write.latency_s"), evaluation.cost.metric("write.latency_s"))


def test_bounds_hold_for_each_workload() -> None:
    costs = problem().costs
    least, most = costs.bounds(np.array([[-1, -1]]))
    everything = costs.on_all_hardware(np.array([[i, j] for i in range(3) for j in range(3)]))
    for name in ("latency_s", "read.energy_j", "write.latency_s"):
        assert (least.metric(name)[0] <= everything.metric(name).min(axis=0)).all()
        assert (most.metric(name)[0] >= everything.metric(name).max(axis=0)).all()


def test_cost_pairs_of_all_workloads_are_billed() -> None:
    both = problem()
    alone = [make_solver("random").solve(single(each), budget=30, seed=0).ledger.cost_pairs for each in (READ, WRITE)]
    assert make_solver("random").solve(both, budget=30, seed=0).ledger.cost_pairs == sum(alone)


@pytest.mark.parametrize("solver", ["evolution", "network-evolution", "dance-exact"])
def test_solvers_run(solver: str) -> None:
    limited = problem(replace(OBJECTIVE, constraints=(Constraint("write.latency_s", 2e-6),)))
    result = make_solver(solver).solve(limited, budget=60, seed=0)
    best = limited.evaluate(result.best_design[None])
    assert best.feasible.all()
    assert best.objective[0] == result.best_objective


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Workload("two words", READ.network_space), ValueError, "must be a word such as 'decode'"),
        (lambda: Workload("read", READ.network_space, weight=0), ValueError, "positive finite number, got 0"),
        (lambda: WorkloadSpace("x", (READ, READ)), ValueError, "different names"),
        (lambda: WorkloadSpace("x", ()), ValueError, "at least one"),
        (
            lambda: WorkloadSpace("x", (READ, Workload("b", LayerSpace("o", [], {"first": {1: [], 2: []}})))),
            ValueError,
            "those of 'b' differ from those of 'read'",
        ),
        (
            lambda: problem(replace(OBJECTIVE, constraints=(Constraint("decode.latency_s", 1.0),))),
            ValueError,
            "limit on decode.latency_s names a workload that does not exist; known: read, write",
        ),
        (lambda: Constraint("write.area_mm2", 1.0), ValueError, "limits one of latency_s, energy_j; got"),
        (lambda: replace(single(READ), objective=Objective(WorstCase(EDAP()), 1.0)), ValueError, "WorstCase needs several"),
        (lambda: Problem.build("x", accuracy=accuracy, objective=OBJECTIVE), TypeError, "network_space, or workloads"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()
