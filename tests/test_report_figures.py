"""Figures of a report: what must be visible is, and colors do not depend on who else is compared."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from dance_env.tasks import make_problem
from dance_env.testing import synthetic_problem
from solvers import make_solver
from solvers.catalog import solver_names
from solvers.comparison.reference import Reference
from solvers.comparison.run import Run, TaskRuns
from solvers.contract.result import Status
from solvers.report import page
from solvers.report.anytime import Measure, spreads
from solvers.report.curves import plot_best_so_far
from solvers.report.palette import DARK_PAPER, LEAST_CONTRAST, contrast, solver_colors, solver_styles
from solvers.report.plane import CostAxis, Front, plot_plane


def test_a_solver_keeps_its_color_whatever_it_is_compared_with():
    both = solver_colors(["mine", "dance", "ppo"])
    assert solver_colors(["ppo"])["ppo"] == both["ppo"]
    assert solver_colors(["random", "mine"])["mine"] == both["mine"]


def test_no_two_solvers_look_alike():
    names = [*solver_names(), *(f"dance:{number}" for number in range(9))]
    styles = solver_styles(
        [name for name in names if name != "dance-images"]
    )  # the same method on another kind of task
    assert len({style.color for style in styles.values()}) == len(styles)
    assert len({(style.marker, style.dash) for name, style in styles.items() if name.startswith("network")}) > 2


def test_every_color_stands_out_on_white_and_in_the_dark():
    styles = solver_styles([*solver_names(), *(f"dance:{number}" for number in range(40))])
    for label, style in styles.items():
        assert contrast(style.color, "#ffffff") >= LEAST_CONTRAST, label
        assert contrast(style.dark_color, DARK_PAPER) >= LEAST_CONTRAST, label
    assert contrast("#ffffff", "#000000") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)  # WCAG's own example of a near miss


@pytest.fixture(scope="module")
def results():
    problem = synthetic_problem(0)
    return {
        name: [make_solver(name).solve(problem, budget=40, seed=seed) for seed in (0, 1)]
        for name in ("random", "evolution")
    }


def drawn(monkeypatch, draw, *arguments, **settings):
    """Return the axes that a plot function draws on."""
    kept = []
    monkeypatch.setattr("solvers.report.curves.save_figure", lambda _, axes, **given: kept.append((axes, given)))
    monkeypatch.setattr("solvers.report.plane.save_figure", lambda _, axes, **given: kept.append((axes, given)))
    draw(*arguments, **settings)
    return kept[0]


def test_rings_of_equal_ends_lie_around_each_other(monkeypatch, results, tmp_path):
    same = {"a": results["random"], "b": results["random"], "c": results["random"]}
    front = Front.best_known(results["random"], "cost")
    axes, _ = drawn(
        monkeypatch, plot_plane, same, front, axis=CostAxis("cost", "cost"), path=tmp_path / "p.png", title="t"
    )
    rings = [each for each in axes.collections if len(each.get_facecolor()) == 0]
    sizes = [each.get_sizes()[0] for each in rings]
    assert len(rings) == 3
    assert sizes == sorted(set(sizes), reverse=True)


def test_the_figure_says_where_zero_is_drawn(monkeypatch, results, tmp_path):
    best = min(run.best_objective for runs in results.values() for run in runs)
    assert best > 0
    axes, given = drawn(
        monkeypatch,
        plot_best_so_far,
        results,
        Reference(best, exact=True),
        against="queries",
        path=tmp_path / "p.png",
        title="t",
    )
    assert "Band: least to greatest" in given["caption"]
    assert "A regret of zero is drawn at 0.01 %" in given["caption"]
    assert all(np.min(line.get_ydata()) >= 1e-2 for line in axes.lines if len(line.get_xdata()) > 2)


def test_figures_are_drawn_where_nothing_was_found(results, tmp_path):
    empty = {"none": [_without_rows(results["random"][0])]}
    unknown = Reference.best_known([each for runs in empty.values() for each in runs])
    plot_best_so_far(empty, unknown, against="queries", path=tmp_path / "a.png", title="t")
    plot_plane(
        empty,
        Front.best_known(empty["none"], "cost"),
        axis=CostAxis("cost", "cost"),
        path=tmp_path / "b.png",
        title="t",
    )
    assert (tmp_path / "a.png").stat().st_size > 1000
    assert (tmp_path / "b.png").stat().st_size > 1000


def _without_rows(result):
    return dataclasses.replace(result, trace=result.trace[:0])


def test_a_label_that_no_font_can_draw_is_drawn_as_its_escape(results, tmp_path):
    labeled = {"a\udcff\x07$b$": results["random"]}
    path = tmp_path / "curve.svg"
    plot_best_so_far(labeled, Reference(0.0, exact=True), against="queries", path=path, title="t\udcff")
    assert "a\\udcff\\x07" in path.read_text()


def test_vector_formats_stand_beside_the_png(results, tmp_path):
    path = tmp_path / "curve.png"
    plot_best_so_far(
        results,
        Reference(0.0, exact=True),
        against="seconds",
        path=path,
        title="a $x$ title",
        formats=("svg", "pdf"),
    )
    assert path.read_bytes().startswith(b"\x89PNG")
    assert "a $x$ title" in path.with_suffix(".svg").read_text()  # as text, not as outlines
    pdf = path.with_suffix(".pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert b"/Type3" not in pdf.replace(b" ", b"")


def runs_of(*paths, complete=True):
    """Runs whose trace has these objectives, one evaluation a row."""
    problem = synthetic_problem(0)
    run = make_solver("random").solve(problem, budget=len(paths[0]), seed=0)
    return [
        dataclasses.replace(
            run,
            trace=dataclasses.replace(run.trace, objective=np.array(path, float), violation=np.zeros(len(path))),
            status=Status.BUDGET_SPENT if complete else Status.FAILED,
        )
        for path in paths
    ]


def test_median_and_range_of_step_functions_are_exact():
    measure = Measure.of(Reference(1.0, exact=True))
    runs = runs_of([5.0, 4.0, 4.0, 1.0], [3.0, 3.0, 3.0, 3.0], [2.0, 9.0, 1.5, 9.0])
    spread = spreads({"s": runs}, measure, "queries")["s"]
    assert spread.x.tolist() == [1, 2, 3, 4]
    assert spread.median.tolist() == [200.0, 200.0, 200.0, 50.0]
    assert spread.low.tolist() == [100.0, 100.0, 50.0, 0.0]
    assert spread.high.tolist() == [400.0, 300.0, 300.0, 200.0]
    grid = np.linspace(1, 4, 50)
    dense = [measure.height(run.trace.best_so_far())[np.floor(grid).astype(int) - 1] for run in runs]
    at = np.searchsorted(spread.x, grid, side="right") - 1
    assert np.array_equal(np.median(dense, axis=0), spread.median[at])


def test_a_run_that_failed_or_found_nothing_counts_as_the_worst():
    measure = Measure.of(Reference(1.0, exact=True))
    good, failed = runs_of([2.0, 1.0]), runs_of([1.0, 1.0], complete=False)
    assert spreads({"s": good + failed}, measure, "queries") == {}  # the upper median of two is the worse one
    both = spreads({"s": good + good + failed}, measure, "queries")["s"]
    assert both.median.tolist() == [100.0, 0.0]
    assert np.isinf(both.high).all()


def test_a_regret_is_a_share_of_the_optimum_and_an_objective_stays_one():
    share = Measure.of(Reference(20.0, exact=True, proved=True))
    assert share.label == "regret (% of the proved optimum)"
    assert share.height(np.array([21.0, 20.0, 20.0 - 1e-13, np.inf])).tolist() == [5.0, 0.0, 0.0, np.inf]
    plain = Measure.of(Reference(20.0, exact=False), error_name="perplexity")
    assert (plain.label, plain.logarithmic) == ("objective (in units of perplexity)", False)
    assert plain.height(np.array([21.0])).tolist() == [21.0]


@pytest.mark.parametrize("ending", ["pdf", "svg"])
def test_vector_formats_are_written(results, tmp_path, ending):
    path = tmp_path / f"curve.{ending}"
    plot_best_so_far(results, Reference(0.0, exact=True), against="seconds", path=path, title="a $x$ title")
    assert path.stat().st_size > 1000


def test_the_front_that_ships_is_drawn_where_there_is_one():
    problem = make_problem("accel-nasbench/edap")
    front = Front.shipped(problem, "edap_js_mm2")
    assert "certified front" in front.name
    assert (np.diff(front.cost) > 0).all()
    assert (np.diff(front.error_pct) < 0).all()
    found = make_solver("random").solve(problem, budget=20, seed=0).trace
    above = np.searchsorted(front.cost, found.edap_js_mm2, side="right") - 1
    assert (found.error_pct[above >= 0] >= front.error_pct[above[above >= 0]]).all()
    assert Front.shipped(make_problem("accel-nasbench/linear"), "edap_js_mm2") is None
    exact = Front.shipped(make_problem("gpt-s/edap"), "cost")
    assert (exact.name, len(exact.cost)) == ("certified front (exact)", 769)
    assert Front.shipped(problem, "latency_s") is None


def test_a_page_of_a_proved_task_shows_the_front_that_ships():
    problem = make_problem("accel-nasbench/edap")
    runs = (Run("t", "random", "", make_solver("random").solve(problem, budget=5, seed=0)),)
    task = TaskRuns("t", problem, Reference.shipped(problem), runs)
    assert "certified" in page._front(task, "edap_js_mm2").name
