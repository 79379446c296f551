"""Which accelerators can be best, and what gradients at the vertices of the relaxed space predict."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from dance_env.analysis.exact import optimum
from dance_env.objective import Constraint
from dance_env.problem import Problem
from dance_env.testing import synthetic_problem
from solvers.contract.meter import Meter
from solvers.contract.metered_problem import MeteredProblem
from solvers.methods.dance.refined import exact
from solvers.methods.dance.refined.accelerators import AcceleratorCosts
from solvers.methods.dance.refined.exact import DanceExact, best_accelerators
from solvers.methods.dance.refined.rounds import RoundSettings
from solvers.methods.dance.refined.vertices import VertexRefinement
from solvers.methods.gradient.evaluated import EvaluatedDesigns
from solvers.methods.gradient.options import network_option_counts, one_hot


def all_networks(problem: Problem) -> np.ndarray:
    counts = problem.space.option_counts[problem.space.network]
    return np.array(list(itertools.product(*(range(count) for count in counts))))


def metered(problem: Problem, budget: int = 1000) -> MeteredProblem:
    return MeteredProblem(problem, Meter(budget, problem))


@pytest.mark.parametrize("option_counts", [(3, 3, 2, 3), (1, 4), (2,)], ids=str)
def test_a_few_networks_determine_the_cost_of_all(option_counts):
    problem = synthetic_problem(7, option_counts=option_counts)
    networks = all_networks(problem)
    ours = AcceleratorCosts.query(metered(problem)).on(one_hot(networks, option_counts))
    true = problem.costs.on_all_hardware(networks)
    np.testing.assert_allclose(ours.latency_s, true.latency_s, rtol=1e-12)
    np.testing.assert_allclose(ours.energy_j, true.energy_j, rtol=1e-12)
    np.testing.assert_array_equal(np.broadcast_to(ours.area_mm2, true.area_mm2.shape), true.area_mm2)


def test_an_accelerator_that_is_left_out_is_never_the_best():
    for seed in range(3):
        problem = synthetic_problem(seed)
        counts = network_option_counts(problem)
        everyone = AcceleratorCosts.query(metered(problem))
        kept = everyone.undominated(counts)
        assert 0 < len(kept) < len(everyone)
        cost = problem.costs.on_all_hardware(all_networks(problem))
        left_out = np.setdiff1d(everyone.hardware, kept.hardware)
        for out in left_out:
            beaten = [
                np.all(values[:, kept.hardware] <= values[:, [out]] * (1 + 1e-12), axis=0)
                for values in (cost.latency_s, cost.energy_j, cost.area_mm2)
            ]
            assert np.logical_and.reduce(beaten).any()  # by one and the same accelerator, for every network


def test_leaving_out_the_dominated_changes_nothing_in_the_limit():
    problem = synthetic_problem(2)
    limit = Constraint("latency_s", float(np.quantile(problem.costs.latency_s.constant, 0.5)) * 4)
    objective = dataclasses.replace(problem.objective, constraints=(limit,))
    problem = dataclasses.replace(problem, objective=objective)
    networks = all_networks(problem)
    costs = AcceleratorCosts.query(metered(problem))
    errors = np.zeros(len(networks))
    few_costs = costs.undominated(network_option_counts(problem))
    all_of_them = best_accelerators(metered(problem), costs.on, costs.hardware)(networks, errors)
    few = best_accelerators(metered(problem), few_costs.on, few_costs.hardware)(networks, errors)
    np.testing.assert_allclose(few.violation, all_of_them.violation, atol=1e-12)
    feasible = all_of_them.violation[0] == 0
    assert feasible.any()
    np.testing.assert_allclose(few.cost_value[0, feasible], all_of_them.cost_value[0, feasible], rtol=1e-12)


def test_a_cost_function_of_ones_own_keeps_every_accelerator():
    """Larger is better here: leaving out what is dominated would leave out the best."""
    problem = synthetic_problem(1)
    objective = dataclasses.replace(problem.objective, cost_function=large_area)
    problem = dataclasses.replace(problem, objective=objective)
    result = DanceExact().solve(problem, budget=600, seed=0)
    assert result.trace.area_mm2[result.best] == problem.costs.area_mm2.max()


def large_area(cost):
    """A cost that falls with the area."""
    return 1e3 / cost.area_mm2 + 0.0 * cost.latency_s


def refinement_of(problem: MeteredProblem) -> VertexRefinement:
    costs = AcceleratorCosts.query(problem)
    predict = best_accelerators(problem, costs.on, costs.hardware)
    return VertexRefinement(problem, problem.relax(), predict, tolerances=1, device="cpu")


def test_one_gradient_predicts_all_neighbors_exactly():
    problem = synthetic_problem(4)
    asked = metered(problem)
    refinement = refinement_of(asked)
    start = np.array([[1, 0, 1, 2]])
    refinement.refine(start, queries=1, batch=1)
    assert asked.meter.ledger().gradient_queries == 1
    designs = refinement.ranked()
    networks = all_networks(problem)
    near = networks[(networks != start).sum(axis=1) <= 1]
    assert {tuple(each) for each in designs[:, :4]} == {tuple(each) for each in near}
    true = problem.evaluate(designs)
    assert np.all(np.diff(true.objective) >= -1e-9)  # ranked as exact evaluation ranks them
    best = problem.evaluate(problem.design(near, problem.best_hardware(near))).objective.min()
    assert true.objective[0] == pytest.approx(best, rel=1e-12)


def test_queries_continue_from_the_best_candidate_until_the_space_is_exhausted():
    problem = synthetic_problem(5)
    asked = metered(problem)
    refinement = refinement_of(asked)
    networks = all_networks(problem)
    refinement.refine(networks[:1], queries=500, batch=4)
    assert asked.meter.ledger().gradient_queries == len(networks)
    assert len(refinement.ranked()) == len(networks)
    refinement.refine(networks, queries=500, batch=4)
    assert asked.meter.ledger().gradient_queries == len(networks)  # no vertex twice


def test_queries_stop_where_the_budget_ends():
    asked = metered(synthetic_problem(5), budget=3)
    refinement = refinement_of(asked)
    refinement.refine(np.array([[0, 0, 0, 0]]), queries=100, batch=2)
    assert asked.meter.left == 0


def test_nothing_is_evaluated_twice():
    asked = metered(synthetic_problem(6))
    refinement = refinement_of(asked)
    refinement.refine(np.array([[0, 0, 0, 0]]), queries=5, batch=2)
    evaluated = EvaluatedDesigns(asked)
    designs = refinement.ranked()
    assert evaluated.evaluate(np.repeat(designs[:3], 2, axis=0), most=10) == 3
    assert evaluated.evaluate(designs[:5], most=10) == 2
    assert asked.meter.ledger().evaluations == 5


def test_refinement_can_be_left_out():
    problem = synthetic_problem(2)
    plain = DanceExact(rounds=RoundSettings(vertex_queries=0, first_searches=64)).solve(problem, budget=600, seed=0)
    assert plain.ledger.spent == 600
    assert plain.ledger.evaluations > 0


def test_costs_that_depend_on_two_choices_are_queried_network_by_network(monkeypatch):
    """The sum over single choices would rank designs wrongly there."""
    problem = synthetic_problem(3)
    monkeypatch.setattr(exact, "costs_add_up", lambda _: False)
    monkeypatch.setattr(AcceleratorCosts, "query", None)
    result = DanceExact().solve(problem, budget=600, seed=0)
    assert result.best_objective == pytest.approx(optimum(problem).objective)
