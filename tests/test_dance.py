"""DANCE and its variant without an evaluator: the contract, what they find, how they are billed, hard limits."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from dance_env.analysis.exact import optimum
from dance_env.objective import Constraint
from dance_env.tasks import make_problem
from dance_env.testing import synthetic_problem
from solvers.contract.result import Status
from solvers.methods.dance.exact import DanceExact
from solvers.methods.dance.published import DancePublished
from solvers.methods.dance.rounds import RoundSettings
from solvers.methods.dance.settings import EvaluatorSettings
from solvers.methods.dance.solver import Dance
from solvers.testing import check_solver

SMALL = Dance(evaluator=EvaluatorSettings(networks=512, pairs=1024))
"""An evaluator that is trained in a moment, and accordingly poor."""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANCE_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "dance-cache"))


@pytest.mark.parametrize(
    "solver", [SMALL, DancePublished(evaluator=SMALL.evaluator), DanceExact()], ids=lambda solver: solver.name
)
def test_the_contract_holds(solver):
    infinite = {"infinite-costs": "an expectation over a design without a mapping is infinite: `relax` refuses it"}
    check_solver(solver, budget=150, expected_failures=infinite).raise_if_failed()


def test_without_an_evaluator_the_optimum_is_found():
    for seed in range(3):
        problem = synthetic_problem(seed)
        result = DanceExact().solve(problem, budget=2000, seed=0)
        assert result.best_objective <= optimum(problem).objective * (1 + 1e-3)


def test_with_a_trained_evaluator_tiny_comes_close():
    problem = make_problem("tiny/edap")
    solver = Dance(evaluator=EvaluatorSettings(networks=4000, pairs=30_000))
    result = solver.solve(problem, budget=1500, seed=0)
    random = np.median(problem.evaluate(problem.space.sample(np.random.default_rng(0), 1000)).objective)
    best = optimum(problem).objective
    assert result.best_objective - best <= 0.05 * (random - best)


@pytest.mark.parametrize("solver", [DanceExact()], ids=lambda solver: solver.name)
def test_a_limit_is_met_where_it_can_be(solver):
    free = synthetic_problem(1)
    fastest = free.evaluate(free.space.unrank(np.arange(free.space.size))).cost.latency_s
    limit = float(np.quantile(fastest, 0.1))
    objective = dataclasses.replace(free.objective, constraints=(Constraint("latency_s", limit),))
    problem = dataclasses.replace(free, objective=objective)
    for seed in range(3):
        result = solver.solve(problem, budget=1500, seed=seed)
        assert result.trace.latency_s[result.best] <= limit
        assert result.best_objective <= optimum(problem).objective * 1.05


def test_an_evaluator_is_billed_alike_trained_and_cached():
    problem = synthetic_problem(3)
    first, second = (SMALL.solve(problem, budget=200, seed=seed).ledger for seed in (0, 1))
    assert first.surrogate_samples == second.surrogate_samples > 0
    assert first.cost_model_queries == second.cost_model_queries > 0
    assert second.surrogate_seconds > 0.5 * first.surrogate_seconds > 0
    assert first.gradient_queries > 0
    assert first.tables_read


def test_without_an_evaluator_nothing_is_trained_and_every_cost_is_billed():
    problem = synthetic_problem(3, option_counts=(3, 3, 2, 3))
    ledger = DanceExact().solve(problem, budget=200, seed=0).ledger
    assert ledger.surrogate_samples == 0
    assert ledger.cost_model_queries == (1 + 2 + 2 + 1 + 2) * problem.accelerator_space.size
    assert not ledger.tables_read
    assert ledger.spent == 200


def test_threads_and_global_state_of_torch_are_left_alone():
    before, state = torch.get_num_threads(), torch.get_rng_state()
    SMALL.solve(synthetic_problem(4), budget=100, seed=0)
    assert torch.get_num_threads() == before
    assert torch.equal(torch.get_rng_state(), state)


def test_a_budget_too_small_for_a_gradient_still_gives_a_design():
    result = DanceExact().solve(synthetic_problem(5), budget=1, seed=0)
    assert result.status is Status.BUDGET_SPENT
    assert len(result.trace) == 1


@pytest.mark.parametrize(
    ("solver", "changes", "told"),
    [
        (RoundSettings, {"evaluations": 0}, "at least 1 exact evaluation"),
        (RoundSettings, {"visits": -1}, "visits >= 0"),
        (RoundSettings, {"opening": 0}, "opening and width are at least 1"),
        (Dance, {"lambdas": ()}, "one or more numbers"),
        (Dance, {"lambdas": (-1.0,)}, "one or more numbers"),
        (Dance, {"accelerators": 0}, "at least 1, not 0"),
        (Dance, {"tolerances": ()}, "one or more relative violations"),
        (DanceExact, {"temperature": (1.0, 0.0)}, "above 0"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else None,
)
def test_wrong_settings_are_told(solver, changes, told):
    with pytest.raises(ValueError, match=told):
        solver(**changes)


def test_a_sweep_of_lambdas_gives_a_front():
    problem = synthetic_problem(6)
    result = DanceExact(lambdas=(0.1, 1.0, 10.0)).solve(problem, budget=1500, seed=0)
    archive = result.trace[result.pareto]
    assert len(archive) >= 2
    assert np.all(np.diff(archive.error_pct) > 0)
    assert np.all(np.diff(archive.cost) < 0)
