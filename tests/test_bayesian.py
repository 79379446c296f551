"""Optuna's TPE, over designs and over networks."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from dance_env.tasks import make_problem
from solvers import make_solver

pytest.importorskip("optuna", reason="needs Optuna (extra 'optuna')")


@pytest.mark.parametrize("name", ["tpe", "network-tpe"])
def test_the_same_seed_gives_the_same_trace(name: str) -> None:
    runs = [make_solver(name, starts=5).solve("tiny/balanced", budget=25, seed=seed) for seed in (1, 1, 2)]
    assert np.array_equal(runs[0].trace.designs, runs[1].trace.designs)
    assert not np.array_equal(runs[0].trace.designs, runs[2].trace.designs)


def test_it_is_better_than_random_and_prefers_feasible_designs() -> None:
    problem = make_problem("macro-cifar10/latency-limited")
    found, drawn = (
        [make_solver(name).solve(problem, budget=120, seed=seed) for seed in range(3)] for name in ("tpe", "random")
    )
    assert np.median([run.best_objective for run in found]) < np.median([run.best_objective for run in drawn])
    assert np.mean([run.trace.feasible[60:].mean() for run in found]) > 0.2  # 7 % of random designs are


def test_over_networks_each_gets_its_best_accelerator() -> None:
    problem = make_problem("macro-cifar10/edap")
    run = make_solver("network-tpe", starts=5).solve(problem, budget=10, seed=0)
    networks = run.trace.designs[:, problem.space.network]
    chosen = problem.accelerator_space.index(run.trace.designs[:, problem.space.hardware])
    assert np.array_equal(problem.best_hardware(networks), chosen)


def test_without_optuna_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ValueError, match=r"pip install 'dance-env\[optuna\]'"):
        make_solver("tpe").solve("tiny/balanced", budget=5, seed=0)


@pytest.mark.parametrize("setting", ["starts", "batch"])
def test_settings_are_checked(setting: str) -> None:
    with pytest.raises(ValueError, match=f"{setting} is at least 1, not 0"):
        make_solver("tpe", **{setting: 0})
