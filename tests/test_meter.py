"""The meter: what is counted, what is refused, where the time goes."""

from __future__ import annotations

import copy
import itertools
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from dance_env.problem import Problem
from dance_env.testing import synthetic_problem
from solvers.contract.ledger import BudgetExhausted, BudgetIgnored, Ledger
from solvers.contract.meter import Meter
from solvers.contract.metered_problem import MeteredProblem


def metered(budget: int = 100, problem: Problem | None = None) -> MeteredProblem:
    problem = problem or synthetic_problem(0)
    return MeteredProblem(problem, Meter(budget, problem.space.num_choices))


def networks(problem: MeteredProblem, count: int) -> np.ndarray:
    return problem.space.sample(np.random.default_rng(0), count)[:, problem.space.network]


def test_evaluate_is_the_problems_own_and_is_recorded() -> None:
    problem, plain = metered(), synthetic_problem(0)
    designs = plain.space.sample(np.random.default_rng(0), 30)
    evaluation, expected = problem.evaluate(designs), plain.evaluate(designs)
    np.testing.assert_array_equal(evaluation.objective, expected.objective)
    trace = problem.meter.trace()
    np.testing.assert_array_equal(trace.designs, designs)
    for name in ("objective", "violation", "accuracy"):
        np.testing.assert_array_equal(getattr(trace, name), getattr(expected, name))
    for name in ("latency_s", "energy_j", "area_mm2"):
        np.testing.assert_array_equal(getattr(trace, name), getattr(expected.cost, name))
    np.testing.assert_array_equal(trace.cost, plain.objective.cost_function(expected.cost))
    np.testing.assert_array_equal(trace.error_pct, expected.error_pct)
    np.testing.assert_array_equal(trace.edap_js_mm2, expected.cost.edap_js_mm2)


def test_record_is_a_copy() -> None:
    problem = metered()
    designs = problem.space.sample(np.random.default_rng(0), 4)
    before = designs.copy()
    evaluation = problem.evaluate(designs)
    objective = evaluation.objective.copy()
    designs[:], evaluation.objective[:] = 0, -1.0
    np.testing.assert_array_equal(problem.meter.trace().designs, before)
    np.testing.assert_array_equal(problem.meter.trace().objective, objective)


def test_batch_beyond_the_budget_is_cut_to_the_affordable_prefix() -> None:
    problem = metered(budget=10)
    designs = problem.space.sample(np.random.default_rng(0), 16)
    with pytest.raises(BudgetExhausted, match="6 more evaluations where 0 of the budget of 10"):
        problem.evaluate(designs)
    np.testing.assert_array_equal(problem.meter.trace().designs, designs[:10])
    with pytest.raises(BudgetExhausted):
        problem.evaluate(designs[:1])
    assert problem.meter.ledger().evaluations == 10


def test_budget_that_fits_exactly_raises_only_when_more_is_asked() -> None:
    problem = metered(budget=16)
    problem.evaluate(problem.space.sample(np.random.default_rng(0), 16))
    assert problem.meter.left == 0
    problem.evaluate(np.empty((0, problem.space.num_choices), np.int64))


def test_refused_designs_cost_nothing() -> None:
    problem = metered()
    with pytest.raises(ValueError, match="option index must be in"):
        problem.evaluate(np.full((1, problem.space.num_choices), 99))
    with pytest.raises(TypeError, match="whole numbers"):
        problem.evaluate(np.zeros((1, problem.space.num_choices)))
    assert problem.meter.spent == 0


def test_refused_questions_of_every_kind_cost_nothing() -> None:
    problem = metered()
    wrong = np.full((3, 4), 99)
    for question in (
        lambda: problem.best_hardware(wrong),
        lambda: problem.evaluate_networks(wrong),
        lambda: problem.costs.lookup(wrong, np.zeros(3, np.int64)),
        lambda: problem.costs.on_all_hardware(wrong),
        lambda: problem.relax().accuracy(torch.zeros(3, 2)),
        lambda: problem.relax()(torch.zeros(3, 2), torch.zeros(3, 2)),
    ):
        with pytest.raises((ValueError, IndexError)):
            question()
    ledger = problem.meter.ledger()
    assert (ledger.spent, ledger.cost_model_queries) == (0, 0)


def test_copies_are_on_the_same_meter() -> None:
    problem = metered()
    relaxed = problem.relax()
    designs = problem.space.sample(np.random.default_rng(0), 3)
    probs = torch.tensor(problem.space.uniform_relaxed(2))[:, problem.space.network_options]
    for copied in (copy.copy, copy.deepcopy):
        copied(problem).evaluate(designs)
        copied(relaxed).accuracy(probs)
    assert copy.copy(problem.meter) is problem.meter
    assert problem.meter.spent == 2 * (3 + 2)
    assert len(problem.meter.trace()) == 6


def test_other_processes_and_threads_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = metered()
    designs = problem.space.sample(np.random.default_rng(0), 3)
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(problem)
    with ThreadPoolExecutor(1) as pool, pytest.raises(RuntimeError, match="only in the process and thread"):
        pool.submit(problem.evaluate, designs).result()
    assert problem.meter.spent == 0
    monkeypatch.setattr("solvers.contract.meter.os.getpid", lambda: -1)  # as a fork sees it
    with pytest.raises(RuntimeError, match="only in the process and thread"):
        problem.evaluate(designs)


def test_nothing_is_answered_after_the_run() -> None:
    problem = metered()
    problem.meter.stop()
    with pytest.raises(RuntimeError, match="a run that has ended"):
        problem.evaluate(problem.space.sample(np.random.default_rng(0), 1))


def test_budget_is_not_the_solvers_to_change() -> None:
    with pytest.raises(AttributeError):
        metered().meter.budget = 10**6  # type: ignore[misc]


def test_areas_are_a_copy() -> None:
    problem, plain = metered(), synthetic_problem(0)
    problem.costs.area_mm2[:] = 0.0
    np.testing.assert_array_equal(problem.costs.area_mm2, plain.costs.area_mm2)


def test_asking_on_and_on_after_the_end_is_stopped() -> None:
    problem = metered(budget=5)
    design = problem.space.sample(np.random.default_rng(0), 1)
    problem.evaluate(design.repeat(5, axis=0))
    for _ in range(1000):
        with pytest.raises(BudgetExhausted):
            problem.evaluate(design)
    with pytest.raises(BudgetIgnored, match="after 1000 refusals in a row: its budget of 5 is spent"):
        problem.evaluate(design)


def test_refusals_in_between_are_no_matter() -> None:
    problem = metered(budget=1500)
    relaxed, design = problem.relax(), problem.space.sample(np.random.default_rng(0), 1)
    probs = torch.tensor(problem.space.uniform_relaxed(1501))[:, problem.space.network_options]
    for _ in range(1500):
        with pytest.raises(BudgetExhausted):
            relaxed.accuracy(probs)
        problem.evaluate(design)
    assert problem.meter.left == 0


def test_gradient_queries_share_the_budget_and_are_refused_whole() -> None:
    problem = metered(budget=10)
    relaxed = problem.relax()
    space = problem.space
    uniform = torch.tensor(space.uniform_relaxed(4))
    network, hardware = uniform[:, space.network_options], uniform[:, space.hardware_options]
    network.requires_grad_(True)
    relaxed(network, hardware).objective.sum().backward()
    assert network.grad is not None
    relaxed.accuracy(network)
    assert problem.meter.ledger().gradient_queries == 8
    with pytest.raises(BudgetExhausted, match="asked for 4 more evaluations where 2"):
        relaxed.on_all_hardware(network)
    assert problem.meter.ledger().gradient_queries == 8
    relaxed.joint(hardware)
    problem.evaluate(space.sample(np.random.default_rng(0), 2))
    assert problem.meter.trace().gradient_queries.tolist() == [8, 8]
    assert problem.meter.left == 0


def test_costs_on_each_accelerator_are_cost_queries_besides() -> None:
    problem = metered()
    probs = torch.tensor(problem.space.uniform_relaxed(3))[:, problem.space.network_options]
    problem.relax().on_all_hardware(probs)
    problem.relax().on_each_accelerator(probs)
    ledger = problem.meter.ledger()
    assert (ledger.gradient_queries, ledger.cost_model_queries) == (6, 2 * 3 * problem.accelerator_space.size)


def test_rows_that_vmap_hides_are_refused() -> None:
    problem = metered()
    relaxed, space = problem.relax(), problem.space
    uniform = torch.tensor(space.uniform_relaxed(4))
    network, hardware = uniform[:, space.network_options], uniform[:, space.hardware_options]

    def objective(network: torch.Tensor, hardware: torch.Tensor) -> torch.Tensor:
        return relaxed(network[None], hardware[None]).objective[0]

    for hidden in ((0, 0), (0, None), (None, 0)):
        given = [rows if axis == 0 else rows[0] for rows, axis in zip((network, hardware), hidden, strict=True)]
        with pytest.raises(TypeError, match=r"torch\.func\.vmap hides them"):
            torch.func.vmap(objective, in_dims=hidden)(*given)
    assert problem.meter.spent == 0
    torch.func.grad(objective)(network[0], hardware[0])
    assert problem.meter.spent == 1


def test_evaluating_a_network_everywhere_is_one_evaluation_recorded_at_its_best_accelerator() -> None:
    problem, plain = metered(budget=5), synthetic_problem(0)
    some = networks(problem, 7)
    with pytest.raises(BudgetExhausted):
        problem.evaluate_networks(some)
    ledger, trace = problem.meter.ledger(), problem.meter.trace()
    assert ledger.evaluations == 5
    assert ledger.cost_model_queries == 5 * plain.accelerator_space.size
    hardware = plain.accelerator_space.index(trace.designs[:, plain.space.hardware])
    np.testing.assert_array_equal(hardware, plain.best_hardware(some[:5]))
    np.testing.assert_array_equal(trace.objective, plain.evaluate(trace.designs).objective)


@pytest.mark.parametrize("unmappable", [0, 150, 11 * 54])
def test_best_accelerators_recorded_are_the_problems_own(unmappable: int) -> None:
    plain = synthetic_problem(0, unmappable=unmappable)
    problem = metered(20, plain)
    some = networks(problem, 20)
    evaluation = problem.evaluate_networks(some)
    assert evaluation.shape == (20, plain.accelerator_space.size)
    hardware = plain.accelerator_space.index(problem.meter.trace().designs[:, plain.space.hardware])
    np.testing.assert_array_equal(hardware, plain.best_hardware(some))


def test_costs_alone_are_counted_but_not_bounded() -> None:
    problem, plain = metered(budget=1), synthetic_problem(0)
    some, accelerators = networks(problem, 3), plain.accelerator_space.size
    problem.best_hardware(some)
    problem.costs.lookup(some, np.zeros(3, np.int64))
    problem.costs.on_all_hardware(some)
    np.testing.assert_array_equal(problem.costs.area_mm2, plain.costs.area_mm2)
    ledger = problem.meter.ledger()
    assert ledger.cost_model_queries == 2 * 3 * accelerators + 3
    assert (ledger.spent, ledger.tables_read) == (0, False)


def test_looking_behind_the_meter_is_on_the_ledger() -> None:
    problem = metered()
    assert isinstance(problem.unmetered, Problem)
    assert problem.meter.ledger().tables_read


def test_violations_are_billed_like_evaluations() -> None:
    problem = metered()
    problem.violations(problem.space.sample(np.random.default_rng(0), 3))
    assert problem.meter.ledger().evaluations == 3


class _NotANumber:
    def __init__(self, model: Any) -> None:
        self._model = model

    def evaluate(self, some: np.ndarray) -> np.ndarray:
        accuracy = self._model.evaluate(some).copy()
        accuracy[-1:] = np.nan
        return accuracy

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)


def test_model_that_gives_nan_is_an_error_that_names_the_design() -> None:
    plain = synthetic_problem(0)
    problem = metered(problem=replace(plain, accuracy=_NotANumber(plain.accuracy)))
    designs = problem.space.sample(np.random.default_rng(0), 3)
    with pytest.raises(FloatingPointError, match=r"objective NaN for design \[.*\] \(1 of 3 designs"):
        problem.evaluate(designs)
    assert problem.meter.spent == 0


class _Clock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now


def test_clocks_are_kept_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = _Clock()
    monkeypatch.setattr("solvers.contract.meter.time", clock)

    def pass_time(seconds: float) -> None:
        clock.now += seconds

    plain = synthetic_problem(0)
    meter = Meter(100, plain.space.num_choices, callback=lambda _: pass_time(1000.0))
    with meter.surrogate_training():
        pass_time(50.0)
        with meter.oracle():
            pass_time(3.0)
    meter.bill_surrogate(1000, cached_seconds=7.0)
    pass_time(20.0)
    with meter.oracle():
        pass_time(4.0)
    MeteredProblem(plain, meter).evaluate(plain.space.sample(np.random.default_rng(0), 1))
    pass_time(1.0)
    meter.stop()
    pass_time(1.0)
    assert meter.trace().solver_seconds.tolist() == [20.0]
    assert meter.trace().oracle_seconds.tolist() == [7.0]
    expected = Ledger(1, 0, 0, 1000, solver_seconds=21.0, oracle_seconds=7.0, surrogate_seconds=57.0)
    assert meter.ledger() == expected, "neither the callback's time nor that after the end is the solver's"


def test_amortised_seconds() -> None:
    ledger = Ledger(solver_seconds=1.0, oracle_seconds=2.0, surrogate_seconds=9.0)
    assert ledger.seconds == 12.0
    assert ledger.seconds_amortised(3) == 6.0
    with pytest.raises(ValueError, match="at least one run"):
        ledger.seconds_amortised(0)


def test_refusal_survives_a_process_boundary() -> None:
    error = pickle.loads(pickle.dumps(BudgetExhausted(asked=3, left=1, budget=9)))
    assert (error.asked, error.left, error.budget) == (3, 1, 9)


def test_recording_many_rows_one_by_one_is_linear() -> None:
    problem = metered(budget=16_000)
    design = problem.space.sample(np.random.default_rng(0), 1)
    evaluation, cost = synthetic_problem(0).evaluate(design), np.zeros(1)
    stores = []
    for _ in range(16_000):
        problem.meter.record(design, evaluation, cost)
        stores.append(id(problem.meter._writer._arrays["objective"]))
    moves = sum(before != after for before, after in itertools.pairwise(stores))
    assert moves == 6, "256 rows doubled six times are 16,384: all moves together copy fewer rows than there are"
    assert len(problem.meter.trace()) == 16_000
