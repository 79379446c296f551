"""The experiment on search cost: its page comes from its record, and readings are what traces say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dance_env.tasks import make_problem
from experiments.search_cost.measure import load, read, save
from experiments.search_cost.page import median_interval, write_page
from experiments.search_cost.plan import BLIND, BLIND_BUDGET, Group, groups
from solvers import make_solver

RECORD = Path(__file__).parents[1] / "docs" / "records" / "search_cost"


def test_the_report_is_the_records(tmp_path: Path) -> None:
    readings = load(RECORD / "readings.csv.gz")
    write_page(readings, tmp_path)
    assert (tmp_path / "report.md").read_text() == (RECORD / "report.md").read_text()


def test_the_figures_of_the_page_are_the_records() -> None:
    """Every percentage with two decimals on docs/who_wins.md stands in the report."""
    import re

    page = (RECORD.parents[1] / "who_wins.md").read_text()
    report = (RECORD / "report.md").read_text()
    figures = set(re.findall(r"\d+\.\d\d(?= %)", page))
    assert len(figures) > 8
    assert all(f" {figure} [" in report for figure in figures)


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    readings = load(RECORD / "readings.csv.gz")
    save(readings, tmp_path / "again.csv.gz")
    assert load(tmp_path / "again.csv.gz") == readings
    assert (tmp_path / "again.csv.gz").read_bytes() == (RECORD / "readings.csv.gz").read_bytes()


def test_a_long_run_is_read_at_every_amount() -> None:
    task = "accel-nasbench/edap"
    result = make_solver("random").solve(make_problem(task), budget="40networks", seed=0)
    found = read(Group("solvers", task, "", BLIND, BLIND_BUDGET), result, 34.0)
    at = {(each.unit, each.amount): each for each in found}
    best = result.trace.best_so_far()
    assert at["networks", 10].regret_pct == pytest.approx(100 * (best[9] / 34.0 - 1))
    assert at["networks", 10].networks == 10
    rows = int((result.trace.gpu_hours <= 25).sum())
    assert at["gpuh", 25].regret_pct == pytest.approx(100 * (best[rows - 1] / 34.0 - 1))
    assert at["gpuh", 25].gpu_hours <= 25


def test_medians_have_bootstrap_intervals() -> None:
    assert median_interval([2.0] * 10) == (2.0, 2.0, 2.0)
    middle, low, high = median_interval(list(np.arange(11.0)))
    assert middle == 5.0
    assert low < middle < high
    assert median_interval([1.0, np.inf, np.inf])[0] == np.inf


def test_every_group_has_a_folder_of_its_own() -> None:
    folders = [group.folder for group in groups()]
    assert len(set(folders)) == len(folders)
