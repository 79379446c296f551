"""The bill in GPU-hours, and budgets in trained networks and GPU-hours, held against runs worked by hand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from dance_env.accuracy import TensorAccuracy, TimedAccuracy
from dance_env.problem import MacsTrainingTime, Problem
from dance_env.tasks import make_problem
from dance_env.testing import synthetic_problem
from solvers.catalog import make_solver
from solvers.comparison.plan import DEFAULT_SOLVERS, default_contestants
from solvers.comparison.settings import Settings
from solvers.comparison.spending import spent_in_all
from solvers.contract.allowance import QUERIES_PER_NETWORK
from solvers.contract.budget import Budget
from solvers.contract.ledger import BudgetExhausted, Ledger, break_even
from solvers.contract.meter import Meter
from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.record import read_record, write_record
from solvers.contract.result import Result, Status
from solvers.contract.solver import Solver
from solvers.contract.trainings import different_networks, trainings
from solvers.methods.random_search import RandomSearch


@dataclass(frozen=True)
class ByOptions:
    """A training of `1 + the sum of the options` GPU-hours, so that a bill can be added up by hand."""

    def gpu_hours(self, networks: np.ndarray) -> np.ndarray:
        return 1.0 + networks.sum(axis=1)


def timed(seed: int = 0, **changes: Any) -> Problem:
    """Networks of 3 x 3 x 2 x 3 options: trainings of 1 to 1 + 2 + 2 + 1 + 2 = 8 GPU-hours."""
    return replace(synthetic_problem(seed), training_time=ByOptions(), **changes)


def metered(budget: int | str | Budget, problem: Problem | None = None) -> MeteredProblem:
    problem = problem or timed()
    return MeteredProblem(problem, Meter(budget, problem))


def designs(problem: MeteredProblem | Problem, *networks: tuple[int, ...]) -> np.ndarray:
    """Designs of these networks, each on an accelerator of its own."""
    rows = np.array(networks, dtype=np.int64)
    return np.concatenate([rows, problem.accelerator_space.unindex(np.arange(len(rows)))], axis=1)


def uniform(rows: int) -> torch.Tensor:
    """(rows, 11) equal probabilities of each choice's options."""
    return torch.tensor([[1 / 3] * 6 + [1 / 2] * 2 + [1 / 3] * 3] * rows, dtype=torch.float64)


A, B, C = (0, 0, 0, 0), (1, 0, 0, 0), (2, 2, 1, 2)  # 1, 2 and 8 GPU-hours


def test_each_line_of_the_bill_of_a_run_worked_by_hand() -> None:
    problem = metered(100)
    problem.evaluate(designs(problem, A, B, A))  # A twice, on two accelerators: trained once
    problem.evaluate(designs(problem, A))  # the very same design again
    trace, ledger = problem.meter.trace(), problem.meter.ledger()
    np.testing.assert_array_equal(trace.trained_networks, [1, 2, 2, 2])
    np.testing.assert_array_equal(trace.gpu_hours, [1, 3, 3, 3])
    assert (ledger.networks, ledger.repeats) == (2, 1)
    assert ledger.training_gpu_hours == 1 + 2
    assert (ledger.supernet_trainings, ledger.supernet_gpu_hours) == (0, 0)
    best = trace.designs[trace.best()][:4]
    assert ledger.final_training_gpu_hours == 1 + best.sum()
    assert ledger.gpu_hours == 3
    assert ledger.per_design_gpu_hours == ledger.all_in_gpu_hours == 3 + 1 + best.sum()


def test_the_first_gradient_query_pays_the_whole_supernet() -> None:
    problem = metered(100, timed(supernet_trainings=2.5))
    problem.evaluate(designs(problem, A))
    relaxed, probs = problem.relax(), uniform(2)
    for _ in range(3):
        relaxed.accuracy(probs)
    problem.evaluate(designs(problem, B))
    trace, ledger = problem.meter.trace(), problem.meter.ledger()
    np.testing.assert_array_equal(trace.trained_networks, [1, 2.5 + 2])
    np.testing.assert_array_equal(trace.gpu_hours, [1, 2.5 * 8 + 1 + 2])
    assert (ledger.supernet_trainings, ledger.supernet_gpu_hours) == (2.5, 20)
    assert (ledger.fixed_gpu_hours, ledger.gpu_hours) == (20, 23)
    assert ledger.all_in_gpu_hours == 20 + ledger.per_design_gpu_hours


def test_without_training_times_hours_are_unknown_and_networks_are_counted() -> None:
    problem = metered("2networks", synthetic_problem(0))
    problem.evaluate(designs(problem, A, B))
    trace, ledger = problem.meter.trace(), problem.meter.ledger()
    assert np.isnan(trace.gpu_hours).all()
    assert (ledger.training_gpu_hours, ledger.gpu_hours, ledger.all_in_gpu_hours) == (None, None, None)
    assert ledger.break_even(Ledger()) is None
    np.testing.assert_array_equal(trace.trained_networks, [1, 2])


def test_reading_the_accuracies_as_a_table_is_the_training_of_every_network() -> None:
    result = make_solver("exhaustive").solve(timed(), budget=100, seed=0)
    every = np.stack(np.unravel_index(np.arange(54), (3, 3, 2, 3)), axis=1)
    assert result.ledger.accuracies_read
    assert result.ledger.training_gpu_hours == (1 + every.sum(axis=1)).sum()
    assert set(result.trace.trained_networks) == {54}
    assert spent_in_all(result, "networks") == 54, "though it evaluated fewer"


def test_trainings_in_all_count_repeats_and_a_supernet_that_is_asked_after_the_last_row() -> None:
    problem = metered("20networks")
    problem.meter.bill_repeated_trainings(3)
    problem.evaluate(designs(problem, A, B))
    result = RandomSearch().solve(timed(), budget=1, seed=0)
    before = replace(result, trace=problem.meter.trace(), ledger=problem.meter.ledger())
    assert spent_in_all(before, "networks") == 6
    problem.meter.bill_gradients(1)
    after = replace(result, trace=problem.meter.trace(), ledger=problem.meter.ledger())
    supernet = after.ledger.supernet_trainings
    assert supernet > 0
    assert spent_in_all(after, "networks") == 6 + supernet
    problem.evaluate(designs(problem, A))
    last = replace(result, trace=problem.meter.trace(), ledger=problem.meter.ledger())
    assert spent_in_all(last, "networks") == 6 + supernet
    unknown = replace(last.trace, trained_networks=np.full(3, np.nan))
    assert spent_in_all(replace(last, trace=unknown), "networks") == last.ledger.networks + supernet


def test_reading_cost_tables_alone_trains_nothing() -> None:
    problem = metered(100)
    costs = problem.unmetered_costs
    assert costs.accuracy is None
    ledger = problem.meter.ledger()
    assert (ledger.tables_read, ledger.accuracies_read, ledger.training_gpu_hours) == (True, False, 0)


@pytest.mark.parametrize(
    ("fixed", "each", "other_fixed", "other_each", "designs"),
    [(20, 3, 0, 5, 10), (20, 3, 0, 4.9, 11), (0, 3, 0, 5, 1), (20, 5, 0, 5, np.inf), (5, 9, 20, 1, 1), (4, 1, 0, 9, 1)],
)
def test_break_even(fixed: float, each: float, other_fixed: float, other_each: float, designs: float) -> None:
    assert break_even(fixed, each, other_fixed, other_each) == designs


def test_a_budget_of_networks_ends_at_the_first_that_cannot_be_trained() -> None:
    problem = metered("2networks")
    with pytest.raises(
        BudgetExhausted, match="1 more evaluations or gradient queries than a budget of 2 trained networks"
    ):
        problem.evaluate(designs(problem, A, B, A, B, C)[[0, 1, 2, 3, 4]])
    assert problem.meter.ledger().evaluations == 4  # repeats train nothing
    with pytest.raises(BudgetExhausted):  # the run is over, for known networks too
        problem.evaluate(designs(problem, A))
    assert problem.meter.left == 0


def test_a_budget_of_hours_buys_what_is_affordable_of_a_batch() -> None:
    problem = metered("5gpuh")
    with pytest.raises(BudgetExhausted, match=r"2 more .* than a budget of 5 GPU-hours pays for"):
        problem.evaluate(designs(problem, A, B, C, A))  # 1 + 2, then 8 where 2 are left
    assert problem.meter.ledger().gpu_hours == 3
    assert (problem.meter.left, problem.meter.evaluations_left) == (0, 0)


def test_a_budget_that_fits_to_the_hour() -> None:
    problem = metered("11gpuh")
    problem.evaluate(designs(problem, A, B, C))
    assert problem.meter.ledger().gpu_hours == 11
    assert (problem.meter.left, problem.meter.fraction) == (0, 1.0)


def test_a_supernet_beyond_the_budget_is_refused_and_costs_nothing() -> None:
    for budget in ("31gpuh", "3networks"):  # 4 trainings of 8 GPU-hours
        problem = metered(budget)
        with pytest.raises(BudgetExhausted):
            problem.relax().accuracy(uniform(1))
        assert problem.meter.ledger().gradient_queries == 0
        problem.evaluate(designs(problem, A))  # what is left can be spent on networks


@pytest.mark.parametrize(("budget", "networks"), [("33gpuh", [A]), ("6networks", [A, B])])
def test_a_supernet_counts_against_the_budget(budget: str, networks: list[tuple[int, ...]]) -> None:
    problem = metered(budget)
    problem.relax().accuracy(uniform(1))
    problem.evaluate(designs(problem, *networks))
    with pytest.raises(BudgetExhausted):
        problem.evaluate(designs(problem, C))


def test_what_a_solver_that_plans_is_told() -> None:
    for budget, planned in ((40, 40), ("40networks", 40), ("18gpuh", 18 / 4.5), ("7networks,3", 3)):
        meter = metered(budget).meter
        assert meter.planned_evaluations == pytest.approx(planned, abs=1)
        assert meter.evaluations_left == meter.planned_evaluations
        queries = meter.planned_evaluations * (1 if meter.budget.evaluations else QUERIES_PER_NETWORK)
        assert meter.left == queries
    problem = metered("18gpuh")
    problem.evaluate(designs(problem, A, B))
    assert problem.meter.evaluations_left == (18 - 3) // 1.5  # at the mean of what was trained


def test_hours_without_training_times_are_refused() -> None:
    with pytest.raises(
        ValueError, match="500 GPU-hours needs training times, and 'synthetic-0' has none: give the budget in"
    ):
        make_solver("random").solve(synthetic_problem(0), budget="500gpuh", seed=0)
    with pytest.raises(RuntimeError, match="'synthetic-0' has no training times"):
        synthetic_problem(0).training_gpu_hours(np.zeros((1, 4), np.int64))
    assert synthetic_problem(0).supernet_gpu_hours is None


@dataclass(frozen=True)
class SameNetwork(Solver):
    """Evaluates one network on the accelerators, round after round."""

    name: ClassVar[str] = "same-network"

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        while True:
            problem.evaluate(designs(problem, A, A, A))


def test_a_run_that_finds_no_new_network_ends() -> None:
    result = SameNetwork().solve(timed(), budget="3networks", seed=0)
    assert result.status is Status.BUDGET_SPENT
    assert result.ledger.evaluations == 3 * QUERIES_PER_NETWORK
    assert result.ledger.networks == 1


@pytest.mark.parametrize("solver", ["random", "evolution", "regularized-evolution", "annealing", "network-evolution"])
@pytest.mark.parametrize("budget", ["1networks", "12networks", "40gpuh"])
def test_solvers_spend_such_budgets(solver: str, budget: str) -> None:
    problem = timed()
    result = make_solver(solver).solve(problem, budget=budget, seed=0)
    ledger, given = result.ledger, Budget.parse(budget)
    assert result.status is Status.BUDGET_SPENT
    if given.networks is not None:
        assert ledger.networks == given.networks
    else:
        assert given.gpu_hours - 8 < ledger.gpu_hours <= given.gpu_hours
    assert ledger.training_gpu_hours == result.trace.gpu_hours[-1]
    assert result.budget == given


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("4000", Budget(4000)),
        ("4_000", Budget(4000)),
        ("300networks", Budget(networks=300)),
        ("500gpuh", Budget(gpu_hours=500)),
        ("0.5 GPUh", Budget(gpu_hours=0.5)),
        ("1e3gpuh", Budget(gpu_hours=1000)),
        ("300networks, 4000", Budget(4000, networks=300)),
    ],
)
def test_a_budget_reads_back(text: str, budget: Budget) -> None:
    assert Budget.parse(text) == Budget.of(text) == Budget.parse(str(budget)) == budget


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("500 hours", "unknown unit 'hours'; give 4000 .* 300networks .* 500gpuh"),
        ("500gpu", "unknown unit 'gpu'"),
        ("many", "holds no number in 'many'"),
        ("", "holds no number"),
        ("300networks,", "holds no number in ''"),
        ("nangpuh", "holds no number"),
        ("0", "at least one evaluation, not 0"),
        ("-3", "at least one evaluation, not -3"),
        ("0networks", "at least one network, not 0"),
        ("0gpuh", "GPU-hours above 0, not 0"),
        ("-5gpuh", "GPU-hours above 0, not -5"),
        ("1e999gpuh", "GPU-hours above 0, not inf"),
        ("2.5networks", "whole numbers, not 2.5"),
        ("1e3", "whole numbers, not 1e3"),
        ("3,4", "two limits in one unit"),
    ],
)
def test_a_wrong_budget_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Budget.parse(text)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({}, ValueError, "a budget needs a limit"),
        ({"evaluations": 2.5}, TypeError, "whole number of evaluations, not 2.5"),
        ({"networks": True}, TypeError, "whole number of networks, not True"),
        ({"gpu_hours": "5"}, TypeError, "number of GPU-hours, not '5'"),
    ],
)
def test_a_wrong_limit_is_refused(given: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Budget(**given)


def test_a_record_keeps_the_bill_and_an_older_one_is_read(tmp_path: Path) -> None:
    result = make_solver("random").solve(timed(), budget="40gpuh", seed=0)
    path = result.save(tmp_path / "run.npz")
    loaded = Result.load(path)
    assert (loaded.budget, loaded.ledger) == (Budget(gpu_hours=40), result.ledger)
    assert loaded.trace.same_search(result.trace)
    values, arrays = read_record(path)
    for name in ("trained_networks", "gpu_hours"):
        del arrays[name]
    ledger = {name: value for name, value in values["ledger"].items() if "gpu_hours" not in name}
    old = write_record(tmp_path / "old.npz", values | {"version": 2, "budget": 200, "ledger": ledger}, arrays)
    older = Result.load(old)
    assert older.budget == Budget(200)
    assert (older.ledger.gpu_hours, older.ledger.evaluations) == (None, result.ledger.evaluations)
    assert np.isnan(older.trace.trained_networks).all()


class _Timed(TensorAccuracy):
    """An accuracy model that knows its training times."""

    def training_gpu_hours(self, networks: np.ndarray) -> np.ndarray:
        return np.full(len(networks), 2.0)


def test_an_accuracy_model_may_know_its_training_times() -> None:
    plain = synthetic_problem(0)
    accuracy = _Timed(plain.accuracy.tensor)  # type: ignore[union-attr]
    assert isinstance(accuracy, TimedAccuracy)
    problem = replace(plain, accuracy=accuracy)
    np.testing.assert_array_equal(problem.training_gpu_hours([[0, 0, 0, 0]]), [2.0])
    assert problem.supernet_gpu_hours == 4 * 2
    assert problem.fingerprint() == replace(problem, supernet_trainings=1.0).fingerprint()


def test_training_time_from_multiply_accumulates() -> None:
    problem = make_problem("macro-cifar10/balanced")
    networks = np.zeros((1, 8), np.int64)
    time = MacsTrainingTime(problem.network_space, images=50_000, epochs=50)
    macs = problem.network_space.macs(networks)[0]
    assert problem.training_gpu_hours(networks)[0] == pytest.approx(6 * macs * 50_000 * 50 / (35.6e12 * 0.14) / 3600)
    np.testing.assert_array_equal(problem.training_gpu_hours(networks), time.gpu_hours(networks))
    every = np.stack(np.unravel_index(np.arange(3**8), (3,) * 8), axis=1)
    assert problem.supernet_gpu_hours == 4.0 * problem.training_gpu_hours(every).max()


@pytest.mark.parametrize(
    ("hours", "message"),
    [
        (lambda n: np.zeros(len(n)), "gives 0.0 GPU-hours for network 0"),
        (lambda n: np.full(len(n), np.nan), "gives nan GPU-hours"),
        (lambda n: 1.0, "one training time a network, shape"),
    ],
)
def test_wrong_training_times_are_refused(hours: Any, message: str) -> None:
    class Wrong:
        def gpu_hours(self, networks: np.ndarray) -> np.ndarray:
            return hours(networks)

    problem = replace(synthetic_problem(0), training_time=Wrong())
    with pytest.raises(ValueError, match=message):
        problem.training_gpu_hours([[0, 0, 0, 0]])


def test_wrong_parts_of_the_bill_are_refused() -> None:
    with pytest.raises(TypeError, match="training_time must have `gpu_hours"):
        replace(synthetic_problem(0), training_time=3.0)
    with pytest.raises(ValueError, match="supernet_trainings must be a number above 0, got 0"):
        replace(synthetic_problem(0), supernet_trainings=0)
    space = make_problem("tiny").network_space
    with pytest.raises(ValueError, match="epochs must be a number above 0"):
        MacsTrainingTime(space, images=5, epochs=0)
    with pytest.raises(ValueError, match="utilization is a share"):
        MacsTrainingTime(space, images=5, epochs=1, utilization=1.4)


def test_the_default_comparison_leaves_out_what_would_train_for_minutes() -> None:
    problem = synthetic_problem(0)
    usual, why = default_contestants(problem, prepared=True)
    assert {each.label for each in usual} == set(DEFAULT_SOLVERS) - {"dance", "dance-refined"}
    assert [reason.split(" first")[0] for reason in why] == [
        "dance trains an evaluator for synthetic-0",
        "dance-refined trains an evaluator for synthetic-0",
    ]
    chosen, none = default_contestants(problem)
    assert ({each.label for each in chosen}, none) == (set(DEFAULT_SOLVERS), [])
    assert Settings().is_usual
    assert not Settings(solvers=["random"]).is_usual
    assert not Settings(tasks="tiny").is_usual


# ------------------------------------------------------------------------------- designs that are the same network
def test_designs_that_are_the_same_network_are_trained_once() -> None:
    """gpt-s: layers beyond the depth do not exist, so that their choices change nothing."""
    problem = replace(make_problem("gpt-s/edap"), training_time=ByOptions())
    shallow = np.zeros((4, problem.space.num_choices), dtype=np.int64)
    shallow[:, problem.space.network][:, -2:] = [[0, 0], [1, 0], [0, 1], [1, 1]]  # of the last layer: not there
    deep = shallow.copy()
    deep[:, 1] = problem.space.option_counts[1] - 1
    env = MeteredProblem(problem, Meter("5networks", problem))
    env.evaluate(shallow)
    assert env.meter.evaluations_left == 4
    assert env.meter.affordable(deep[:, problem.space.network]) == 4
    env.evaluate(deep)
    ledger, trace = env.meter.ledger(), env.meter.trace()
    assert (ledger.evaluations, ledger.networks, ledger.repeats) == (8, 5, 3)
    assert trace.trained_networks.tolist() == [1, 1, 1, 1, 2, 3, 4, 5]
    hours = problem.training_gpu_hours(np.concatenate([shallow[:1], deep])[:, problem.space.network])
    assert ledger.training_gpu_hours == pytest.approx(hours.sum())
    assert len(set(problem.evaluate(shallow).objective.tolist())) == 1
    with pytest.raises(BudgetExhausted):
        env.evaluate(deep[:1] + np.eye(1, problem.space.num_choices, 0, dtype=np.int64))


def test_a_table_of_a_space_with_equal_networks_holds_each_once() -> None:
    problem = replace(make_problem("gpt-s/edap"), training_time=ByOptions())
    assert (
        different_networks(problem) == problem.workloads[0].network_space.different_networks < 0.6 * problem.space.size
    )
    found = trainings(
        problem, np.zeros((2, len(problem.network_space.choices())), np.int64), np.zeros(2), accuracies_read=True
    )
    assert found.networks_at.tolist() == [different_networks(problem)] * 2
