"""The experiment on fronts: its page comes from its record, hypervolumes are right, budgets are equal."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dance_env.accuracy.imperfect import ImperfectAccuracy
from experiments.conditional_front.measure import (
    Points,
    load,
    load_fronts,
    measure,
    merged,
    save,
    save_fronts,
    share_of,
    true_front,
)
from experiments.conditional_front.page import write_page
from experiments.conditional_front.plan import (
    DEADLINES,
    LIMITED,
    NSGA,
    SOLVERS,
    SWEEP,
    Cell,
    at_deadline,
    cells,
    problem_of,
)
from solvers.contract.solver import Solver

RECORD = Path(__file__).parents[1] / "docs" / "records" / "conditional_front"


def test_the_report_is_the_records(tmp_path: Path) -> None:
    write_page(load(RECORD / "readings.csv.gz"), load_fronts(RECORD / "fronts.csv.gz"), tmp_path)
    assert (tmp_path / "report.md").read_text() == (RECORD / "report.md").read_text()
    assert {each.name for each in tmp_path.glob("*.svg")} == {each.name for each in RECORD.glob("*.svg")} != set()


def test_the_figures_of_the_page_are_the_records() -> None:
    page = (RECORD.parents[1] / "dance.md").read_text().split("## Pareto fronts")[1].split("\n## ")[0]
    report = (RECORD / "report.md").read_text()
    figures = re.findall(r"\d+\.\d \(\d+\.\d\)", page)
    assert len(figures) >= 20
    assert all(figure in report for figure in figures)


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    readings = load(RECORD / "readings.csv.gz")
    save(readings, tmp_path / "again.csv.gz")
    assert (tmp_path / "again.csv.gz").read_bytes() == (RECORD / "readings.csv.gz").read_bytes()
    assert len({each.seed for each in readings if each.part == "front"}) >= 5


def test_what_is_not_run_again_stays_on_record(tmp_path: Path) -> None:
    readings = load(RECORD / "readings.csv.gz")
    again = [replace(readings[1], share=0.5), replace(readings[0], seed=99)]
    assert merged(readings, again) == [readings[0], again[0], *readings[2:], again[1]]
    fronts = load_fronts(RECORD / "fronts.csv.gz")
    save_fronts(fronts, tmp_path / "again.csv.gz")
    assert (tmp_path / "again.csv.gz").read_bytes() == (RECORD / "fronts.csv.gz").read_bytes()


def test_hypervolume_by_hand() -> None:
    front = Points(np.array([10.0, 5.0, 0.0]), np.array([0.0, 1.0, 2.0]))
    # Scaled, error and cost: (1, 0), (0.5, 0.5), (0, 1), up to (1.1, 1.1). Width in cost x height in error, from the left:
    whole = 0.5 * 0.1 + 0.5 * 0.6 + 0.1 * 1.1
    assert share_of(front, front) == pytest.approx(1.0)
    assert share_of(Points(np.array([5.0]), np.array([1.0])), front) == pytest.approx(0.36 / whole)
    beyond = Points(np.array([5.0, 50.0, -1.0]), np.array([1.0, 0.5, 9.0]))  # two of them outside the reference point
    assert share_of(beyond, front) == pytest.approx(0.36 / whole)
    assert share_of(Points(np.empty(0), np.empty(0)), front) == 0.0


def test_no_solver_has_more_than_the_budget() -> None:
    for cell in cells(("deadlines",)):
        runs = list(cell.runs())
        assert len(runs) == (len(DEADLINES) if cell.solver in (SWEEP, NSGA) else 1)
        problem = runs[0][1]
        supernet = problem.supernet_trainings if cell.solver == SWEEP else 0.0
        if cell.budget.endswith("networks"):
            spent = sum((each[3].networks or 0) - supernet for each in runs) + supernet
            assert int(cell.budget.removesuffix("networks")) - 3 < spent <= int(cell.budget.removesuffix("networks"))
        else:
            hours = (problem.supernet_gpu_hours or 0.0) if cell.solver == SWEEP else 0.0
            total = sum((each[3].gpu_hours or 0.0) - hours for each in runs) + hours
            assert total == pytest.approx(float(cell.budget.removesuffix("gpuh")))
    assert {each.solver for each in cells()} == set(SOLVERS)


def test_a_deadline_multiplies_the_limit() -> None:
    problem = next(Cell("front", LIMITED, NSGA, "10networks").runs())[1]
    assert at_deadline(problem, 1.5).objective.constraints[0].limit == pytest.approx(1.5 / 3000)


def test_a_task_with_an_imperfect_supernet_has_a_bill() -> None:
    (cell, *_) = cells(("supernet",))
    ((_, problem, _, _),) = cell.runs()
    exact = problem_of(cell.task)
    networks = exact.space.sample(np.random.default_rng(0), 8)[:, exact.space.network]
    np.testing.assert_array_equal(problem.training_gpu_hours(networks), exact.training_gpu_hours(networks))
    np.testing.assert_array_equal(problem.accuracies(networks), exact.accuracies(networks))  # gradients alone err
    assert problem.supernet_gpu_hours == exact.supernet_gpu_hours
    assert isinstance(problem.accuracy, ImperfectAccuracy)


def test_a_run_is_kept_and_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell("front", "macro-cifar10/edap", NSGA, "10networks")
    first, points = measure(cell, 0, tmp_path)
    monkeypatch.setattr(Solver, "solve", None)
    again, _ = measure(cell, 0, tmp_path)
    assert again == first
    assert 0.0 < first[0].share < 1.0
    assert first[0].networks == 10
    assert share_of(points[1.0], true_front("macro-cifar10/edap")) == first[0].share
    (damaged,) = tmp_path.glob("*.npz")
    damaged.write_bytes(b"")
    with pytest.raises(TypeError):  # it is run again
        measure(cell, 0, tmp_path)
