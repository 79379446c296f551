"""Solvers of several libraries: each keeps the contract and its budget, learns, and says what it lacks."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from installed import library_installed

from dance_env.objective import Constraint
from dance_env.problem import Problem
from dance_env.space import AcceleratorSpace
from dance_env.tasks import make_problem
from dance_env.testing import synthetic_problem
from solvers import Solver, load_solver, make_solver, solver_names
from solvers.contract.result import Result, Status
from solvers.methods.local_search import neighbors
from solvers.methods.merit import merit
from solvers.testing import check_solver

SMALL: dict[str, dict[str, Any]] = {
    "a2c": {"updates": 8},
    "dqn": {"updates": 4, "hidden": (8,), "batch": 8},
    "maskable-ppo": {"updates": 4, "hidden": (8,), "epochs": 2},
    "reinforce": {"updates": 8, "width": 8},
    "nsga3": {"offspring": 8},
    "cma-es": {"population": 6, "patience": 3},
    "nevergrad": {},
    "local-search": {"sample": 4},
    "gp": {"starts": 6, "models": 4, "points": 12, "candidates": 32},
    "motpe": {"starts": 10},
    "network-first": {},
    "accelerator-first": {"networks": 9},
}
"""The settings of a small budget."""


def made(name: str) -> Solver:
    if not library_installed(name):
        pytest.skip(f"needs the package {load_solver(name).capabilities.library}, which is not installed")
    return make_solver(name, **SMALL[name])


@pytest.fixture(scope="module")
def timed() -> Problem:
    return make_problem("accel-nasbench/edap")


@pytest.mark.usefixtures("forks_other_process")
@pytest.mark.parametrize("name", SMALL)
def test_each_keeps_the_contract(name: str) -> None:
    check_solver(made(name), budget=24).raise_if_failed()


@pytest.mark.parametrize("name", SMALL)
def test_each_takes_budgets_in_trained_networks_and_gpu_hours(name: str, timed: Problem) -> None:
    by_networks = made(name).solve(timed, budget="12networks", seed=0)
    assert by_networks.ledger.networks <= 12
    assert by_networks.status in (Status.BUDGET_SPENT, Status.STOPPED_EARLY)
    by_hours = made(name).solve(timed, budget="40gpuh", seed=0)
    assert 0 < by_hours.ledger.training_gpu_hours <= 40


def test_a_converged_sampler_ends_a_run_that_trains_nothing_new() -> None:
    few = synthetic_problem(0, option_counts=(2, 2))  # four networks, of a budget of eight
    for name, settings in (("reinforce", SMALL["reinforce"]), ("a2c", SMALL["a2c"]), ("cma-es", SMALL["cma-es"])):
        run = make_solver(name, **settings).solve(few, budget="8networks", seed=0)
        assert run.status is Status.STOPPED_EARLY
        assert 80 <= run.ledger.evaluations < 120


def test_the_controllers_and_encodings_keep_budgets_and_seeds() -> None:
    problem = synthetic_problem(0, constraints=(Constraint("latency_s", 0.006),))
    for name, settings in (
        ("reinforce", {"controller": "factorized"}),
        ("cma-es", {"ordinals": False, "population": 6}),
        ("local-search", {"kick": 0, "reach": 1, "batch": 8}),
    ):
        runs = [make_solver(name, **settings).solve(problem, budget=40, seed=seed) for seed in (0, 0, 1)]
        assert [len(run.trace) for run in runs] == [40] * 3
        assert runs[0].trace.same_search(runs[1].trace)
        assert not runs[0].trace.same_search(runs[2].trace)


@pytest.mark.parametrize("optimizer", ["NGOpt", "DiscreteOnePlusOne", "LognormalDiscreteOnePlusOne", "DE"])
def test_nevergrad_takes_its_optimizers_by_name(optimizer: str) -> None:
    pytest.importorskip("nevergrad", reason="needs Nevergrad (extra 'nevergrad')")
    problem = synthetic_problem(0)
    runs = [make_solver("nevergrad", optimizer=optimizer).solve(problem, budget=40, seed=seed) for seed in (0, 0, 1)]
    assert [run.ledger.evaluations for run in runs] == [40] * 3
    assert runs[0].trace.same_search(runs[1].trace)
    assert not runs[0].trace.same_search(runs[2].trace)
    with pytest.raises(Exception, match="Did you mean 'NGOpt'"):
        make_solver("nevergrad", optimizer="NGOpts").solve(problem, budget=5, seed=0)


def test_nevergrad_draws_every_option_alike() -> None:
    """Points spread evenly over an optimizer's own space are options drawn alike, whatever the number of options."""
    pytest.importorskip("nevergrad", reason="needs Nevergrad (extra 'nevergrad')")
    problem = synthetic_problem(0, option_counts=(2, 3, 7))
    run = make_solver("nevergrad", optimizer="LHSSearch").solve(problem, budget=420, seed=0)
    for column, count in enumerate(problem.space.option_counts):
        assert np.bincount(run.trace.designs[:, column], minlength=count) == pytest.approx(420 / count, abs=3)


def test_nevergrad_s_plans_of_a_fixed_number_of_points_end_with_it() -> None:
    """Its own samplers fail when they are asked for more."""
    pytest.importorskip("nevergrad", reason="needs Nevergrad (extra 'nevergrad')")
    few = synthetic_problem(0, option_counts=(2, 2))  # four networks: those of eight planned ones cannot be spent
    run = make_solver("nevergrad", optimizer="HaltonSearch").solve(few, budget="8networks", seed=0)
    assert (run.status, run.ledger.evaluations) == (Status.STOPPED_EARLY, 8)
    spent = make_solver("nevergrad", optimizer="HaltonSearch").solve(few, budget=50, seed=0)
    assert (spent.status, spent.ledger.evaluations) == (Status.BUDGET_SPENT, 50)


# ------------------------------------------------------------------------------------------------------- they search

LARGE = {"option_counts": (3,) * 7}


def regret(name: str, problem: Problem, *, budget: int, seeds: int = 3, **settings: Any) -> float:
    """The median best objective of a solver."""
    runs = [make_solver(name, **settings).solve(problem, budget=budget, seed=seed) for seed in range(seeds)]
    return float(np.median([run.best_objective for run in runs]))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("a2c", {}),
        ("maskable-ppo", {"updates": 24}),
        ("reinforce", {}),
        ("reinforce", {"controller": "factorized", "learning_rate": 0.1}),
        ("cma-es", {}),
        ("local-search", {}),
        ("nevergrad", {}),
        ("gp", {"models": 12}),
        ("accelerator-first", {}),
    ],
)
def test_each_is_better_than_random(name: str, settings: dict[str, Any]) -> None:
    library = load_solver(name).capabilities.library
    if library:
        pytest.importorskip(library)
    problem = synthetic_problem(1, **LARGE)
    budget = 80 if name == "gp" else 300
    assert regret(name, problem, budget=budget, **settings) < regret("random", problem, budget=budget)


def test_deep_q_learning_comes_to_prefer_good_designs() -> None:
    solver = make_solver("dqn", updates=24, hidden=(32,), replays=2)
    objective = solver.solve(synthetic_problem(1, **LARGE), budget=400, seed=0).trace.objective
    assert np.median(objective[-100:]) < np.median(objective[:40])


def test_searches_for_a_front_cover_more_of_it_than_random() -> None:
    pytest.importorskip("optuna", reason="needs Optuna (extra 'optuna')")
    from pymoo.indicators.hv import HV

    problem = synthetic_problem(1, **LARGE)

    def volume(run: Result) -> float:
        points = np.stack((100.0 * (1.0 - run.trace.accuracy), run.trace.cost), axis=1)
        return float(HV(ref_point=worst)(points))

    drawn = problem.evaluate(problem.space.sample(np.random.default_rng(0), 2000))
    worst = np.array([drawn.error_pct.max(), problem.objective.cost_function(drawn.cost).max()])
    volumes = {
        name: [volume(make_solver(name).solve(problem, budget=150, seed=seed)) for seed in range(2)]
        for name in ("motpe", "random")
    }
    assert min(volumes["motpe"]) > max(volumes["random"])


def test_local_search_evaluates_nothing_twice_and_ends_where_all_is_known() -> None:
    few = AcceleratorSpace(pe_x=(8, 16), pe_y=(8,), rf_words=(8,), dataflow=("WS", "OS"))
    problem = synthetic_problem(0, option_counts=(3, 2), accelerators=few)
    run = make_solver("local-search").solve(problem, budget=1000, seed=0)
    assert run.status is Status.STOPPED_EARLY
    assert (run.ledger.evaluations, run.ledger.repeats) == (problem.space.size, 0)


def test_neighbors_reach_as_far_as_they_may() -> None:
    space = make_problem("tiny/edap").space
    design = np.zeros(space.num_choices, dtype=np.int64)
    near, far = neighbors(space, design, 1), neighbors(space, design, 0)
    assert len(near) == 3 * 2 + 3 * 1 + 2  # three blocks and a dataflow of three options; three ordinal sizes at an end
    assert len(far) == int((space.option_counts - 1).sum())
    assert ((far != design).sum(axis=1) == 1).all()


def test_a_merit_puts_feasible_designs_first() -> None:
    problem = synthetic_problem(0, constraints=(Constraint("latency_s", 0.005),), unmappable=60)
    evaluation = problem.evaluate(problem.space.sample(np.random.default_rng(0), 500))
    value = merit(evaluation)
    assert np.isfinite(value).all()
    order = np.argsort(value, kind="stable")
    exact = np.lexsort((np.where(evaluation.feasible, evaluation.objective, 0.0), evaluation.violation))
    assert np.array_equal(evaluation.violation[order], evaluation.violation[exact])
    feasible = int(evaluation.feasible.sum())
    assert 0 < feasible < 500
    assert np.array_equal(evaluation.objective[order[:feasible]], evaluation.objective[exact[:feasible]])


# -------------------------------------------------------------------------------------------------------- two stages


def test_networks_first_serves_the_most_accurate_and_asks_for_their_best_accelerators() -> None:
    problem = make_problem("macro-cifar10/balanced")
    run = make_solver("network-first").solve(problem, budget=60, seed=0)
    hardware = problem.accelerator_space.index(run.trace.designs[:, problem.space.hardware])
    networks = run.trace.designs[:, problem.space.network]
    assert len(set(hardware[:30].tolist())) == 1, "stage one is played on one accelerator"
    assert np.array_equal(problem.best_hardware(networks[30:]), hardware[30:])
    assert (np.diff(run.trace.accuracy[30:]) <= 0).all(), "the most accurate first"
    assert run.ledger.networks == 30


def test_of_a_budget_of_trainings_all_networks_are_trained_and_all_are_served(timed: Problem) -> None:
    run = make_solver("network-first").solve(timed, budget="15networks", seed=0)
    assert (run.ledger.networks, run.ledger.evaluations) == (15, 30)
    assert run.status is Status.BUDGET_SPENT


def test_accelerator_first_keeps_to_one_accelerator_that_meets_the_limits() -> None:
    problem = make_problem("macro-cifar10/latency-limited")
    run = make_solver("accelerator-first").solve(problem, budget=40, seed=0)
    chosen = run.trace.designs[:, problem.space.hardware]
    assert (chosen == chosen[0]).all()
    assert run.trace.feasible.any()


# ---------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("name", [each for each in solver_names() if load_solver(each).capabilities.library])
def test_a_missing_library_is_named_before_any_work(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = load_solver(name).capabilities
    monkeypatch.setitem(sys.modules, needed.library, None)
    with pytest.raises(ValueError, match=rf"{name} needs the package .*pip install 'dance-env\[{needed.extra}\]'"):
        make_solver(name).solve("tiny/balanced", budget=5, seed=0)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("a2c", {"smallest_batch": 1}, "smallest_batch is at least 2"),
        ("a2c", {"episode": "oneshot"}, "Did you mean 'one-shot'"),
        ("dqn", {"episode": "one-shot"}, "of style sequential or refine, not one-shot"),
        ("dqn", {"exploration": 2.0}, "exploration is a share between 0 and 1"),
        ("maskable-ppo", {"episode": "refine"}, "of style sequential, not refine"),
        ("reinforce", {"controller": "gru"}, "the controller is 'lstm' or 'factorized'"),
        ("reinforce", {"decay": 1.0}, "decay is at least 0 and below 1"),
        ("nsga3", {"population": 10}, "a population of 10 is less than the 20 directions"),
        ("cma-es", {"population": 1}, "the population is at least 2, or 0"),
        ("local-search", {"kick": -1}, "kick is at least 0"),
        ("gp", {"points": 3}, "points is at least 4"),
        ("network-first", {"share": 1.0}, "share is above 0 and below 1"),
        ("accelerator-first", {"pressure": 0.0}, "pressure is a probability above 0"),
    ],
)
def test_bad_settings_are_refused(name: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_solver(name, **settings)
