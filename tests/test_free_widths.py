"""Networks whose layers depend on two choices: costs, expectations, bounds and the optimum stay exact."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dance_env import CoDesignEnv, Problem
from dance_env.analysis.exact import optimum
from dance_env.cost import EDGE_LPDDR4, AnalyticalCostModel
from dance_env.graph import Layer, LayerSpace, is_additive, layer_row
from dance_env.space import FREE
from solvers import make_solver
from solvers.methods.separate import macs_share

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "free_widths.py"


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLE))


@pytest.fixture(scope="module")
def problem(example: dict[str, Any]) -> Problem:
    return example["free_widths"]()


@pytest.fixture(scope="module")
def networks(problem: Problem) -> np.ndarray:
    counts = problem.space.option_counts[problem.space.network]
    return np.stack(np.unravel_index(np.arange(np.prod(counts)), counts), axis=1)


def test_the_example_runs_and_nothing_beats_the_exact_optimum(
    example: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    example["main"](["--budget", "60"])
    printed = capsys.readouterr().out
    assert "6,144 designs; minimize error + 1 x (energy / 10 µJ), latency <= 10 µs" in printed
    found = {line.split()[0]: float(line.split()[1]) for line in printed.splitlines() if "{'width1'" in line}
    assert set(found) == {"random", "evolution", "edd", "exact"}
    assert min(found.values()) == found["exact"]


def test_a_network_costs_its_layers(problem: Problem) -> None:
    widths = {"width1": 24, "width2": 8, "width3": 32, "width4": 16}
    pairs = [(3, 24, 16, 3), (24, 8, 16, 3), (8, 32, 8, 3), (32, 16, 8, 3), (16, 64, 8, 1)]
    layers = [(k, c, size, size, kernel, kernel, 1, 1) for c, k, size, kernel in pairs]
    where = {"pe_x": 16, "pe_y": 8, "rf_words": 32, "dataflow": "RS"}
    design = problem.space.encode([{**widths, **where}])
    evaluation = problem.evaluate(design)
    hardware = problem.accelerator_space.hardware().take(
        problem.accelerator_space.index(design[:, problem.space.hardware])
    )
    alone = AnalyticalCostModel(technology=EDGE_LPDDR4).evaluate_layers(np.array(layers), hardware)
    assert evaluation.cost.latency_s[0] == pytest.approx(alone.latency_s.sum(), rel=1e-12)
    assert evaluation.cost.energy_j[0] == pytest.approx(alone.energy_j.sum(), rel=1e-12)
    macs = sum(k * c * p * q * r * s for k, c, p, q, r, s, _, _ in layers)
    assert problem.network_space.macs(design[:, problem.space.network]).tolist() == [macs]


def test_parts_and_choices(problem: Problem) -> None:
    space = problem.network_space
    assert [part.scope for part in space.parts()] == [(0,), (3,), (0, 1), (1, 2), (2, 3)]
    assert [len(part.layers) for part in space.parts()] == [4, 4, 16, 16, 16]
    (layer,) = space.parts()[2].layers[1 * 4 + 2]  # width1 = 16, width2 = 24
    assert layer_row(layer) == (24, 16, 16, 16, 3, 3, 1, 1)
    assert {choice.kind for choice in space.choices()} == {"ordinal"}
    assert not is_additive(space)


def test_the_relaxed_problem_equals_evaluate_at_the_vertices(problem: Problem) -> None:
    designs = problem.space.sample(np.random.default_rng(0), 50)
    one_hot = torch.tensor(problem.space.one_hot(designs))
    network, hardware = one_hot[:, problem.space.network_options], one_hot[:, problem.space.hardware_options]
    relaxed, exact = problem.relax()(network, hardware), problem.evaluate(designs)
    np.testing.assert_allclose(relaxed.objective, exact.objective, rtol=1e-12)
    np.testing.assert_allclose(relaxed.violation, exact.violation, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(relaxed.cost.energy_j, exact.cost.energy_j, rtol=1e-12)


def test_the_expected_latency_is_the_mean_over_all_networks(example: dict[str, Any], problem: Problem) -> None:
    assert example["expectation_error"](problem) < 1e-13


def test_the_optimum_is_the_best_of_all_designs(problem: Problem, tmp_path: Path) -> None:
    every = problem.space.unrank(np.arange(problem.space.size))
    evaluation = problem.evaluate(every)
    best = optimum(problem, cache_dir=tmp_path)
    assert best.feasible
    assert best.objective == evaluation.objective[evaluation.feasible].min()
    assert best.objective > evaluation.objective.min(), "a limit that does not bind would prove less"


def test_bounds_hold_for_every_completion(problem: Problem, networks: np.ndarray) -> None:
    everywhere = problem.costs.on_all_hardware(networks)
    for partial in ([FREE] * 4, [1, FREE, FREE, 2], [1, FREE, 3, FREE], [0, 1, 2, FREE]):
        fits = ((networks == partial) | (np.array(partial) == FREE)).all(axis=1)
        least, most = problem.costs.bounds(np.array([partial]))
        for name in ("latency_s", "energy_j"):
            values = getattr(everywhere, name)[fits]
            assert (getattr(least, name)[0] <= values).all()
            assert (values <= getattr(most, name)[0]).all()


def test_the_environment_takes_it_and_draws_it(problem: Problem) -> None:
    env = CoDesignEnv(problem, episode="sequential", render_mode="rgb_array")
    env.reset(seed=0)
    for _ in range(problem.space.num_choices):
        env.step(0)
    assert env.render().ndim == 3


def test_a_penalty_on_operations_counts_layers_that_depend_on_several_choices(
    problem: Problem, networks: np.ndarray
) -> None:
    share = macs_share(problem).evaluate(networks)[:, 0]  # type: ignore[arg-type]  # a metered problem has the same space
    macs = problem.network_space.macs(networks)
    np.testing.assert_allclose(np.diff(share), np.diff(macs) * (np.ptp(share) / np.ptp(macs)), rtol=1e-9, atol=1e-12)
    assert 0 <= share.min() < share.max() <= 1
    error_pct = 100.0 * (1.0 - problem.accuracies(networks))
    for penalty in (0.0, 5.0, 50.0):
        result = make_solver("separate-flops", penalty=penalty).solve(problem, budget=600, seed=0)
        first = result.trace.designs[0, problem.space.network]  # the one that the descent ended at
        penalized = error_pct + penalty * share
        found = penalized[(networks == first).all(axis=1)]
        assert found == pytest.approx(penalized.min(), rel=1e-4), penalty  # a local optimum may be this close
        assert (penalized <= found).mean() < 0.02


# ------------------------------------------------------------------------------------------------------- layer spaces
def _layer(width: int) -> Layer:
    return Layer("l", "pointwise", k=width, c=8, p=4, q=1, r=1, s=1)


def test_a_choice_of_ascending_numbers_is_ordinal() -> None:
    options = {"w": {4: (), 8: ()}, "down": {8: (), 4: ()}, "words": {"a": (), "b": ()}}
    assert [choice.kind for choice in LayerSpace("x", (), options).choices()] == ["ordinal", "nominal", "nominal"]


@pytest.mark.parametrize(
    ("joint", "error", "message"),
    [
        ({("a", "c"): lambda a, c: ()}, ValueError, r"joint \('a', 'c'\): there is no choice 'c'. "),
        ({("a", "a"): lambda a, b: ()}, ValueError, "a tuple of different choice names"),
        ({"a": lambda a: ()}, ValueError, "a tuple of different choice names, got 'a'"),
        ({("b", "a"): lambda b, a: (b,)}, TypeError, r"joint \('b', 'a'\), \(1, 'x'\): expected a sequence of Layer"),
    ],
)
def test_joint_layers_that_make_no_sense_are_refused(joint: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        LayerSpace("x", _layer(8), {"a": {"x": (), "y": ()}, "b": {1: (), 2: ()}}, joint=joint).parts()


def test_joint_layers_are_counted_in_the_order_of_their_names() -> None:
    space = LayerSpace(
        "x", (), {"a": {1: (), 2: ()}, "b": {3: (), 5: ()}}, joint={("b", "a"): lambda b, a: (_layer(10 * b + a),)}
    )
    (part,) = space.parts()
    assert part.scope == (1, 0)
    assert [layers[0].k for layers in part.layers] == [31, 32, 51, 52]
    assert space.macs([[1, 0]]).tolist() == [32 * 8 * 4]  # a = 2, b = 3
