"""Noisy tasks: what a run reports is judged by expected accuracies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from inline import Inline

from dance_env.analysis.optimum import shipped_optimum
from dance_env.objective import Constraint
from dance_env.problem import Problem
from dance_env.tasks import make_problem
from solvers import make_solver
from solvers.commands.compare import main
from solvers.comparison.compare import compare
from solvers.comparison.judging import judged
from solvers.comparison.settings import Settings
from solvers.comparison.table import long_table
from solvers.contract.result import Result


@pytest.fixture(scope="module")
def noisy() -> Problem:
    return make_problem("macro-cifar10/edap:noise=2")


@pytest.fixture(scope="module")
def run(noisy: Problem) -> Result:
    return make_solver("random").solve(noisy, budget=200, seed=0)


def test_the_design_that_a_run_reports_is_judged_without_noise(noisy: Problem, run: Result) -> None:
    quiet = make_problem("macro-cifar10/edap")
    row = int(run.trace.objective.argmin())  # no limits: what the run took for its best
    verdict = judged(run, noisy)
    assert run.best == verdict.best == row
    truth = quiet.evaluate(run.trace.designs)
    assert verdict.best_objective == truth.objective[row] != run.best_objective
    assert verdict.best_objective > truth.objective.min()  # the luckiest is not the best
    assert run.best_objective < truth.objective[row]  # and looked better than it is
    assert np.array_equal(verdict.trace.designs, run.trace.designs)
    assert np.array_equal(verdict.trace.error_pct, truth.error_pct)


def test_the_curve_is_that_of_the_reported_design_and_may_rise(noisy: Problem, run: Result) -> None:
    truth = make_problem("macro-cifar10/edap").evaluate(run.trace.designs).objective
    curve = judged(run, noisy).trace.best_so_far()
    for row in range(len(truth)):
        assert curve[row] == truth[run.trace.objective[: row + 1].argmin()]
    assert (np.diff(curve) > 0).any()


def test_nothing_is_changed_without_noise() -> None:
    problem = make_problem("macro-cifar10/edap")
    result = make_solver("random").solve(problem, budget=10, seed=0)
    assert judged(result, problem) is result


def test_a_limit_on_the_error_is_held_against_the_expected_error(noisy: Problem, run: Result) -> None:
    """A lucky draw that meets a limit is a design that does not."""
    limit = float(run.trace.error_pct.min()) + 1e-6
    limited = replace(noisy, objective=replace(noisy.objective, constraints=(Constraint("error_pct", limit),)))
    result = make_solver("random").solve(limited, budget=200, seed=0)
    assert np.isfinite(result.best_objective)
    verdict = judged(result, limited)
    assert verdict.best == result.best
    assert verdict.best_objective == np.inf
    assert verdict.trace.best_so_far()[-1] == np.inf


def test_the_noisy_task_is_measured_from_the_proved_optimum_without_noise(tmp_path: Path) -> None:
    settings = Settings(tasks="accel-nasbench/noisy", solvers=["random"], seeds=[0], budget=30, out=tmp_path)
    (task,) = compare(settings, executor=Inline()).tasks
    proof = shipped_optimum(make_problem("accel-nasbench/edap"))
    assert proof is not None
    assert task.reference.proved
    assert task.reference.objective == proof.objective
    problem = make_problem("accel-nasbench/edap")
    (row,) = long_table(compare(settings))
    design = task.runs[0].result.best_design
    assert design is not None
    assert row.figures["objective"] == problem.evaluate(design[None]).objective[0]


@pytest.mark.usefixtures("runs_here")
def test_fidelity_and_noise_seed_are_flags(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["--solver", "random", "--seeds", "1", "--budget", "5", "--workers", "1", "--out", str(tmp_path)]
    given = ["accel-nasbench/edap", "--fidelity", "longer", "--noise-seed", "3", "--curves", "queries"]
    assert main([*given, *common]) == 0
    page = (tmp_path / "report.md").read_text()
    assert "longer training" in page
    assert "noise seed 3" in page


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["accel-nasbench/edap", "--fidelity", "longest"], "longest"),
        (["tiny", "--fidelity", "longer"], "does not take fidelity"),
        (["tiny", "--noise-seed", "1"], "does not take noise_seed"),
        (["accel-nasbench/edap", "--noise-seed", "-1"], "between 0 and"),
    ],
)
def test_a_fidelity_or_seed_that_does_not_exist_is_told(given: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        main([*given, "--solver", "random", "--seeds", "1", "--budget", "5", "--out", str(tmp_path)])
