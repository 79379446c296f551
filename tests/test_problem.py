"""Problem: purity, batching to the bit, agreement of its questions, exact hardware, bad input."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dance_env.accuracy import TensorAccuracy
from dance_env.objective import EDAP, Constraint, Linear, Objective
from dance_env.problem import Evaluation, Problem
from dance_env.testing import synthetic_problem

LIMITS = (Constraint("latency_s", 8e-3), Constraint("area_mm2", 2.0))


def all_designs(problem: Problem) -> np.ndarray:
    return problem.space.unrank(np.arange(problem.space.size))


def leaves(evaluation: Evaluation) -> list[np.ndarray]:
    cost = evaluation.cost
    return [
        *(cost.latency_s, cost.energy_j, cost.area_mm2),
        *(evaluation.accuracy, evaluation.objective, evaluation.violation),
    ]


def replaced(problem: Problem, **fields: Any) -> Problem:
    return dataclasses.replace(problem, **fields)


def test_evaluation_is_what_its_parts_say() -> None:
    problem = synthetic_problem(1, constraints=LIMITS)
    design = np.array([[2, 0, 1, 1, 2, 0, 1, 2]])
    evaluation = problem.evaluate(design)
    costs, hardware = problem.costs, (2 * 3 + 0) * 2 * 3 + 1 * 3 + 2
    rows = [2, 3 + 0, 6 + 1, 8 + 1]
    latency = costs.latency_s.constant[hardware] + costs.latency_s.rows[rows, hardware].sum()
    energy = costs.energy_j.constant[hardware] + costs.energy_j.rows[rows, hardware].sum()
    area = costs.area_mm2[hardware]
    accuracy = problem.accuracy.tensor[2, 0, 1, 1]  # type: ignore[attr-defined]
    assert evaluation.cost.latency_s[0] == pytest.approx(latency, rel=1e-15)
    assert evaluation.cost.energy_j[0] == pytest.approx(energy, rel=1e-15)
    assert evaluation.error_pct[0] == pytest.approx(100 * (1 - accuracy), rel=1e-15)
    expected = 100 * (1 - accuracy) + 500 * latency + 300 * energy + 2 * area
    assert evaluation.objective[0] == pytest.approx(expected, rel=1e-14)
    excess = max(latency / 8e-3 - 1, 0) + max(area / 2.0 - 1, 0)
    assert evaluation.violation[0] == pytest.approx(excess, abs=1e-14)
    assert excess > 0
    assert not evaluation.feasible[0]


@settings(max_examples=50)
@given(st.integers(0, 10), st.lists(st.integers(1, 60), min_size=1, max_size=6))
def test_a_batch_is_its_parts_to_the_bit(seed: int, sizes: list[int]) -> None:
    problem = synthetic_problem(seed, constraints=LIMITS, unmappable=5)
    designs = problem.space.sample(np.random.default_rng(seed), sum(sizes))
    whole = leaves(problem.evaluate(designs))
    parts = [leaves(problem.evaluate(part)) for part in np.split(designs, np.cumsum(sizes)[:-1])]
    for i, leaf in enumerate(whole):
        assert leaf.shape == (len(designs),)
        assert leaf.dtype == np.float64
        np.testing.assert_array_equal(leaf, np.concatenate([part[i] for part in parts]))


def test_networks_on_all_hardware_are_the_same_bits_as_designs() -> None:
    problem = synthetic_problem(2, constraints=LIMITS, unmappable=30)
    designs = all_designs(problem)
    networks = designs[:: problem.accelerator_space.size, problem.space.network]
    for one, all_of_them in zip(
        leaves(problem.evaluate(designs)), leaves(problem.evaluate_networks(networks)), strict=True
    ):
        assert all_of_them.shape == (54, 54)
        np.testing.assert_array_equal(one, all_of_them.ravel())


@pytest.mark.parametrize("constraints", [(), LIMITS, (Constraint("latency_s", 1e-9),)])
@pytest.mark.parametrize("unmappable", [0, 200])
def test_best_hardware_is_the_best_by_brute_force(constraints: tuple[Constraint, ...], unmappable: int) -> None:
    problem = synthetic_problem(3, constraints=constraints, unmappable=unmappable)
    designs = all_designs(problem)
    evaluation = problem.evaluate(designs)
    networks = designs[:: problem.accelerator_space.size, problem.space.network]
    expected = []
    for start in range(0, len(designs), 54):
        key = [(evaluation.violation[i], evaluation.objective[i], i - start) for i in range(start, start + 54)]
        expected.append(min(key)[2])
    best = problem.best_hardware(networks)
    assert best.dtype == np.int64
    assert best.tolist() == expected
    assert len(set(expected)) > 1, "a problem in which one accelerator is best for all would prove nothing"
    np.testing.assert_array_equal(problem.design(networks, best)[:, problem.space.network], networks)


def test_a_design_without_mapping_is_data() -> None:
    problem = synthetic_problem(4, unmappable=20)
    evaluation = problem.evaluate(all_designs(problem))
    nowhere = np.isinf(evaluation.cost.latency_s)
    assert 0 < nowhere.sum() < len(nowhere)
    np.testing.assert_array_equal(evaluation.feasible, ~nowhere)
    assert (evaluation.violation[nowhere] >= 1.0).all()
    design = all_designs(problem)[nowhere][:1]
    assert problem.violations(design) == [{"unmappable": 1.0}]


def test_violations_name_what_is_exceeded_and_sum_to_the_violation() -> None:
    problem = synthetic_problem(5, constraints=LIMITS)
    designs = problem.space.sample(np.random.default_rng(0), 200)
    evaluation = problem.evaluate(designs)
    named = problem.violations(designs)
    np.testing.assert_allclose([sum(each.values()) for each in named], evaluation.violation, rtol=1e-15)
    assert {name for each in named for name in each} == {"latency_s", "area_mm2"}
    assert [not each for each in named] == evaluation.feasible.tolist()


def test_evaluating_changes_nothing() -> None:
    problem = synthetic_problem(6)
    designs = problem.space.sample(np.random.default_rng(0), 50)
    before, fingerprint = designs.copy(), problem.fingerprint()
    first = leaves(problem.evaluate(designs))
    problem.evaluate_networks(designs[:, problem.space.network])
    for a, b in zip(first, leaves(problem.evaluate(designs)), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(before, designs)
    assert problem.fingerprint() == fingerprint


def test_evaluation_can_be_indexed_like_its_leaves() -> None:
    problem = synthetic_problem(7, constraints=LIMITS)
    evaluation = problem.evaluate(problem.space.sample(np.random.default_rng(0), 30))
    for index in (slice(3, 9), np.array([4, 1]), evaluation.feasible):
        for whole, part in zip(leaves(evaluation), leaves(evaluation[index]), strict=True):
            np.testing.assert_array_equal(whole[index], part)
    assert len(evaluation[:5]) == 5
    assert evaluation.shape == (30,)


@pytest.mark.parametrize("constraints", [(), LIMITS, (Constraint("latency_s", 1e-9),)])
def test_best_of_a_batch_is_feasible_first(constraints: tuple[Constraint, ...]) -> None:
    problem = synthetic_problem(8, constraints=constraints)
    evaluation = problem.evaluate(problem.space.sample(np.random.default_rng(0), 200))
    keys = list(zip(evaluation.violation.tolist(), evaluation.objective.tolist(), strict=True))
    assert keys[evaluation.best()] == min(keys)
    with pytest.raises(ValueError, match="an empty batch has no best design"):
        evaluation[:0].best()


@pytest.mark.parametrize(
    ("designs", "error", "message"),
    [
        (np.zeros((2, 3), dtype=int), ValueError, r"shape \(batch, 8\), got \(2, 3\)"),
        (np.zeros(8, dtype=int), ValueError, "a single design is a batch of one"),
        (np.zeros((1, 8)), TypeError, "designs must be whole numbers"),
        (np.full((1, 8), np.nan), TypeError, "designs must be whole numbers"),
        (np.full((1, 8), -1), ValueError, "design 0, column 0 .'block1'."),
        (np.array([[0, 0, 0, 0, 0, 0, 0, 3]]), ValueError, "design 0, column 7 .'dataflow'.*got 3"),
    ],
)
def test_bad_designs_are_refused(designs: np.ndarray, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        synthetic_problem().evaluate(designs)


@pytest.mark.parametrize("question", ["evaluate_networks", "best_hardware"])
def test_bad_networks_are_refused(question: str) -> None:
    ask = getattr(synthetic_problem(), question)
    with pytest.raises(ValueError, match=r"networks must have shape \(batch, 4\)"):
        ask(np.zeros((1, 8), dtype=int))
    with pytest.raises(TypeError, match="whole numbers"):
        ask(np.zeros((1, 4)))
    with pytest.raises(ValueError, match=r"column 2 .'block3'.*got 2"):
        ask(np.array([[0, 0, 2, 0]]))


@pytest.mark.parametrize("question", ["evaluate_networks", "best_hardware", "accuracies"])
def test_networks_are_checked_as_designs_are(question: str) -> None:
    """Booleans are no option indices; unsigned integers are."""
    problem = synthetic_problem()
    ask = getattr(problem, question)
    for dtype in (np.uint64, np.int8):
        ask(np.zeros((1, 4), dtype=dtype))
    with pytest.raises(TypeError, match=r"networks must be whole numbers .option indices., got dtype bool"):
        ask(np.zeros((1, 4), dtype=bool))
    with pytest.raises(TypeError, match=r"networks must be whole numbers .option indices., got dtype bool"):
        problem.design(np.zeros((1, 4), dtype=bool), [0])
    assert problem.design(np.zeros((1, 4), dtype=np.uint64), np.zeros(1, dtype=np.uint64)).dtype == np.int64


def test_parts_that_do_not_fit_are_refused() -> None:
    problem = synthetic_problem()
    with pytest.raises(ValueError, match=r"costs must have shape \(3, 3, 2, 3, 54\) .* got \(2, 2, 54\)"):
        replaced(problem, costs=synthetic_problem(option_counts=(2, 2)).costs)
    with pytest.raises(ValueError, match=r"\(2, 2\) options per choice, the network space \(3, 3, 2, 3\)"):
        replaced(problem, accuracy=TensorAccuracy(np.full((2, 2), 0.5)))
    with pytest.raises(TypeError, match=r"accuracy must be a model .* got function; `TensorAccuracy.from_function`"):
        replaced(problem, accuracy=lambda networks: np.full(len(networks), 0.5))
    with pytest.raises(TypeError, match=r"accuracy must be a model .* or None, got float$"):
        replaced(problem, accuracy=0.9)


def test_a_problem_without_accuracies_answers_costs_alone() -> None:
    problem = replaced(synthetic_problem(), accuracy=None)
    designs = problem.space.sample(np.random.default_rng(0), 5)
    networks = designs[:, problem.space.network]
    assert problem.costs.on_all_hardware(networks).latency_s.shape == (5, 54)
    for ask, asked in ((problem.evaluate, designs), (problem.best_hardware, networks)):
        with pytest.raises(RuntimeError, match=r"'synthetic-0' has no accuracy model .* only its costs can be asked"):
            ask(asked)
    with pytest.raises(TypeError, match="problem 'synthetic-0' has no accuracy model"):
        problem.relax()
    assert problem.fingerprint() != synthetic_problem().fingerprint()


@dataclasses.dataclass
class Answering:
    """An accuracy model of a user's: it answers whatever it is told to, whoever asks."""

    answer: Any

    def evaluate(self, networks: np.ndarray) -> Any:
        return self.answer

    def fingerprint(self) -> str:
        return "answering"


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (
            np.array([0.5, np.nan]),
            ValueError,
            "fractions between 0 and 1; 1 of 2 are not, the first is nan for network 1",
        ),
        (np.array([2.0, 0.5]), ValueError, "the first is 2.0 for network 0 of the batch"),
        (np.array([-1.0, 0.5]), ValueError, "the first is -1.0 for network 0"),
        (np.array([[0.5], [0.5]]), ValueError, r"asked about 2 networks at once.* shape \(2,\); got shape \(2, 1\)"),
        (0.5, ValueError, r"must return an array of shape \(2,\); got shape \(\)"),
        (
            np.array([0.5 + 1j, 0.5]),
            TypeError,
            r"must return real numbers, one per network; got ndarray \(complex128\)",
        ),
        (["a", "b"], TypeError, "must return real numbers, one per network; got list"),
        (None, TypeError, "must return real numbers, one per network; got NoneType"),
    ],
)
@pytest.mark.parametrize("ask", ["evaluate", "evaluate_networks", "accuracies"])
def test_what_an_accuracy_model_answers_is_checked(ask: str, answer: Any, error: type[Exception], message: str) -> None:
    problem = replaced(synthetic_problem(), accuracy=Answering(answer))
    columns = 8 if ask == "evaluate" else 4
    with pytest.raises(error, match=f"problem 'synthetic-0': the accuracy model Answering .*{message}"):
        getattr(problem, ask)(np.zeros((2, columns), dtype=int))


def test_accuracies_of_another_kind_become_float64() -> None:
    for answer in ([1, 0], np.array([0.5, 0.25], dtype=np.float32)):
        problem = replaced(synthetic_problem(), accuracy=Answering(answer))
        assert problem.evaluate(np.zeros((2, 8), dtype=int)).accuracy.dtype == np.float64


def test_an_empty_batch_is_an_empty_evaluation() -> None:
    problem = synthetic_problem(constraints=LIMITS)
    evaluation = problem.evaluate(np.zeros((0, 8), dtype=np.int64))
    assert [leaf.shape for leaf in leaves(evaluation)] == [(0,)] * 6


def test_fingerprint_follows_everything_but_the_name() -> None:
    problem = synthetic_problem()
    costs = problem.costs
    accuracy = problem.accuracy.tensor.copy()  # type: ignore[attr-defined]
    accuracy.flat[0] = np.nextafter(accuracy.flat[0], 0.0)
    area = costs.area_mm2.copy()
    area[-1] = np.nextafter(area[-1], 0.0)
    others = [
        synthetic_problem(1),
        replaced(problem, accuracy=TensorAccuracy(accuracy)),
        replaced(problem, costs=dataclasses.replace(costs, area_mm2=area)),
        replaced(problem, objective=Objective(EDAP(), 1.0)),
        replaced(problem, objective=dataclasses.replace(problem.objective, constraints=LIMITS)),
    ]
    prints = {problem.fingerprint(), *(other.fingerprint() for other in others)}
    assert len(prints) == 1 + len(others)
    assert replaced(problem, name="another").fingerprint() == problem.fingerprint()


def test_fingerprint_is_the_same_in_another_process() -> None:
    code = "from dance_env.testing import synthetic_problem; print(synthetic_problem(3).fingerprint())"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert found == synthetic_problem(3).fingerprint()


def test_custom_parts_need_only_the_protocols() -> None:
    class Constant:
        def evaluate(self, networks: np.ndarray) -> np.ndarray:
            return np.full(len(networks), 0.25)

        def fingerprint(self) -> str:
            return "constant"

    problem = replaced(
        synthetic_problem(), accuracy=Constant(), objective=Objective(lambda cost: cost.area_mm2, weight=2.0)
    )
    design = np.zeros((1, 8), dtype=np.int64)
    area = problem.costs.area_mm2[0]
    assert problem.evaluate(design).objective[0] == pytest.approx(75.0 + 2 * area)
    with pytest.raises(TypeError, match="Constant of problem 'synthetic-0' has no `relax`"):
        problem.relax()


def test_linear_weights_reach_the_objective() -> None:
    problem = replaced(synthetic_problem(), objective=Objective(Linear(area_mm2=1.0), weight=1.0))
    designs = problem.space.sample(np.random.default_rng(0), 20)
    evaluation = problem.evaluate(designs)
    np.testing.assert_array_equal(evaluation.objective, evaluation.error_pct + evaluation.cost.area_mm2)


def test_a_problem_is_shown_in_a_line() -> None:
    problem = synthetic_problem(0)
    assert repr(problem).startswith("Problem('synthetic-0': 54 networks x 54 accelerators; error + 1 x (latency / 2 ms")
    assert repr(problem.accuracy).startswith("TensorAccuracy(54 networks, 0.8241 to ")
