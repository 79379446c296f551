"""The meter: what is counted, what is refused, where the time goes."""

from __future__ import annotations

import copy
import itertools
import pickle
import tracemalloc
from dataclasses import fields, replace
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dance_env.graph import Layer
from dance_env.objective import Constraint
from dance_env.problem import Problem
from dance_env.tasks import make_problem
from dance_env.testing import synthetic_problem
from solvers.contract.budget import Budget
from solvers.contract.cost_pairs import CostPairs, cost_pairs
from solvers.contract.ledger import BudgetExhausted, Ledger
from solvers.contract.meter import Meter
from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.record.trace import count_distinct, row_bytes
from solvers.methods.random_search import RandomSearch


def metered(budget: int = 100, problem: Problem | None = None) -> MeteredProblem:
    problem = problem or synthetic_problem(0)
    return MeteredProblem(problem, Meter(budget, problem))


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
    with pytest.raises(BudgetExhausted, match="6 more evaluations or gradient queries where 0 of the budget of 10"):
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
    assert (ledger.spent, ledger.cost_pairs) == (0, 0)


def test_copies_are_on_the_same_meter() -> None:
    problem = metered()
    relaxed = problem.relax()
    designs = problem.space.sample(np.random.default_rng(0), 3)
    probs = torch.tensor(problem.space.uniform_relaxed(2))[:, problem.space.network_options]
    for copied in (copy.copy, copy.deepcopy):
        copied(problem).evaluate(designs)
        copied(relaxed).accuracy(probs)
    assert problem.meter.spent == 2 * (3 + 2)
    assert len(problem.meter.trace()) == 6


def test_other_processes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = metered()
    designs = problem.space.sample(np.random.default_rng(0), 3)
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(problem)
    monkeypatch.setattr("solvers.contract.meter.os.getpid", lambda: -1)  # as a fork sees it
    with pytest.raises(RuntimeError, match="only in the process that `search` runs in"):
        problem.evaluate(designs)
    assert problem.meter.spent == 0


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
    with pytest.raises(BudgetExhausted, match="asked for 4 more evaluations or gradient queries where 2"):
        relaxed.on_each_accelerator(network)
    assert problem.meter.ledger().gradient_queries == 8
    relaxed.joint(hardware)
    problem.evaluate(space.sample(np.random.default_rng(0), 2))
    assert problem.meter.trace().gradient_queries.tolist() == [8, 8]
    assert problem.meter.left == 0


def views(problem: MeteredProblem) -> tuple[Any, Any, torch.Tensor, torch.Tensor]:
    """The metered view, the plain one, and probabilities of three rows that require a gradient."""
    space = problem.space
    uniform = torch.tensor(space.uniform_relaxed(3))
    network, hardware = uniform[:, space.network_options], uniform[:, space.hardware_options]
    return problem.relax(), synthetic_problem(0).relax(), network.requires_grad_(True), hardware


def test_a_gradient_query_answers_as_the_problem_does_to_the_bit() -> None:
    limited = synthetic_problem(0, constraints=(Constraint("latency_s", 0.002), Constraint("error_pct", 10.0)))
    problem = metered(problem=limited)
    ours, _, network, hardware = views(problem)
    plain = limited.relax()
    for ask in (
        lambda view: view.accuracy(network),
        lambda view: view(network, hardware).objective,
        lambda view: view(network, hardware).violation,
    ):
        answers = [ask(view) for view in (ours, plain)]
        gradients = [torch.autograd.grad((3.7 * answer).sum(), network)[0] for answer in answers]
        assert torch.equal(*answers)
        assert torch.equal(*gradients)


def test_a_gradient_query_has_no_second_derivative_and_other_cotangents_learn_nothing() -> None:
    problem = metered()
    ours, plain, network, _ = views(problem)
    (first,) = torch.autograd.grad(plain.accuracy(network).sum(), network, create_graph=True)
    assert first.requires_grad, "the expectation of a product over choices has second derivatives"
    answer = ours.accuracy(network)
    with pytest.raises(RuntimeError, match="one vector-Jacobian product and has no second derivative"):
        torch.autograd.grad(answer.sum(), network, create_graph=True)
    (tripled,) = torch.autograd.grad(3.0 * answer.sum(), network)
    torch.testing.assert_close(tripled, 3.0 * first.detach(), rtol=1e-12, atol=0.0)
    assert problem.meter.spent == 3
    with torch.no_grad():
        assert not ours.accuracy(network).requires_grad


def test_an_expectation_reads_every_cost_pair() -> None:
    problem = metered()
    relaxed, _, network, hardware = views(problem)
    relaxed.accuracy(network)
    assert problem.meter.ledger().cost_pairs == 0
    assert relaxed.on_all_hardware(network).latency_s.requires_grad
    ledger = problem.meter.ledger()
    assert (ledger.gradient_queries, ledger.cost_pairs) == (3, problem.meter._pairs.most)
    relaxed(network, hardware)
    assert problem.meter.ledger().gradient_queries == 6


def test_rows_that_vmap_hides_are_refused() -> None:
    problem = metered()
    relaxed, _, network, hardware = views(problem)

    def objective(network: torch.Tensor, hardware: torch.Tensor) -> torch.Tensor:
        return relaxed(network[None], hardware[None]).objective[0]

    for hidden in ((0, 0), (0, None), (None, 0)):
        given = [rows if axis == 0 else rows[0] for rows, axis in zip((network, hardware), hidden, strict=True)]
        with pytest.raises((RuntimeError, TypeError), match=r"vmap|torch\.func's transforms hide them"):
            torch.func.vmap(objective, in_dims=hidden)(*given)
    with pytest.raises(TypeError, match=r"take gradients by torch\.autograd"):
        torch.func.grad(objective)(network[0].detach(), hardware[0])
    assert problem.meter.spent == 0


def test_evaluating_a_network_everywhere_is_one_evaluation_recorded_at_its_best_accelerator() -> None:
    problem, plain = metered(budget=5), synthetic_problem(0)
    some = networks(problem, 7)
    with pytest.raises(BudgetExhausted):
        problem.evaluate_networks(some)
    ledger, trace = problem.meter.ledger(), problem.meter.trace()
    assert ledger.evaluations == 5
    assert ledger.cost_pairs % plain.accelerator_space.size == 0 < ledger.cost_pairs
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


def brute_force_pairs(networks: np.ndarray, hardware: np.ndarray | None) -> int:
    """Distinct (layer, accelerator) pairs of tiny's networks, each on one accelerator or (None) on all."""
    problem = make_problem("tiny")
    layers: dict[int, set[Layer]] = {}  # by accelerator; -1 is every accelerator
    for row, network in enumerate(networks):
        found = set(problem.network_space.fixed_layers())
        for choice, part in enumerate(problem.network_space.parts()):
            found |= set(part.layers[network[choice]])
        where = -1 if hardware is None else int(hardware[row])
        layers.setdefault(where, set()).update(replace(each, name="") for each in found)
    return sum(map(len, layers.values())) * (problem.accelerator_space.size if hardware is None else 1)


def test_costs_alone_are_counted_by_distinct_pairs_but_not_bounded() -> None:
    plain = make_problem("tiny")
    problem = metered(budget=1, problem=plain)
    some, hardware = networks(problem, 3), np.array([7, 7, 50])
    problem.costs.lookup(some, hardware)
    assert problem.meter.ledger().cost_pairs == brute_force_pairs(some, hardware)
    problem.costs.lookup(some, hardware)
    assert problem.meter.ledger().cost_pairs == brute_force_pairs(some, hardware), "what was asked before is known"
    problem.costs.on_all_hardware(some)
    problem.best_hardware(some)
    np.testing.assert_array_equal(problem.costs.area_mm2, plain.costs.area_mm2)
    ledger = problem.meter.ledger()
    assert ledger.cost_pairs == brute_force_pairs(some, None)
    assert (ledger.spent, ledger.tables_read, ledger.access) == (0, False, "values")


def test_evaluations_are_on_the_bill_by_distinct_pairs_whatever_the_batches() -> None:
    plain = make_problem("tiny")
    one, many, everywhere = (metered(budget=200, problem=plain) for _ in range(3))
    designs = one.space.sample(np.random.default_rng(0), 200)
    one.evaluate(designs)
    for rows in np.split(designs, [1, 3, 50]):
        many.evaluate(rows)
    hardware = plain.accelerator_space.index(designs[:, one.space.hardware])
    expected = brute_force_pairs(designs[:, one.space.network], hardware)
    assert one.meter.ledger().cost_pairs == many.meter.ledger().cost_pairs == expected
    assert many.meter.trace().cost_pairs[-1] == expected
    assert many.meter.trace().cost_pairs[0] == brute_force_pairs(designs[:1, one.space.network], hardware[:1])
    everywhere.evaluate_networks(designs[:2, one.space.network])
    assert everywhere.meter.ledger().cost_pairs == brute_force_pairs(designs[:2, one.space.network], None)


def test_parts_that_read_several_choices_and_shared_layers() -> None:
    parts = [((0, 2), [[f"{a}{c}"] for a in range(2) for c in range(3)]), ((1,), [["x"], ["x", "y"]]), ((), [["x"]])]
    pairs = CostPairs(parts, option_counts=(2, 2, 3), num_accelerators=5)
    pairs.mark(np.array([[1, 0, 2]]), np.array([4]), row=0)
    assert pairs.count() == 2, "12 and x, which stands in two parts"
    pairs.mark(np.array([[1, 1, 2], [0, 0, 2]]), np.array([4, 4]), row=1)
    assert pairs.count() == 4, "y and 02 besides"
    pairs.mark_everywhere(np.array([[1, 1, 2]]), row=2)
    assert pairs.count() == 3 * 5 + 1
    pairs.mark_all(row=3)
    assert pairs.count() == pairs.most == 8 * 5
    assert pairs.count_at(5).tolist() == [2, 4, 16, 40, 40]
    assert pairs.count_at(3).tolist() == [2, 4, 16]


@given(
    rows=st.lists(st.tuples(*[st.integers(0, 2)] * 3, st.integers(0, 3)), min_size=1, max_size=30),
    cuts=st.sets(st.integers(1, 30)),
    chunk=st.integers(1, 9),
)
def test_pairs_of_a_trace_do_not_depend_on_how_it_is_cut(
    rows: list[tuple[int, ...]], cuts: set[int], chunk: int
) -> None:
    parts = [((0, 1), [[a, 10 + b] for a in range(3) for b in range(3)]), ((2,), [[20], [20, 21], [1]]), ((), [[20]])]
    table = np.array(rows)
    networks, hardware = table[:, :3], table[:, 3]
    pairs = CostPairs(parts, option_counts=(3, 3, 3), num_accelerators=4)
    with mock.patch("solvers.contract.cost_pairs._CHUNK", chunk):
        done = 0
        for cut in [*sorted(cut for cut in cuts if cut < len(rows)), len(rows)]:
            pairs.mark(networks[done:cut], hardware[done:cut], row=done, one_row_each=True)
            done = cut
    seen: set[tuple[int, int]] = set()
    expected = []
    for a, b, c, where in rows:
        layers = {a, 10 + b, 20, *((20,), (20, 21), (1,))[c]}
        seen |= {(layer, where) for layer in layers}
        expected.append(len(seen))
    assert pairs.count_at(len(rows)).tolist() == expected
    assert pairs.count() == expected[-1]


def test_a_space_without_layers_is_billed_by_its_options() -> None:
    pairs = cost_pairs(synthetic_problem(0, option_counts=(2, 3)).network_space, 4)
    pairs.mark(np.array([[0, 2], [0, 1]]), np.array([3, 3]), row=0)
    assert (pairs.count(), pairs.most) == (3, 20)


def test_distinct_networks_and_repeats_are_on_the_bill() -> None:
    problem = metered()
    designs = problem.space.sample(np.random.default_rng(0), 5)
    elsewhere = designs.copy()
    elsewhere[:, -1] = (elsewhere[:, -1] + 1) % 3
    problem.evaluate(np.concatenate([designs, elsewhere, designs[:2]]))
    ledger = problem.meter.ledger()
    assert (ledger.evaluations, ledger.networks, ledger.repeats) == (12, 5, 2)


@pytest.mark.parametrize("counts", [(3, 1, 4), (2**20, 2**20, 2**30)])
def test_distinct_rows_are_counted_in_spaces_of_any_size(counts: tuple[int, ...]) -> None:
    rows = np.random.default_rng(0).integers(0, 3, size=(50, 3)) % np.array(counts)
    assert count_distinct(rows, np.array(counts)) == len({tuple(row) for row in rows.tolist()})
    assert count_distinct(rows[:0], np.array(counts)) == 0


def test_looking_behind_the_meter_is_on_the_ledger() -> None:
    problem = metered()
    assert isinstance(problem.unmetered, Problem)
    ledger = problem.meter.ledger()
    assert ledger.tables_read
    assert ledger.access == "white box"
    assert ledger.cost_pairs == problem.meter._pairs.most


def test_violations_are_billed_like_evaluations() -> None:
    problem = metered()
    problem.violations(problem.space.sample(np.random.default_rng(0), 3))
    assert problem.meter.ledger().evaluations == 3


def _nan_for_the_last(cost: Any) -> np.ndarray:
    value = np.asarray(cost.latency_s, dtype=float).copy()
    value[-1:] = np.nan
    return value


def test_objective_that_is_nan_is_an_error_that_names_the_design() -> None:
    plain = synthetic_problem(0)
    broken = replace(plain.objective, cost_function=_nan_for_the_last)
    problem = metered(problem=replace(plain, objective=broken))
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
    monkeypatch.setattr("solvers.contract.clock.time", clock)

    def pass_time(seconds: float) -> None:
        clock.now += seconds

    plain = synthetic_problem(0)
    meter = Meter(100, plain, callback=lambda _: pass_time(1000.0))
    design = plain.space.sample(np.random.default_rng(0), 1)
    with meter.charge("evaluator"):
        pass_time(50.0)
        with meter.oracle():
            pass_time(3.0)
        MeteredProblem(plain, meter).evaluate(design)
        with meter.charge("nobody"):
            pass_time(500.0)
    meter.bill_evaluator(1000, seconds=7.0)
    with meter.charge("training"):
        pass_time(2.0)
    meter.bill_training(steps=3, images=96)
    pass_time(20.0)
    with meter.oracle():
        pass_time(4.0)
    MeteredProblem(plain, meter).evaluate(design)
    pass_time(1.0)
    assert meter.clock.elapsed == 80.0
    meter.stop()
    pass_time(1.0)
    assert meter.trace().solver_seconds.tolist() == [0.0, 20.0]
    assert meter.trace().oracle_seconds.tolist() == [3.0, 7.0]
    ledger = meter.ledger()
    assert (ledger.evaluator_samples, ledger.evaluator_seconds) == (1000, 57.0)
    assert (ledger.training_steps, ledger.training_images, ledger.training_seconds) == (3, 96, 2.0)
    assert (ledger.solver_seconds, ledger.oracle_seconds) == (21.0, 7.0), "callbacks and waiting are nobody's"
    assert ledger.seconds == 21.0 + 7.0 + 57.0 + 2.0


def test_every_line_of_the_bill_is_fixed_or_per_design() -> None:
    lines = {line.name: line for line in Ledger(evaluations=3, cost_pairs=7).lines()}
    assert lines["evaluations"][1:] == (3, "designs", "per design")
    assert lines["cost_pairs"].share == "fixed"
    assert set(lines) == {each.name for each in fields(Ledger)} - {"tables_read", "accuracies_read", "evaluator_shared"}


def test_amortized_seconds() -> None:
    ledger = Ledger(solver_seconds=1.0, oracle_seconds=2.0, evaluator_seconds=9.0, training_seconds=4.0)
    assert ledger.seconds == 16.0
    assert ledger.seconds_amortized(3) == 10.0
    with pytest.raises(ValueError, match="at least one run"):
        ledger.seconds_amortized(0)


def test_a_run_whose_trace_would_not_fit_is_refused_before_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = synthetic_problem(0)
    asked = 0

    def search(*_: object) -> None:
        nonlocal asked
        asked += 1

    monkeypatch.setattr(RandomSearch, "search", search)
    with pytest.raises(ValueError, match=r"100,000,000 evaluations keeps a trace of .* GB .*the limit is 2 GB"):
        RandomSearch().solve(problem, budget=100_000_000, seed=0)
    monkeypatch.setenv("DANCE_TRACE_GB", "1e-6")
    with pytest.raises(ValueError, match=r"the limit is 1e-06 GB. Give a budget of at most (4|5|6),"):
        RandomSearch().solve(problem, budget=9, seed=0)
    assert asked == 0
    for wrong in ("many", "0", "nan"):
        monkeypatch.setenv("DANCE_TRACE_GB", wrong)
        with pytest.raises(ValueError, match="DANCE_TRACE_GB is a number of gigabytes above 0"):
            RandomSearch().solve(problem, budget=9, seed=0)


def test_a_growing_trace_takes_three_times_its_size_at_most() -> None:
    problem = metered(budget=100_000)
    designs = problem.space.sample(np.random.default_rng(0), 1000)
    problem.evaluate(designs)
    tracemalloc.start()
    for _ in range(99):
        problem.evaluate(designs)
    trace = problem.meter.trace()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(trace) == 100_000
    assert peak < 3 * 100_000 * row_bytes(problem.space.num_choices)


def test_row_bytes_are_those_of_the_trace() -> None:
    problem = metered()
    problem.evaluate(problem.space.sample(np.random.default_rng(0), 7))
    trace = problem.meter.trace()
    held = sum(getattr(trace, each.name).nbytes for each in fields(trace))
    assert held == 7 * row_bytes(problem.space.num_choices)


def test_refusal_survives_a_process_boundary() -> None:
    error = pickle.loads(pickle.dumps(BudgetExhausted(asked=3, left=1, budget=Budget(9))))
    assert (error.asked, error.left, error.budget) == (3, 1, Budget(9))


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
