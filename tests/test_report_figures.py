"""Figures of a report: what must be visible is, and colors do not depend on who else is compared."""

from __future__ import annotations

import numpy as np
import pytest

from dance_env.testing import synthetic_problem
from solvers import make_solver
from solvers.catalog import solver_names
from solvers.comparison.reference import Reference
from solvers.report.curves import plot_best_so_far
from solvers.report.palette import solver_colors
from solvers.report.plane import CostAxis, Front, plot_plane


def test_a_solver_keeps_its_color_whatever_it_is_compared_with():
    both = solver_colors(["mine", "dance", "ppo"])
    assert solver_colors(["ppo"])["ppo"] == both["ppo"]
    assert solver_colors(["random", "mine"])["mine"] == both["mine"]


def test_no_two_solvers_look_alike():
    names = [*solver_names(), *(f"dance:{number}" for number in range(9))]
    colors = solver_colors(
        [name for name in names if name != "dance-images"]
    )  # the same method on another kind of task
    assert len(set(colors.values())) == len(colors)


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
    assert "A regret of zero is drawn at 0.001" in given["caption"]
    assert all(np.min(line.get_ydata()) >= 1e-3 for line in axes.lines if len(line.get_xdata()) > 2)


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
    from dataclasses import replace

    return replace(result, trace=result.trace[:0])


@pytest.mark.parametrize("ending", ["pdf", "svg"])
def test_vector_formats_are_written(results, tmp_path, ending):
    path = tmp_path / f"curve.{ending}"
    plot_best_so_far(results, Reference(0.0, exact=True), against="seconds", path=path, title="a $x$ title")
    assert path.stat().st_size > 1000
