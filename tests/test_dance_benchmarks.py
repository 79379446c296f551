"""The benchmarks of the searches: what their tables say of runs whose figures are known."""

from __future__ import annotations

import csv
import dataclasses
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from dance_env.analysis.exact import optimum, pareto_front
from dance_env.tasks import make_problem
from dance_env.testing import synthetic_problem
from solvers.contract.result import Result
from solvers.methods.dance.refined.exact import DanceExact
from solvers.methods.random_search import RandomSearch

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", BENCHMARKS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def run() -> Result:
    return RandomSearch().solve(synthetic_problem(0), budget=40, seed=0)


def test_regret_is_read_off_the_trace(run):
    regret = load("regret")
    path = run.trace.best_so_far()
    best = float(path[-1]) / 1.05  # so that the run ends with a regret of 5 %
    half = regret.summary("v", "s", 40, [regret.Run(run, 1.0), regret.Run(run, 0.5)], best)
    assert half.median_pct == pytest.approx(5.0)
    assert half.reached == (0, 0)
    assert np.isinf(half.queries).all()
    there = regret.summary("v", "s", 40, [regret.Run(run, 0.5)], float(path[-1]))
    assert there.queries == (float(np.flatnonzero(path <= path[-1] * 1.01)[0] + 1), float(path.argmin() + 1))
    assert there.soon_cpu_s[1] == pytest.approx(0.5 * run.trace.seconds[path.argmin()])


def test_regret_runs_only_what_is_missing(tmp_path, monkeypatch, capsys):
    regret = load("regret")
    arguments = [str(tmp_path), "--network", "tiny", "--variants", "edap", "--solvers", "random"]
    regret.main([*arguments, "--budgets", "30", "10", "--seeds", "1"])
    shown = capsys.readouterr().out
    assert shown.startswith("budget 10: | edap | random | 1/1 |")
    rows = list(csv.DictReader((tmp_path / "regret.csv").open()))
    problem = make_problem("tiny/edap")
    result = RandomSearch().solve(problem, budget=30, seed=0)
    best = optimum(problem).objective
    assert float(rows[1]["median_pct"]) == pytest.approx(100 * (result.best_objective / best - 1), rel=1e-5)
    monkeypatch.setattr(regret, "make_solver", None)  # nothing is left to run
    regret.main([*arguments, "--budgets", "30", "10", "--seeds", "1"])
    assert capsys.readouterr().out == shown


def test_regret_at_budgets_is_written_between_the_marks(tmp_path):
    regret = load("regret")
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- regret -->\nold\n<!-- /regret -->\nafter\n")
    arguments = [str(tmp_path / "runs"), "--network", "tiny", "--variants", "edap", "--solvers", "random"]
    regret.main([*arguments, "--budgets", "30", "5", "--seeds", "2", "--page", str(page)])
    text = page.read_text()
    assert text.startswith("before\n<!-- regret -->\nRegret at a budget")
    assert text.endswith("<!-- /regret -->\nafter\n")
    assert "old" not in text
    assert "| variant | solver | 5 | 30 |" in text
    assert "Runs with a budget of 30:" in text
    with pytest.raises(ValueError, match="must hold <!-- regret -->"):
        regret.write_into(tmp_path / "runs" / "regret.md", "")


def test_hypervolume_by_hand():
    """Reference (4, 4): 1 x 3 above (3, 1), then 1 x 2 above (2, 2); (2.5, 3) is dominated, (5, 0) lies beyond."""
    sweep = load("lambda_sweep")
    error, cost = np.array([2.0, 3.0, 2.5, 5.0]), np.array([2.0, 1.0, 3.0, 0.0])
    assert sweep.hypervolume(error, cost, (4.0, 4.0)) == pytest.approx(1 * 3 + 1 * 2)


def test_the_exact_front_has_all_of_itself():
    sweep = load("lambda_sweep")
    problem = synthetic_problem(1)
    front = pareto_front(problem)
    whole = sweep.Sweep(front.error_pct, front.cost, 0.0)
    assert whole.on_front == len(front)
    assert whole.share_of_front(front) == pytest.approx(1.0)
    assert whole.share_of_weights(front, problem) == 1.0


def test_a_solver_of_one_optimum_is_run_once_per_lambda():
    sweep = load("lambda_sweep")
    problem = synthetic_problem(1)
    found = sweep.sweep(DanceExact(), problem, budget=1100, seed=0)
    assert found.share_of_weights(pareto_front(problem), problem) == 1.0


def test_limits_are_counted_as_met_or_not(run):
    limits = load("limits")
    best = run.best_objective
    impossible = dataclasses.replace(run, trace=dataclasses.replace(run.trace, violation=np.ones(len(run.trace))))
    assert limits.row([run, impossible], best) == "1/2 | 0.000 | 0.000 | 50 %"
    assert limits.row([impossible], best).startswith("0/1 | – | –")


def test_solvers_are_changed_one_thing_at_a_time():
    limits = load("limits")
    changed = limits.changed(DanceExact())
    assert changed[""] == DanceExact()
    assert changed["no HDX"] == DanceExact(hdx=None)
    assert changed["no refinement"].rounds.vertex_queries == 0
    assert changed["no refinement"].hdx is not None
    assert changed["neither"].rounds.vertex_queries == 0
    assert changed["neither"].hdx is None
