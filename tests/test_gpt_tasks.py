"""The tasks of language models: two workloads, limits on each, perplexities that ship or the user's perceptron."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dance_env.analysis.optimum import shipped_optimum
from dance_env.envs import CoDesignEnv
from dance_env.graph import Decode, Prefill
from dance_env.problem import Problem
from dance_env.space import AcceleratorSpace
from dance_env.tasks import TASKS, get_task, make_problem, task_names
from dance_env.tasks.gpt import PROMPT, VARIANTS
from solvers import make_solver


@pytest.fixture(scope="module")
def edap() -> Problem:
    return make_problem("gpt-s")


def test_a_problem_weighs_reading_and_writing(edap: Problem) -> None:
    assert edap.name == "gpt-s/edap"
    assert edap.error_name == "perplexity"
    assert {each.name: each.weight for each in edap.workloads} == {"prefill": 1.0, "decode": 8.0}
    assert [each.network_space.phase for each in edap.workloads] == [Prefill(PROMPT), Decode(PROMPT)]  # type: ignore[attr-defined]
    evaluation = edap.evaluate(edap.space.sample(np.random.default_rng(0), 50))
    prefill, decode = evaluation.cost.workloads["prefill"], evaluation.cost.workloads["decode"]
    np.testing.assert_allclose(evaluation.cost.latency_s, prefill.latency_s + 8 * decode.latency_s, rtol=1e-12)
    np.testing.assert_allclose(evaluation.cost.energy_j, prefill.energy_j + 8 * decode.energy_j, rtol=1e-12)
    assert ((evaluation.error_pct > 20) & (evaluation.error_pct < 44)).all()


def test_layers_beyond_the_depth_change_nothing(edap: Problem) -> None:
    designs = edap.space.sample(np.random.default_rng(1), 100)
    shallow = designs.copy()
    shallow[:, 1] = 0
    other = shallow.copy()
    other[:, 3 + 2 * 10 : 3 + 2 * 12] = (other[:, 3 + 2 * 10 : 3 + 2 * 12] + 1) % 3
    np.testing.assert_array_equal(edap.evaluate(shallow).objective, edap.evaluate(other).objective)


def test_no_accelerator_writes_faster_and_large_ones_read_faster(edap: Problem) -> None:
    """One token is limited by DRAM on every accelerator; a prompt by the PEs."""
    network = np.array([[1, 1, 1] + [1, 1] * 12])
    cost = edap.costs.on_all_hardware(network).workloads
    decode, prefill = cost["decode"].latency_s[0], cost["prefill"].latency_s[0]
    assert decode.max() / decode.min() < 1.01
    assert prefill.max() / prefill.min() > 5
    words = sum(each.macs for each in edap.workloads[1].network_space.graph(network[0]).layers())  # type: ignore[attr-defined]
    assert decode.min() == pytest.approx(words / 6.4e9, rel=0.01)  # each weight and cached word once, 6.4 words a cycle


@pytest.mark.parametrize("name", [f"gpt-s/{variant}" for variant in VARIANTS])
def test_limits_are_met_by_some_networks_and_not_by_all(name: str) -> None:
    problem = make_problem(name)
    evaluation = problem.evaluate_networks(
        problem.space.sample(np.random.default_rng(0), 100)[:, problem.space.network]
    )
    able = (evaluation.violation <= 0).any(axis=1).mean()
    assert (0.2 < able < 0.9) if problem.objective.constraints else able == 1.0


def test_limits_are_on_single_workloads() -> None:
    limits = {str(limit) for variant in VARIANTS.values() for limit in variant.objective.constraints}
    assert {"prefill latency <= 60 ms", "decode latency <= 7 ms", "decode energy <= 7 mJ"} <= limits


@pytest.mark.parametrize("name", ["gpt-m/edap", "gpt-l/edap"])
def test_larger_spaces_are_problems_too(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On 24 accelerators: to price all 13,872 takes seconds, and is the same work as for gpt-s."""
    few = AcceleratorSpace((8, 16), (8, 16), (16, 32), ("WS", "OS", "RS"))
    monkeypatch.setitem(TASKS, name, replace(get_task(name), accelerators=lambda: few))
    problem = make_problem(name)
    assert problem.accelerator_space.size == 24
    evaluation = problem.evaluate(problem.space.sample(np.random.default_rng(0), 20))
    cost = evaluation.objective - evaluation.error_pct
    assert np.isfinite(evaluation.objective).all()
    assert 0.1 < np.median(cost) < 30


def test_solvers_of_each_kind_run(edap: Problem) -> None:
    for name in ("random", "evolution", "dance-exact"):
        result = make_solver(name).solve(edap, budget=40, seed=0)
        assert np.isfinite(result.best_objective)


def test_the_perceptron_itself_is_taken_from_a_file(shared_dir: Path) -> None:
    file = shared_dir / "data" / "hw-gpt-bench" / "perplexity_s.npz"
    problem = make_problem("gpt-s/edap", accuracy_table=file)
    assert problem.name == "gpt-s/edap (HW-GPT-Bench's perceptron)"
    designs = problem.space.sample(np.random.default_rng(0), 30)
    ours = make_problem("gpt-s/edap").evaluate(designs)
    assert np.abs(problem.evaluate(designs).error_pct - ours.error_pct).max() < 0.5
    with pytest.raises(TypeError, match="has no `relax`"):
        problem.relax()


def test_a_file_of_another_space_is_refused(shared_dir: Path) -> None:
    with pytest.raises(ValueError, match=r"expected fc1.weight of shape \(128, 80\).*is this the one of 'gpt-s'"):
        make_problem("gpt-s", accuracy_table=shared_dir / "data" / "hw-gpt-bench" / "perplexity_m.npz")


def test_the_tasks_ship() -> None:
    assert {"gpt-s/edap", "gpt-m/edap", "gpt-l/edap"} <= set(task_names(needs_supernet=False))
    with pytest.raises(ValueError, match="does not take supernet"):
        make_problem("gpt-s", supernet="file")


def test_the_example_runs_and_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example = runpy.run_path(str(Path(__file__).resolve().parents[1] / "examples" / "language_model.py"))
    example["main"](["--figure", str(tmp_path / "figure.png")])
    out = capsys.readouterr().out
    assert "prefill           least EDAP: 16 x 16, RF 8, OS" in out
    assert "within 100 ms: the smallest that reads it is 16 x 24, RF 12, RS, 2.69 mm2" in out
    assert "cost nothing here: 0.48% and 0.30%" in out
    assert (tmp_path / "figure.png").stat().st_size > 20_000
    example["main"](["--deadline", "1e-6"])
    assert "within 0 ms: no accelerator reads it" in capsys.readouterr().out


@pytest.mark.parametrize("mode", ["ansi", "rgb_array"])
def test_a_design_with_limits_on_single_workloads_is_shown(mode: str) -> None:
    env = CoDesignEnv(make_problem("gpt-s/interactive"), render_mode=mode)
    env.reset(seed=0)
    env.step(env.action_space.sample())
    shown = env.render()
    if mode == "ansi":
        text = " ".join(str(shown).replace("│", " ").split())
        assert "prefill latency ≤ 80 ms, decode latency ≤ 7 ms" in text
        assert " perplexity + " in text


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_ships_a_proved_optimum(variant: str) -> None:
    problem = make_problem(f"gpt-s/{variant}")
    proof = shipped_optimum(problem)
    assert proof is not None
    assert proof.gap == 0.0
    design = np.array(proof.design)[None]
    evaluation = problem.evaluate(design)
    assert evaluation.feasible.all()
    assert evaluation.objective[0] == pytest.approx(proof.objective, rel=1e-12)
    hardware = problem.accelerator_space.index(design[:, problem.space.hardware])
    assert problem.best_hardware(design[:, problem.space.network]) == hardware
