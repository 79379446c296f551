"""The DANCE family: the contract, what the solvers find, what they query, how they are billed, hard limits."""

from __future__ import annotations

import dataclasses
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from caches import with_compiled_code
from filelock import FileLock

from dance_env.analysis.exact import optimum
from dance_env.objective import Constraint
from dance_env.problem import Problem
from dance_env.testing import synthetic_problem
from solvers.contract.metered_relaxed import MeteredRelaxedProblem
from solvers.contract.result import Status
from solvers.methods.dance.dance import Dance, warm_up
from solvers.methods.dance.evaluator import LAPTOP, MUON, PAPER, EvaluatorSettings, store
from solvers.methods.dance.evaluator.generator import HardwareGenerator
from solvers.methods.dance.evaluator.store import evaluator_path
from solvers.methods.dance.front import DanceFront
from solvers.methods.dance.refined import DanceExact, DanceRefined, RoundSettings
from solvers.testing import check_solver

SMALL = EvaluatorSettings(networks=512, pairs=1024, generator_width=64, estimator_width=64)
"""An evaluator that is trained in a moment, and accordingly poor."""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANCE_CACHE_DIR", str(with_compiled_code(tmp_path_factory.getbasetemp() / "dance-cache")))


@pytest.mark.usefixtures("forks_other_process")
@pytest.mark.parametrize(
    "solver",
    [
        Dance(evaluator=SMALL),
        DanceRefined(evaluator=SMALL),
        DanceExact(),
        DanceFront(dance=Dance(evaluator=SMALL, steps=6), lambdas=(0.1, 1.0, 10.0)),
    ],
    ids=lambda solver: solver.name,
)
def test_the_contract_holds(solver):
    infinite = {"infinite-costs": "the expectation over a design without a mapping is infinite: `relax` refuses it"}
    check_solver(solver, budget=150, expected_failures=infinite).raise_if_failed()


# The paper's method


def test_the_defaults_are_the_papers_sizes():
    assert Dance().evaluator == PAPER
    assert (PAPER.networks, PAPER.pairs) == (50_000, 1_800_000)
    assert (PAPER.generator_width, PAPER.estimator_width, PAPER.layers) == (128, 256, 5)
    assert PAPER.generator.matrix_rate == PAPER.estimator.matrix_rate == 0.0  # AdamW alone
    assert Dance.laptop(steps=7) == Dance(evaluator=LAPTOP, steps=7)


def test_lambda2_is_zero_at_first_and_rises_to_its_value():
    dance = Dance(steps=20, warm_up=0.5)
    values = [warm_up(step, dance) for step in range(20)]
    assert values[0] == 0.0
    assert np.all(np.diff(values[:11]) > 0)
    assert values[10:] == [1.0] * 10
    assert warm_up(0, Dance(warm_up=0.0)) == 1.0


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """The probabilities (B, O_net) of every gradient query."""
    seen: list[np.ndarray] = []
    query = MeteredRelaxedProblem.accuracy

    def accuracy(self: MeteredRelaxedProblem, probs: torch.Tensor) -> torch.Tensor:
        seen.append(probs.detach().cpu().numpy().copy())
        return query(self, probs)

    monkeypatch.setattr(MeteredRelaxedProblem, "accuracy", accuracy)
    return seen


def test_dance_queries_distributions_and_never_a_vertex(asked):
    """Of each search: a gradient query for each step, at a strict mixture of networks, then one evaluation.

    The first search is alone, the others run side by side.
    """
    ledger = Dance(evaluator=SMALL, steps=9).solve(synthetic_problem(0), budget=50, seed=0).ledger
    assert (ledger.gradient_queries, ledger.evaluations) == (45, 5)
    assert [len(probs) for probs in asked] == [1] * 9 + [2] * 18
    assert max(probs.max() for probs in asked) < 1.0


def test_the_refinement_queries_vertices(asked):
    """The test above would notice a gradient at a vertex."""
    DanceRefined(evaluator=SMALL).solve(synthetic_problem(0), budget=60, seed=0)
    assert any(set(np.unique(probs)) == {0.0, 1.0} for probs in asked)


@pytest.mark.parametrize("budget", [1, 2, 7, 20])
def test_a_small_budget_shortens_the_search_and_still_evaluates(budget):
    result = Dance(evaluator=SMALL).solve(synthetic_problem(1), budget=budget, seed=0)
    assert result.ledger.evaluations == 1
    assert result.ledger.gradient_queries == budget - 1
    assert result.status in (Status.BUDGET_SPENT, Status.NOTHING_FEASIBLE)


def test_restarts_start_elsewhere():
    trace = (
        Dance(evaluator=SMALL, steps=1, learning_rate=1e-9, init_std=3.0)
        .solve(synthetic_problem(1), budget=100, seed=0)
        .trace
    )
    assert len(np.unique(trace.designs[:, :4], axis=0)) > 10


def test_a_front_takes_the_lambdas_in_turn():
    dance = Dance(evaluator=SMALL, steps=12, init_std=0.01)
    result = DanceFront(dance=dance, lambdas=(0.0, 1000.0)).solve(synthetic_problem(6), budget=130, seed=0)
    assert result.ledger.evaluations == 10
    accurate, cheap = result.trace[::2], result.trace[1::2]
    assert accurate.error_pct.mean() < cheap.error_pct.mean()
    assert accurate.cost.mean() > cheap.cost.mean()


TRAINED = EvaluatorSettings(
    networks=2_000,
    pairs=8_000,
    generator=replace(MUON.generator, batch=128),
    estimator=replace(MUON.estimator, epochs=6, batch=256),
    generator_width=48,
    estimator_width=64,
)


def test_with_a_trained_evaluator_dance_comes_close_and_with_a_broken_generator_it_does_not(monkeypatch):
    problem = synthetic_problem(0, option_counts=(4, 4, 4, 3))
    best = optimum(problem).objective

    def regret_pct() -> float:
        runs = [Dance(evaluator=TRAINED).solve(problem, budget=250, seed=seed) for seed in range(3)]
        return 100.0 * (float(np.median([run.best_objective for run in runs])) / best - 1.0)

    whole = regret_pct()
    assert whole < 1.0
    monkeypatch.setattr(HardwareGenerator, "generate", least_probable)
    assert regret_pct() > whole + 2.0


def least_probable(generator: HardwareGenerator, probs: torch.Tensor) -> torch.Tensor:
    return torch.stack([head.argmin(dim=1) for head in generator.split(generator(probs))], dim=1)


# Ours


def test_without_an_evaluator_the_optimum_is_found():
    for seed in range(3):
        problem = synthetic_problem(seed)
        result = DanceExact().solve(problem, budget=2000, seed=0)
        assert result.best_objective <= optimum(problem).objective * (1 + 1e-3)


def with_limit(problem: Problem, share: float) -> Problem:
    """The problem with a latency limit that `share` of all designs meet."""
    latency_s = problem.evaluate(problem.space.unrank(np.arange(problem.space.size))).cost.latency_s
    limit = Constraint("latency_s", float(np.quantile(latency_s, share)))
    return replace(problem, objective=replace(problem.objective, constraints=(limit,)))


def test_a_limit_is_met_where_it_can_be():
    problem = with_limit(synthetic_problem(1), 0.1)
    for seed in range(3):
        result = DanceExact().solve(problem, budget=1500, seed=seed)
        assert result.trace.violation[result.best] == 0.0
        assert result.best_objective <= optimum(problem).objective * 1.05


def test_without_an_evaluator_nothing_is_trained_and_every_cost_is_billed():
    problem = synthetic_problem(3, option_counts=(3, 3, 2, 3))
    ledger = DanceExact().solve(problem, budget=200, seed=0).ledger
    assert ledger.evaluator_samples == 0
    assert ledger.cost_pairs == (3 + 3 + 2 + 3) * problem.accelerator_space.size  # every layer on every accelerator
    assert not ledger.tables_read
    assert ledger.spent == 200


def test_threads_and_global_state_of_torch_are_left_alone():
    before, state = torch.get_num_threads(), torch.get_rng_state()
    for solver in (Dance(evaluator=SMALL), DanceRefined(evaluator=SMALL)):
        solver.solve(synthetic_problem(4), budget=100, seed=0)
    assert torch.get_num_threads() == before
    assert torch.equal(torch.get_rng_state(), state)


def test_a_budget_too_small_for_a_gradient_still_gives_a_design():
    result = DanceExact().solve(synthetic_problem(5), budget=1, seed=0)
    assert result.status is Status.BUDGET_SPENT
    assert len(result.trace) == 1


# The bill


def test_an_evaluator_is_billed_alike_trained_and_cached():
    problem = synthetic_problem(3)
    solver = Dance(evaluator=SMALL)
    first, second = (solver.solve(problem, budget=60, seed=seed).ledger for seed in (0, 1))
    assert first.evaluator_samples == second.evaluator_samples == 512 + 1024
    assert first.cost_pairs == second.cost_pairs > 0
    assert second.evaluator_seconds == first.evaluator_seconds > 0
    assert first.tables_read
    assert first.evaluator_shared


def test_waiting_for_anothers_training_is_billed_to_nobody(own_cache, monkeypatch):
    """The evaluator is there, but another process holds its lock for a second, as one that trains it does."""
    problem, solver = synthetic_problem(3), Dance(evaluator=SMALL)
    first = solver.solve(problem, budget=60, seed=0).ledger
    held, waited_for = threading.Event(), threading.Event()

    def another_process() -> None:
        with FileLock(evaluator_path(problem, SMALL).with_suffix(".lock")):
            held.set()
            waited_for.wait(500)
            time.sleep(1.0)

    class Noted(FileLock):
        def acquire(self, *given, **named):
            waited_for.set()
            return super().acquire(*given, **named)

    monkeypatch.setattr(store, "FileLock", Noted)

    other = threading.Thread(target=another_process)
    other.start()
    held.wait()
    started = time.perf_counter()
    second = solver.solve(problem, budget=60, seed=0).ledger
    elapsed = time.perf_counter() - started
    other.join()
    assert elapsed > 0.9
    assert second.evaluator_seconds == first.evaluator_seconds
    assert second.solver_seconds + second.oracle_seconds < elapsed - 0.8


def test_a_fresh_evaluator_comes_from_the_runs_seed(monkeypatch):
    seeds: list[int] = []
    from solvers.methods.dance.evaluator import metered

    load_or_train = metered.load_or_train

    def note(problem, settings, **keywords):
        seeds.append(settings.seed)
        return load_or_train(problem, settings, **keywords)

    monkeypatch.setattr(metered, "load_or_train", note)
    problem = synthetic_problem(3, option_counts=(2, 2))
    tiny = replace(SMALL, networks=64, pairs=64, sampling=dataclasses.replace(SMALL.sampling, held_out=0.0))
    for fresh in (False, True):
        for seed in (0, 1, 0):
            ledger = Dance(evaluator=tiny, fresh_evaluator=fresh, steps=2).solve(problem, budget=3, seed=seed).ledger
            assert ledger.evaluator_shared != fresh
    shared, own = seeds[:3], seeds[3:]
    assert shared == [0, 0, 0]
    assert own[0] == own[2] != own[1]


# Settings


@pytest.mark.parametrize(
    ("solver", "changes", "message"),
    [
        (Dance, {"steps": 0}, "steps must be at least 1; got 0"),
        (Dance, {"learning_rate": 0.0}, "learning_rate must be above 0"),
        (Dance, {"warm_up": 1.5}, "between 0 and 1; got 1.5"),
        (Dance, {"temperature": (1.0, 0.0)}, "two numbers above 0"),
        (DanceFront, {"lambdas": ()}, "one or more factors"),
        (DanceFront, {"lambdas": (-1.0,)}, "one or more factors"),
        (RoundSettings, {"evaluations": 0}, "evaluations must be at least 1; got 0"),
        (RoundSettings, {"vertex_queries": -1}, "vertex_queries must be at least 0; got -1"),
        (RoundSettings, {"first_searches": 0}, "first_searches must be at least 1; got 0"),
        (DanceRefined, {"candidates": 0}, "candidates must be at least 1; got 0"),
        (DanceRefined, {"tolerances": ()}, "one or more relative violations"),
        (DanceExact, {"temperature": (1.0, 0.0)}, "two numbers above 0"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else None,
)
def test_wrong_settings_are_refused(solver, changes, message):
    with pytest.raises(ValueError, match=message):
        solver(**changes)
