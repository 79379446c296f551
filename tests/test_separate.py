"""The separate searches and the EDD-like one: against brute force on small problems, and on the contract."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from dance_env.objective import Constraint
from dance_env.problem import Problem
from dance_env.tasks import make_problem
from dance_env.testing import synthetic_problem
from solvers.catalog import make_solver
from solvers.contract.result import Result, Status
from solvers.contract.solver import Solver
from solvers.methods.edd import EDD
from solvers.methods.gradient.descent import DescentSettings
from solvers.methods.gradient.hdx import HdxSettings
from solvers.methods.separate import Ranking, Separate, SeparateFlops, macs_share, neighbors
from solvers.testing import check_solver

BUDGET = 600
UNMAPPABLE = "an expectation over options without a mapping is infinite: such a problem has no gradient"
ONE_ANSWER = "every seed settles on the same network, the best one, and evaluates nothing else"


def networks_of(problem: Problem) -> np.ndarray:
    """Every network of a small problem (n, N)."""
    counts = problem.space.option_counts[problem.space.network]
    return np.stack(np.unravel_index(np.arange(np.prod(counts)), counts), axis=1)


def network_of(problem: Problem, result: Result, row: int = -1) -> np.ndarray:
    return result.trace.designs[row, problem.space.network]


# Contract


@pytest.mark.usefixtures("forks_other_process")
@pytest.mark.parametrize(
    ("solver", "declared"),
    [
        (Separate(), {"infinite-costs": UNMAPPABLE, "seeds-decide-as-declared": ONE_ANSWER}),
        (SeparateFlops(), {"infinite-costs": UNMAPPABLE, "seeds-decide-as-declared": ONE_ANSWER}),
        (EDD(), {"infinite-costs": UNMAPPABLE}),
    ],
    ids=lambda each: each.name if isinstance(each, Solver) else "",
)
def test_solvers_keep_the_contract(solver: Solver, declared: dict[str, str]) -> None:
    check_solver(solver, expected_failures=declared).raise_if_failed()


def test_they_are_in_the_catalog() -> None:
    assert make_solver("separate") == Separate()
    assert make_solver("separate-flops", penalty=3.0) == SeparateFlops(penalty=3.0)
    assert make_solver("edd", evaluations=7) == EDD(evaluations=7)


@pytest.mark.parametrize(
    ("solver", "settings", "message"),
    [
        (Separate, {"evaluations": 0}, "stage two needs at least 1 evaluation, not 0"),
        (SeparateFlops, {"evaluations": -1}, "stage two needs at least 1 evaluation"),
        (SeparateFlops, {"penalty": -1.0}, "penalty is a number of percentage points"),
        (SeparateFlops, {"penalty": float("nan")}, "penalty is a number of percentage points"),
        (EDD, {"evaluations": 0}, "evaluations must be at least 1; got 0"),
    ],
)
def test_settings_that_mean_nothing_are_refused(solver: type, settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        solver(**settings)


# Separate


@pytest.mark.parametrize("problem_seed", [0, 1, 2, 3])
def test_separate_finds_the_most_accurate_network_and_its_best_accelerator(problem_seed: int) -> None:
    problem = synthetic_problem(problem_seed)
    result = Separate().solve(problem, budget=BUDGET, seed=0)
    networks = networks_of(problem)
    accurate = networks[problem.accuracy.evaluate(networks).argmax()]
    assert result.best_design is not None
    np.testing.assert_array_equal(result.best_design[problem.space.network], accurate)
    assert result.best_objective == problem.evaluate_networks(accurate[None]).objective.min()
    assert result.status is Status.STOPPED_EARLY


def test_separate_is_billed_for_every_network_it_looks_at_and_every_accelerator() -> None:
    ledger = Separate().solve(synthetic_problem(0), budget=BUDGET, seed=0).ledger
    assert ledger.evaluations == 1
    assert 0 < ledger.gradient_queries < BUDGET
    assert ledger.cost_pairs % 54 == 0 < ledger.cost_pairs
    assert not ledger.tables_read


def test_separate_loses_to_the_joint_optimum_where_cost_weighs_more() -> None:
    problem = synthetic_problem(0)
    problem = dataclasses.replace(problem, objective=dataclasses.replace(problem.objective, weight=3.0))
    every = problem.evaluate(problem.space.unrank(np.arange(problem.space.size))).objective
    assert Separate().solve(problem, budget=BUDGET, seed=0).best_objective > every.min()


def test_a_network_over_a_limit_is_followed_by_the_next_best_one() -> None:
    free = synthetic_problem(0)
    networks = networks_of(free)
    fastest = free.evaluate_networks(networks).cost.latency_s.min(axis=1)
    by_accuracy = np.argsort(-free.accuracy.evaluate(networks), kind="stable")
    limit = float(np.quantile(fastest, 0.2))
    expected = next(row for row in by_accuracy if fastest[row] <= limit)
    tries = int(np.flatnonzero(by_accuracy == expected)[0])
    assert tries > 2, "the limit has to keep out the most accurate networks for this test to see anything"
    problem = synthetic_problem(0, constraints=(Constraint("latency_s", limit),))
    result = Separate().solve(problem, budget=BUDGET, seed=0)
    assert result.trace.feasible.tolist() == [False] * tries + [True]
    np.testing.assert_array_equal(network_of(problem, result), networks[expected])
    tried = [network_of(problem, result, row).tolist() for row in range(tries)]
    assert tried == networks[by_accuracy[:tries]].tolist()


def test_where_nothing_is_feasible_every_network_gets_its_turn() -> None:
    problem = synthetic_problem(0, constraints=(Constraint("latency_s", 1e-9),))
    result = Separate().solve(problem, budget=2 * BUDGET, seed=0)
    assert result.status is Status.NOTHING_FEASIBLE
    assert len(np.unique(result.trace.designs[:, problem.space.network], axis=0)) == len(networks_of(problem)) == 54


# With a penalty on multiply-accumulates


@pytest.mark.parametrize("problem_seed", [0, 1, 2])
def test_a_penalty_moves_to_smaller_networks_and_finds_the_least_penalized_one(problem_seed: int) -> None:
    problem = synthetic_problem(problem_seed)
    networks = networks_of(problem)
    macs = problem.network_space.macs(networks)
    share = (macs - macs.min()) / (macs.max() - macs.min())
    error_pct = 100.0 * (1.0 - problem.accuracy.evaluate(networks))
    found = []
    for penalty in (0.0, 10.0, 100.0):
        result = SeparateFlops(penalty=penalty).solve(problem, budget=BUDGET, seed=0)
        expected = networks[(error_pct + penalty * share).argmin()]
        np.testing.assert_array_equal(network_of(problem, result), expected)
        found.append(int(problem.network_space.macs(network_of(problem, result)[None])[0]))
    assert found == sorted(found, reverse=True)
    assert found[0] > found[-1] == macs.min()


def test_the_share_lies_where_the_macs_do() -> None:
    problem = make_problem("tiny/balanced")
    networks = networks_of(problem)
    macs = problem.network_space.macs(networks)
    share = macs_share(problem).evaluate(networks)[:, 0]
    np.testing.assert_allclose(share, (macs - macs.min()) / (macs.max() - macs.min()), rtol=1e-12, atol=1e-12)


# Ranking


def test_ranking_climbs_scores_each_network_once_and_keeps_one_evaluation() -> None:
    asked: list[int] = []
    spare = [1000]

    def score(probs: torch.Tensor) -> torch.Tensor:
        asked.append(len(probs))
        spare[0] -= len(probs)
        return -(probs * torch.arange(9.0, dtype=torch.float64)).sum(dim=1)  # the last options are the best

    ranking = Ranking(score, [3, 3, 3], left=lambda: spare[0], device="cpu")
    ranking.add(np.array([[0, 0, 0], [0, 0, 0], [1, 0, 0]]))
    assert asked == [2]
    ranking.climb()
    assert ranking.take().tolist() == [2, 2, 2]
    assert sum(asked) == len(ranking) + 1 <= 27
    spare[0] = 3
    before = sum(asked)
    ranking.add(networks_of(synthetic_problem(0, option_counts=(3, 3, 3))))
    assert sum(asked) - before <= 2
    assert spare[0] >= 1


def test_neighbors_differ_in_one_choice() -> None:
    found = neighbors(np.array([0, 2, 0]), [2, 3, 1])
    assert sorted(map(tuple, found.tolist())) == [(0, 0, 0), (0, 1, 0), (1, 2, 0)]
    assert neighbors(np.array([0]), [1]).shape == (0, 1)


# EDD-like


def test_edd_decodes_legal_designs_and_spends_its_budget() -> None:
    problem = synthetic_problem(0)
    result = EDD().solve(problem, budget=BUDGET, seed=0)
    np.testing.assert_array_equal(problem.space.check(result.trace.designs), result.trace.designs)
    assert result.ledger.spent == BUDGET
    assert result.ledger.gradient_queries > result.ledger.evaluations == len(np.unique(result.trace.designs, axis=0))
    assert result.ledger.cost_pairs > 0


def test_edd_descends() -> None:
    problem = synthetic_problem(0)
    every = problem.evaluate(problem.space.unrank(np.arange(problem.space.size))).objective
    trace = EDD(descent=DescentSettings(restarts=8)).solve(problem, budget=BUDGET, seed=0).trace
    first = trace.objective[trace.gradient_queries == trace.gradient_queries[0]]
    assert np.median(first) < np.quantile(every, 0.2)


def test_edd_heeds_limits_unless_told_not_to() -> None:
    limit = (Constraint("latency_s", 0.003),)
    shares = [
        EDD(hdx=hdx).solve(synthetic_problem(0, constraints=limit), budget=BUDGET, seed=0).trace.feasible.mean()
        for hdx in (HdxSettings(), None)
    ]
    assert shares[0] > 0.1 > shares[1]  # one design in two hundred is feasible


def test_edd_goes_on_where_the_weight_is_zero() -> None:
    problem = synthetic_problem(0)
    blind = dataclasses.replace(problem, objective=dataclasses.replace(problem.objective, weight=0.0))
    result = EDD().solve(blind, budget=BUDGET, seed=0)
    networks = networks_of(problem)
    assert result.best_objective == (100.0 * (1.0 - problem.accuracy.evaluate(networks))).min()
