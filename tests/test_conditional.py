"""dance-conditional: one generator for every lambda2 and deadline."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from pymoo.indicators.hv import HV

from dance_env import make_problem
from dance_env.analysis.exact import non_dominated, pareto_front
from dance_env.objective import Constraint
from dance_env.problem import Problem
from dance_env.testing import synthetic_problem
from solvers import Result, Status
from solvers.contract.budget import Budget
from solvers.contract.meter import Meter
from solvers.contract.metered_problem import MeteredProblem
from solvers.methods.dance.conditional import DanceConditional
from solvers.methods.dance.conditional.candidates import Candidates, farthest_first, front_first, on_best_hardware
from solvers.methods.dance.conditional.conditions import Conditions, drawn, evenly_spaced, features, violation
from solvers.methods.dance.conditional.generator import Generator
from solvers.methods.dance.conditional.training import TrainingSettings, loss, train
from solvers.methods.gradient.options import most_probable, one_hot
from solvers.testing import check_solver

COUNTS = (3, 4, 3, 2, 3)
LATENCY_S = 6e-3


def limited(seed: int = 1) -> Problem:
    return synthetic_problem(seed, option_counts=COUNTS, constraints=(Constraint("latency_s", LATENCY_S),))


def metered(problem: Problem, budget: int = 100_000) -> MeteredProblem:
    return MeteredProblem(problem, Meter(budget, problem))


def share_of_front(problem: Problem, result: Result) -> float:
    front = pareto_front(problem)
    ends = np.stack([front.error_pct, front.cost], axis=1)
    indicator = HV(ref_point=ends.max(axis=0) + 0.1 * np.ptp(ends, axis=0))
    trace = result.trace[result.trace.feasible]
    return float(indicator(np.stack([trace.error_pct, trace.cost], axis=1)) / indicator(ends))


INFINITE = {"infinite-costs": "the expectation over a design without a mapping is infinite: `relax` refuses it"}


@pytest.mark.usefixtures("forks_other_process")
def test_the_contract_holds() -> None:
    check_solver(DanceConditional(), budget=60, expected_failures=INFINITE).raise_if_failed()


def test_the_contract_holds_without_screening() -> None:
    checks = ["budget-is-spent", "same-seed-same-trace", "constraints-are-no-trouble"]
    plain = DanceConditional(screening=False, accelerators="generated")
    check_solver(plain, budget=60, checks=checks).raise_if_failed()


def test_one_run_finds_the_front() -> None:
    problem = synthetic_problem(2, option_counts=COUNTS)
    shares = [share_of_front(problem, DanceConditional().solve(problem, budget=600, seed=seed)) for seed in range(2)]
    assert min(shares) > 0.97


def test_the_training_is_worth_its_queries() -> None:
    problem = synthetic_problem(2, option_counts=COUNTS)
    plain = DanceConditional(screening=False, accelerators="generated")
    trained, untrained = (
        min(share_of_front(problem, solver.solve(problem, budget="13networks", seed=seed)) for seed in range(2))
        for solver in (plain, replace(plain, training_share=0.0))
    )
    assert trained > untrained + 0.4


def trained_generator(problem: Problem, deadlines: tuple[float, float]) -> Generator:
    on_meter, rng = metered(problem), np.random.default_rng(0)
    generator = Generator(2, problem.space.option_counts.tolist(), hidden=(32,), rng=rng)
    settings = TrainingSettings(steps=100, rows=8, hidden=(32,))
    relaxed = on_meter.relax(dtype="float32")
    train(
        generator, on_meter, relaxed, rng, settings=settings, queries=800, lambdas=(1 / 32, 32.0), deadlines=deadlines
    )
    assert on_meter.meter.ledger().gradient_queries == 800
    return generator


def decoded(generator: Generator, conditions: Conditions, deadlines: tuple[float, float]) -> np.ndarray:
    inputs = torch.tensor(features(conditions, (1 / 32, 32.0), deadlines))
    return most_probable(generator(inputs).detach().numpy(), generator.option_counts)


def test_the_generator_answers_to_lambda() -> None:
    problem = synthetic_problem(4, option_counts=COUNTS)
    generator = trained_generator(problem, (1.0, 1.0))
    designs = decoded(generator, evenly_spaced(9, (1 / 32, 32.0), (1.0,)), (1.0, 1.0))
    evaluation = problem.evaluate(designs)
    cost = problem.objective.cost_function(evaluation.cost)
    assert cost[0] > 1.5 * cost[-1]
    assert evaluation.error_pct[0] < evaluation.error_pct[-1]
    assert len(np.unique(designs, axis=0)) >= 4
    factors = np.geomspace(1 / 32, 32.0, 9)[
        :, None
    ]  # each design suits its own lambda best, of these designs, or nearly
    value = (evaluation.error_pct + factors * problem.objective.weight * cost) / (1.0 + factors)
    assert np.all(np.diag(value) <= value.min(axis=1) + 0.5)


def test_the_generator_answers_to_the_deadline() -> None:
    problem = limited()
    generator = trained_generator(problem, (0.6, 1.6))
    conditions = Conditions(np.full(3, 0.1), np.array([0.6, 1.0, 1.6]))
    latency_s = problem.evaluate(decoded(generator, conditions, (0.6, 1.6))).cost.latency_s
    assert latency_s[0] < latency_s[2]
    assert np.all(latency_s <= 1.1 * LATENCY_S * conditions.deadlines)


def test_the_loss_at_a_vertex_is_the_objective() -> None:
    problem = limited()
    on_meter = metered(problem)
    designs = problem.space.unrank(np.arange(0, problem.space.size, 997))
    rng = np.random.default_rng(0)
    conditions = drawn(len(designs), (0.1, 10.0), (0.5, 2.0), rng)
    probs = torch.tensor(one_hot(designs, problem.space.option_counts.tolist()))
    got = loss(probs, on_meter, on_meter.relax(dtype="float32"), conditions, penalty=7.0).numpy()
    evaluation = problem.evaluate(designs)
    cost = problem.objective.weight * problem.objective.cost_function(evaluation.cost)
    over = np.maximum(evaluation.cost.latency_s / (LATENCY_S * conditions.deadlines) - 1.0, 0.0)
    expected = (evaluation.error_pct + conditions.lambdas * cost) / (1.0 + conditions.lambdas) + 7.0 * over
    assert over.max() > 0.0 == over.min()
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_a_factor_on_the_deadline_is_that_limit_multiplied() -> None:
    problem = limited()
    area = Constraint("area_mm2", 2.0)
    objective = replace(problem.objective, constraints=(area, *problem.objective.constraints))
    looser = replace(objective, constraints=(area, Constraint("latency_s", 1.3 * LATENCY_S)))
    found = problem.evaluate(problem.space.unrank(np.arange(0, problem.space.size, 501)))
    expected = looser.violation(found.error_pct, found.cost)
    np.testing.assert_allclose(violation(objective, found.error_pct, found.cost, 1.3), expected, atol=1e-12)
    assert expected.max() > 0.0


def test_accelerators_are_the_best_under_each_deadline() -> None:
    problem = limited()
    options = np.stack(np.unravel_index(np.arange(70), COUNTS), axis=1)  # more networks than are costed at a time
    found = on_best_hardware(metered(problem), options, np.zeros(70), (0.7, 1.0, 1.4))
    for row, factor in enumerate((0.7, 1.0, 1.4)):
        alike = problem.limited({"latency_s": factor * LATENCY_S})
        np.testing.assert_array_equal(found.hardware[row], alike.best_hardware(options))
        designs = problem.design(options, found.hardware[row])
        np.testing.assert_allclose(found.violation[row], alike.evaluate(designs).violation, atol=1e-12)
    assert not np.array_equal(found.hardware[0], found.hardware[2])


def test_the_predicted_front_comes_first_and_what_exceeds_a_limit_last() -> None:
    rng = np.random.default_rng(0)
    error, cost = rng.random(40), rng.random((1, 40))
    beyond = np.where(rng.random((1, 40)) < 0.3, rng.random((1, 40)), 0.0)
    candidates = Candidates(np.zeros((40, 1), dtype=np.int64), error, np.zeros((1, 40), dtype=np.int64), cost, beyond)
    order = front_first(candidates)(0, 40)
    assert sorted(order) == list(range(40))
    feasible = np.flatnonzero(beyond[0] == 0.0)
    front = feasible[non_dominated(error[feasible], cost[0, feasible])]
    assert set(order[: len(front)]) == set(front)
    assert np.all(np.diff(beyond[0, order[len(feasible) :]]) >= 0.0)
    assert beyond[0, order[: len(feasible)]].max() == 0.0


def test_farthest_first_takes_the_ends_then_the_middle() -> None:
    line = np.stack([np.linspace(0.0, 10.0, 5), np.linspace(1.0, 0.0, 5)], axis=1)
    assert farthest_first(line)[:3].tolist() == [0, 4, 2]
    assert farthest_first(np.zeros((3, 2))).tolist() == [0, 1, 2]


def test_budgets_are_kept_and_the_supernet_is_paid_once() -> None:
    problem = make_problem("tiny/edap")
    ledger = DanceConditional().solve(problem, budget="12networks", seed=0).ledger
    assert ledger.networks + problem.supernet_trainings <= 12
    assert ledger.networks == 8
    assert ledger.supernet_gpu_hours == problem.supernet_gpu_hours
    assert ledger.access == "gradients"
    assert problem.supernet_gpu_hours is not None
    hours = problem.supernet_gpu_hours * 1.5
    ledger = DanceConditional().solve(problem, budget=Budget(gpu_hours=hours), seed=0).ledger
    assert ledger.gpu_hours is not None
    assert 0.7 * hours < ledger.gpu_hours <= hours
    result = DanceConditional().solve(problem, budget="3networks", seed=0)  # less than the supernet
    assert result.status is Status.NOTHING_FEASIBLE
    assert result.ledger.evaluations == result.ledger.gradient_queries == 0


def test_one_run_serves_several_deadlines() -> None:
    problem = limited()
    factors = (0.7, 1.0, 1.4)
    result = DanceConditional(wanted_deadlines=factors).solve(problem, budget=900, seed=0)
    trace = result.trace
    for factor in factors:
        alike = problem.limited({"latency_s": factor * LATENCY_S})
        front = pareto_front(alike)
        met = trace.latency_s <= factor * LATENCY_S
        assert trace.error_pct[met].min() <= front.error_pct.min() + 1.0
        assert trace.cost[met].min() <= 1.05 * front.cost.min()


def test_a_space_that_is_looked_at_whole_ends_the_run() -> None:
    result = DanceConditional().solve(synthetic_problem(0, option_counts=(2, 2)), budget=400, seed=0)
    assert result.status is Status.STOPPED_EARLY
    assert result.ledger.networks == 4


def test_training_shrinks_in_steps_and_rows() -> None:
    settings = TrainingSettings(steps=100, rows=16)
    assert settings.shape(10_000) == (100, 16)
    for queries in (1, 7, 100, 1599):
        steps, rows = settings.shape(queries)
        assert 0.8 * queries <= steps * rows <= queries
        assert rows <= 16
        assert steps <= 100
    assert settings.shape(0)[0] == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lambdas": (0.0, 1.0)}, "lambdas must be"),
        ({"deadlines": (2.0, 1.0)}, "deadlines must be"),
        ({"wanted_deadlines": ()}, "one or more factors within"),
        ({"wanted_deadlines": (3.0,)}, r"within \(0.5, 2.0\)"),
        ({"training_share": 1.0}, "training_share"),
        ({"evaluation_share": 0.0}, "evaluation_share"),
        ({"accelerators": "least"}, "'best', 'generated'"),
    ],
)
def test_bad_settings_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DanceConditional(**settings)


@pytest.mark.parametrize(
    "settings", [{"steps": 0}, {"learning_rate": -1.0}, {"hidden": ()}, {"temperature": (1.0, 0.0)}, {"penalty": -1.0}]
)
def test_bad_training_settings_are_refused(settings: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        TrainingSettings(**settings)
