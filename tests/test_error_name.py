"""An error with a name of its own, such as perplexity, has it in sentences, cards, pictures and tables."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dance_env.accuracy import NamedError, TensorAccuracy
from dance_env.analysis.exact import optimum
from dance_env.envs import CoDesignEnv
from dance_env.objective import Constraint
from dance_env.problem import Problem
from dance_env.testing import synthetic_problem
from solvers.comparison.reference import Reference
from solvers.comparison.run import Comparison, Run, TaskRuns
from solvers.comparison.settings import Settings
from solvers.methods.random_search import RandomSearch
from solvers.report.page import write_report


@dataclass(frozen=True, eq=False)
class Perplexities(TensorAccuracy):
    error_name: str = "perplexity"


@pytest.fixture
def problem() -> Problem:
    made = synthetic_problem(0, constraints=(Constraint("error_pct", 40.0),))
    assert isinstance(made.accuracy, TensorAccuracy)
    return replace(made, accuracy=Perplexities(made.accuracy.tensor))


def test_a_problem_asks_its_accuracy_model(problem: Problem) -> None:
    assert isinstance(problem.accuracy, NamedError)
    assert problem.error_name == "perplexity"
    assert synthetic_problem(0).error_name == "error"
    assert "; perplexity + 1 x " in repr(problem)
    assert str(problem.objective).startswith("error + 1 x ")


def test_cards_and_pictures_of_an_environment_name_it(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    env = CoDesignEnv(problem, render_mode="ansi")
    env.reset(seed=0)
    env.step(env.action_space.sample())
    card: Any = env.render()
    assert " perplexity + " in card
    assert "perplexity ≤ 40 points" in " ".join(card.replace("│", " ").split())
    texts: list[str] = []
    from dance_env.drawing.canvas import Canvas

    monkeypatch.setattr(Canvas, "text", lambda self, x, y, text, **style: texts.append(text))
    picture = CoDesignEnv(problem, render_mode="rgb_array")
    picture.reset(seed=0)
    picture.step(picture.action_space.sample())
    picture.render()
    assert any(text.startswith("perplexity ") for text in texts)


def test_reports_name_it(problem: Problem, tmp_path: Path) -> None:
    reference = Reference.of(optimum(problem, cache_dir=tmp_path / "cache"))
    result = RandomSearch().solve(problem, budget=30, seed=0)
    task = TaskRuns(problem.name, problem, reference, (Run(problem.name, "random", "digest", result),))
    settings = Settings(tasks=problem, solvers=[RandomSearch()], out=tmp_path / "out", budget=30)
    write_report(Comparison(settings, (task,)), command=())
    page = next((tmp_path / "out").rglob("report.md")).read_text()
    assert "| perplexity |" in page
    assert "error %" not in page


def test_evaluations_are_perplexities(problem: Problem) -> None:
    designs = problem.space.sample(np.random.default_rng(0), 5)
    evaluation = problem.evaluate(designs)
    np.testing.assert_allclose(evaluation.error_pct, 100.0 * (1.0 - evaluation.accuracy))
