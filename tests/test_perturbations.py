"""Perturbed tasks: the same optimum, one syntax, reproducible, and solvers survive them."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from inline import Inline
from scipy.stats import kendalltau

from dance_env.accuracy import FactorAccuracy
from dance_env.accuracy.model import DrawnAccuracy, RelaxableAccuracy, RepeatableAccuracy
from dance_env.analysis.exact import optimum
from dance_env.perturbations import Perturbation, perturbed, split_task
from dance_env.problem import Failures, Problem
from dance_env.space import AcceleratorSpace, DesignSpace
from dance_env.tasks import make_problem
from solvers import make_solver
from solvers.comparison.archive.folder import RunFolder
from solvers.comparison.archive.merging import merged
from solvers.comparison.archive.problems import Problems
from solvers.comparison.archive.verifying import verify
from solvers.comparison.compare import compare
from solvers.comparison.judging import judged
from solvers.comparison.reference import optimum_reference
from solvers.comparison.settings import Settings
from solvers.comparison.sources import Sources
from solvers.contract.meter import Meter
from solvers.contract.metered_problem import MeteredProblem


@pytest.fixture(scope="module")
def tiny() -> Problem:
    return make_problem("tiny/balanced")


def same_designs(problem: Problem, other: Problem, count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Designs of one problem, and the same designs (the same options by name) of the other."""
    designs = problem.space.sample(np.random.default_rng(0), count)
    return designs, other.space.encode(problem.space.decode(designs))


# -------------------------------------------------------------------------------------------------------------- syntax
def test_what_is_perturbed_is_read_as_it_is_written() -> None:
    given = Perturbation(permuted=3, noise=0.25, dropped=0.1, gradient_bias=0.7, seed=5)
    assert Perturbation.parse(str(given)) == given
    assert Perturbation.parse("") == Perturbation()
    assert str(Perturbation()) == ""
    assert split_task("tiny/edap:noise=0.1,seed=2") == ("tiny/edap", "noise=0.1,seed=2")
    assert split_task("accel-nasbench@dance-buffers") == ("accel-nasbench@dance-buffers", "")
    assert split_task("a/b.py:make:permuted=1") == ("a/b.py:make", "permuted=1")
    assert split_task("a/b.py:make") == ("a/b.py:make", "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("permute=1", "'permuted'"),
        ("permuted", "has no value"),
        ("permuted=a", "whole number"),
        ("permuted=-1", "from 0 to"),
        ("dropped=1", "below 1"),
        ("dropped=x", "a number"),
        ("noise=-0.1", "from 0 on"),
        ("noise=nan", "from 0 on"),
        ("gradient_tau=0", "above 0"),
        ("gradient_tau=0.5,gradient_bias=0.5", "not both"),
        ("seed=1,seed=2", "twice"),
    ],
)
def test_a_wrong_perturbation_is_told(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_problem(f"tiny:{text}")


def test_a_name_alone_changes_nothing(tiny: Problem) -> None:
    assert perturbed(tiny, Perturbation(seed=4)) is tiny
    assert make_problem("tiny/balanced:seed=4").fingerprint() == tiny.fingerprint()


def test_each_perturbation_has_a_fingerprint_of_its_own(tiny: Problem) -> None:
    texts = ["", "permuted=1", "permuted=2", "noise=0.1", "noise=0.1,seed=1", "noise=0.2", "dropped=0.1", "dropped=0.2",
             "dropped=0.1,seed=1", "gradient_tau=0.8", "gradient_bias=0.9"]  # fmt: skip
    marks = [perturbed(tiny, Perturbation.parse(text)).fingerprint() for text in texts]
    assert len(set(marks)) == len(texts)
    assert perturbed(tiny, Perturbation.parse("permuted=1")).fingerprint() == marks[1]


def test_problems_of_ones_own_are_perturbed_by_the_same_syntax(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("from dance_env.testing import synthetic_problem\ndef make():\n    return synthetic_problem(0)\n")
    problem = make_problem(f"{file}:make:dropped=0.5")
    assert problem.failures == Failures(0.5)
    assert problem.name.endswith(":dropped=0.5")


# ------------------------------------------------------------------------------------------------------------ permuted
@pytest.mark.parametrize("task", ["tiny/balanced", "gpt-s/token-limited"])
def test_permuted_options_are_the_same_designs_to_the_bit(task: str) -> None:
    usual, other = make_problem(task), make_problem(f"{task}:permuted=1")
    designs, old = same_designs(other, usual)
    assert (designs != old).any()
    found, expected = other.evaluate(designs), usual.evaluate(old)
    for name in ("objective", "violation", "accuracy"):
        assert np.array_equal(getattr(found, name), getattr(expected, name))
    networks, old_networks = designs[:, other.space.network], old[:, usual.space.network]
    assert np.array_equal(other.network_space.macs(networks), usual.network_space.macs(old_networks))
    assert other.is_timed == usual.is_timed
    if usual.is_timed:
        assert np.array_equal(other.training_gpu_hours(networks), usual.training_gpu_hours(old_networks))
    best = other.design(networks, other.best_hardware(networks))
    assert np.array_equal(other.evaluate(best).objective, usual.evaluate(other_design(usual, old_networks)).objective)
    assert all(choice.kind == "nominal" for choice in other.space.choices)


def other_design(problem: Problem, networks: np.ndarray) -> np.ndarray:
    return problem.design(networks, problem.best_hardware(networks))


def test_the_differentiable_view_is_permuted_as_well(tiny: Problem) -> None:
    other = make_problem("tiny/balanced:permuted=2,gradient_tau=0.8")
    designs, _ = same_designs(other, tiny, 8)
    networks = DesignSpace(other.network_space.choices())
    probs = torch.tensor(networks.one_hot(designs[:, other.space.network]))
    _, old = same_designs(other, make_problem("tiny/balanced:gradient_tau=0.8"), 8)
    old_probs = torch.tensor(DesignSpace(tiny.network_space.choices()).one_hot(old[:, tiny.space.network]))
    seen = make_problem("tiny/balanced:gradient_tau=0.8").relax().accuracy(old_probs)
    assert torch.allclose(other.relax().accuracy(probs), seen, atol=1e-12)


def test_the_permuted_space_has_the_same_parts_and_equal_networks() -> None:
    usual, other = make_problem("gpt-s/edap"), make_problem("gpt-s/edap:permuted=1")
    designs, old = same_designs(other, usual)
    first = other.workloads[0].network_space
    canonical = first.same_network(designs[:, other.space.network])
    expected = usual.workloads[0].network_space.same_network(old[:, usual.space.network])
    as_designs = other.design(canonical, np.zeros(len(canonical), dtype=np.int64))
    back = usual.space.encode(other.space.decode(as_designs))[:, usual.space.network]
    assert np.array_equal(back, expected)
    assert first.different_networks == usual.workloads[0].network_space.different_networks
    layers = [{layer for layers in part.layers for layer in layers} for part in first.parts()]
    assert layers == [
        {layer for layers in part.layers for layer in layers} for part in usual.workloads[0].network_space.parts()
    ]


def test_an_accelerators_index_still_counts_in_c_order() -> None:
    space = make_problem("tiny:permuted=1").accelerator_space
    assert isinstance(space, AcceleratorSpace)
    named = DesignSpace(space.choices()).decode(space.unindex(np.arange(space.size)))
    assert [each["pe_x"] for each in named] == space.hardware().pe_x.tolist()
    assert [each["rf_words"] for each in named] == space.hardware().rf_words.tolist()


# --------------------------------------------------------------------------------------------------------------- noise
def test_noise_has_its_spread_and_is_the_same_whenever_asked() -> None:
    quiet, noisy = make_problem("macro-cifar10"), make_problem("macro-cifar10:noise=0.4")
    designs = quiet.space.sample(np.random.default_rng(0), 2_000)
    difference = 100 * (noisy.evaluate(designs).accuracy - quiet.evaluate(designs).accuracy)
    assert 0.36 < difference.std() < 0.44
    assert abs(difference.mean()) < 0.04
    assert np.array_equal(noisy.evaluate(designs[:7]).accuracy, noisy.evaluate(designs).accuracy[:7])
    assert np.array_equal(noisy.without_noise.evaluate(designs).objective, quiet.evaluate(designs).objective)


def test_another_training_is_another_draw_of_the_same_spread() -> None:
    noisy = make_problem("macro-cifar10:noise=0.4").accuracy
    assert isinstance(noisy, RepeatableAccuracy)
    networks = np.random.default_rng(0).integers(0, 3, (2_000, 8))
    quiet, first, other = (each.evaluate(networks) for each in (noisy.expected, noisy, noisy.repeat(1)))
    assert np.array_equal(noisy.repeat(0).evaluate(networks), first)
    assert abs(np.corrcoef(first - quiet, other - quiet)[0, 1]) < 0.1
    assert 0.36 < 100 * (other - quiet).std() < 0.44


@pytest.mark.parametrize(
    "copied", [lambda model: model, lambda model: pickle.loads(pickle.dumps(model))], ids=["made", "pickled"]
)
def test_further_trainings_are_known_under_other_orders(copied: Any) -> None:
    plain, permuted = (make_problem(f"tiny:noise=0.4{more}") for more in ("", ",permuted=3"))
    model = copied(permuted.accuracy)
    assert isinstance(model, RepeatableAccuracy)
    assert isinstance(model, DrawnAccuracy)
    assert isinstance(model, RelaxableAccuracy)
    assert model.training_noise == plain.accuracy.training_noise
    everything = plain.space.sample(np.random.default_rng(0), 50)
    renamed = permuted.space.encode(plain.space.decode(everything))
    for number in (0, 1, 2):
        ours, theirs = model.repeat(number), plain.accuracy.repeat(number)
        assert np.array_equal(ours.evaluate(renamed[:, :3]), theirs.evaluate(everything[:, :3]))
    assert not isinstance(make_problem("tiny:permuted=3").accuracy, RepeatableAccuracy | DrawnAccuracy)


def test_designs_that_are_the_same_network_have_one_noise() -> None:
    problem = make_problem("gpt-s/edap:noise=1,permuted=1")
    designs = problem.space.sample(np.random.default_rng(0), 300)
    canonical = problem.network_space.same_network(designs[:, problem.space.network])
    assert (canonical != designs[:, problem.space.network]).any()
    assert np.array_equal(problem.accuracies(canonical), problem.accuracies(designs[:, problem.space.network]))


def test_a_task_that_is_noisy_already_says_so() -> None:
    with pytest.raises(ValueError, match="noisy already"):
        make_problem("accel-nasbench/noisy:noise=0.1")
    permuted = make_problem("accel-nasbench/noisy:permuted=1")
    assert permuted.without_noise is not permuted


# ------------------------------------------------------------------------------------------------------------ failures
def test_evaluations_fail_with_their_probability_and_reproducibly() -> None:
    failures = Failures(0.2, seed=3)
    which = failures.which(0, 20_000)
    assert 0.19 < which.mean() < 0.21
    assert np.array_equal(failures.which(100, 50), which[100:150])
    assert not np.array_equal(failures.which(0, 100, run=1), which[:100])
    assert not Failures(0.0).which(0, 1000).any()


def test_a_failed_evaluation_says_what_is_defined_and_is_billed(tiny: Problem) -> None:
    problem = perturbed(tiny, Perturbation(dropped=0.5))
    meter = Meter(50, problem, seed=7)
    designs = problem.space.sample(np.random.default_rng(0), 40)
    found = MeteredProblem(problem, meter).evaluate(designs)
    which = Failures(0.5).which(0, 40, run=7)
    usual = tiny.evaluate(designs)
    assert 5 < which.sum() < 35
    assert (found.accuracy[which] == 0).all()
    assert np.isfinite(found.objective).all()
    assert not found.feasible[which].any()
    assert np.allclose(found.objective[which], usual.objective[which] + 100 * usual.accuracy[which])
    assert np.array_equal(found.objective[~which], usual.objective[~which])
    assert np.array_equal(found.cost.latency_s, usual.cost.latency_s)
    assert meter.ledger().evaluations == 40
    networks = MeteredProblem(problem, meter).evaluate_networks(designs[:5, problem.space.network])
    assert np.array_equal((networks.accuracy == 0).all(axis=1), Failures(0.5).which(40, 5, run=7))


def test_what_a_failed_evaluation_violates_does_not_tell_its_accuracy(tiny: Problem) -> None:
    problem = perturbed(tiny, Perturbation(dropped=0.5)).limited({"error_pct": 50.0})
    designs = problem.space.sample(np.random.default_rng(0), 20)
    found = MeteredProblem(problem, Meter(50, problem)).violations(designs)
    assert problem.violations(designs) == [{}] * 20
    assert [each.get("error_pct", 0.0) for each in found] == Failures(0.5).which(0, 20).tolist()


def test_an_evaluation_that_failed_may_succeed_when_asked_again(tiny: Problem) -> None:
    problem = perturbed(tiny, Perturbation(dropped=0.5))
    design = np.repeat(problem.space.sample(np.random.default_rng(0), 1), 30, axis=0)
    meter = Meter(50, problem)
    accuracy = MeteredProblem(problem, meter).evaluate(design).accuracy
    assert {0.0, float(tiny.evaluate(design[:1]).accuracy[0])} == set(accuracy.tolist())
    assert (meter.ledger().networks, meter.ledger().repeats) == (1, 29)


def test_an_environment_shows_failures_from_its_seed_on() -> None:
    env = gymnasium.make_vec("dance_env/CoDesign-v0", num_envs=40, task="tiny/balanced:dropped=0.5")
    rewards = []
    for _ in range(2):
        env.reset(seed=0)
        rewards.append(env.step(np.zeros(env.action_space.shape, dtype=np.int64))[1])
    which = Failures(0.5).which(0, 40)
    assert np.array_equal(rewards[0], rewards[1])
    assert np.array_equal(rewards[0] < -90, which)


def test_a_single_environment_shows_the_same_failures_after_the_same_seed() -> None:
    env = gymnasium.make("dance_env/CoDesign-v0", task="tiny/balanced:dropped=0.5")
    action = np.zeros(env.action_space.shape, dtype=np.int64)
    rewards: list[list[float]] = []
    for _ in range(2):
        env.reset(seed=0)
        rewards.append([])
        for _ in range(20):
            rewards[-1].append(float(env.step(action)[1]))
            env.reset()  # without a seed: the count goes on
    assert rewards[0] == rewards[1]
    assert np.array_equal(np.array(rewards[0]) < -90, Failures(0.5).which(0, 20))


# ------------------------------------------------------------------------------------------------------------ gradients
def test_gradients_err_and_evaluations_do_not(tiny: Problem) -> None:
    designs = tiny.space.sample(np.random.default_rng(0), 20)
    networks = DesignSpace(tiny.network_space.choices())
    everything = networks.unrank(np.arange(networks.size))
    for text in ("gradient_tau=0.8", "gradient_bias=0.9"):
        problem = make_problem(f"tiny/balanced:{text}")
        assert np.array_equal(problem.evaluate(designs).objective, tiny.evaluate(designs).objective)
        seen = problem.relax().accuracy(torch.tensor(networks.one_hot(everything))).numpy()
        assert 0.5 < kendalltau(seen, tiny.accuracies(everything)).statistic < 0.95


def test_what_cannot_be_perturbed_says_why(tiny: Problem) -> None:
    with pytest.raises(ValueError, match="are not known"):
        perturbed(replace(tiny, accuracy=None), Perturbation(permuted=1))

    class Opaque:
        def evaluate(self, networks: np.ndarray) -> np.ndarray:
            return np.full(len(networks), 0.5)

        def fingerprint(self) -> None:
            return None

    opaque = replace(tiny, accuracy=Opaque())
    with pytest.raises(ValueError, match="no sum of factors"):
        perturbed(opaque, Perturbation(gradient_tau=0.5))
    assert not hasattr(perturbed(opaque, Perturbation(permuted=1, noise=0.1)).accuracy, "relax")
    assert isinstance(make_problem("gpt-s/edap").accuracy, FactorAccuracy)
    assert make_problem("gpt-s/edap:permuted=1,noise=0.1").error_name == "perplexity"


# ------------------------------------------------------------------------------------------------------------- solvers
@pytest.mark.parametrize(
    "name",
    ["random", "evolution", "network-evolution", "network-local-search", "annealing", "separate", "edd", "dance-exact"],
)
def test_solvers_survive_all_of_it_and_report_a_feasible_design(name: str) -> None:
    problem = make_problem("tiny/balanced:permuted=1,noise=0.3,dropped=0.3,gradient_tau=0.8")
    result = make_solver(name).solve(problem, budget=60, seed=0)
    assert result.status.complete
    again = make_solver(name).solve(problem, budget=60, seed=0)
    assert result.trace.same_search(again.trace)
    assert judged(result, problem).best_objective >= optimum(make_problem("tiny/balanced")).objective - 1e-9
    assert np.isfinite(result.best_objective)


def test_a_comparison_takes_the_same_syntax_and_measures_from_the_originals_optimum(
    tmp_path: Path, tiny: Problem
) -> None:
    task = "tiny/balanced:permuted=1,dropped=0.3"
    found = compare(Settings(tasks=[task, "tiny/balanced"], solvers=["random"], seeds=[0, 1], budget=40, out=tmp_path))
    perturbed_runs, usual = found.tasks
    assert perturbed_runs.task == task
    assert perturbed_runs.reference == usual.reference
    assert all((run.result.trace.accuracy == 0).any() for run in perturbed_runs.runs)
    again = compare(Settings(tasks=[task, "tiny/balanced"], solvers=["random"], seeds=[0, 1], budget=40, out=tmp_path))
    assert [run.result.software for run in again.runs] == [run.result.software for run in found.runs]
    clocks = [run.result.ledger.solver_seconds for run in found.runs]
    assert [run.result.ledger.solver_seconds for run in again.runs] == clocks  # read from their records


def test_regret_under_other_limits_is_measured_from_the_optimum_under_these(tiny: Problem) -> None:
    best = optimum(tiny)
    limits = {"latency_s": 0.9 * float(best.evaluation.cost.latency_s[0])}
    limited = optimum_reference(perturbed(tiny, Perturbation(permuted=1)).limited(limits))
    assert limited == optimum_reference(tiny.limited(limits))
    assert limited is not None
    assert limited.objective > best.objective


def test_records_of_failures_and_noise_are_verified_and_reported_alike(tmp_path: Path) -> None:
    task = "tiny/balanced:noise=2,dropped=0.3"
    settings = Settings(tasks=[task], solvers=["random"], seeds=[0], budget=40, out=tmp_path / "out")
    found = compare(settings, executor=Inline())
    folder = RunFolder.open(tmp_path / "out")
    assert [check.problems for check in verify(folder, Problems.of([folder], [], Sources()))] == [()]
    again = merged([folder], Problems.of([folder], [], Sources()), out=tmp_path / "report")
    assert again.results[0].best_objective == found.results[0].best_objective
    assert again.tasks[0].reference == found.tasks[0].reference
