"""Where the latency and the energy of the best design go, on the page of a comparison."""

from __future__ import annotations

import pytest
from report_pages import Page, write_page

from dance_env.analysis.exact import optimum
from dance_env.tasks import make_problem
from dance_env.testing import synthetic_problem
from solvers import make_solver
from solvers.comparison.reference import Reference
from solvers.comparison.run import Comparison, Run, TaskRuns
from solvers.comparison.settings import Settings
from solvers.report.html.why import bars_of


def test_the_shares_are_those_of_the_evaluation():
    problem = make_problem("tiny/edap")
    latency, energy = bars_of(problem, optimum(problem).design)
    for bar in (latency, energy):
        assert sum(share.percent for share in bar.shares) == pytest.approx(100)
    assert [share.name for share in energy.shares] == ["MAC", "RF", "GLB", "DRAM"]
    assert {share.name for share in latency.shares} <= {"compute", "GLB reads", "GLB writes", "DRAM bandwidth"}


def test_nothing_is_said_where_it_is_not_known():
    problem = synthetic_problem(0)
    assert bars_of(problem, problem.space.unrank([0])[0]) == ()


def test_the_page_shows_them_for_the_best_design(tmp_path):
    problem = make_problem("tiny/edap")
    runs = tuple(
        Run(problem.name, "random", "digest", make_solver("random").solve(problem, budget=20, seed=s)) for s in (0, 1)
    )
    task = TaskRuns(problem.name, problem, Reference.of(optimum(problem)), runs)
    settings = Settings(tasks=[problem], solvers=["random"], out=tmp_path, budget=20)
    text = write_page(Comparison(settings, (task,), ()), tmp_path).read_text(encoding="utf-8")
    best = min((run.result for run in runs), key=lambda result: result.best_objective)
    shown = [each for each in Page(text).root.every() if each.attributes.get("class") == "why"]
    assert len(shown) == 1
    for bar in bars_of(problem, best.best_design):
        for share in bar.shares:
            assert f"{share.name} {share.percent:.0f} %" in text
    assert len(text) < 1_000_000
