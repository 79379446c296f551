"""The experiment on search cost: its page comes from its record, and readings are what traces say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dance_env.tasks import make_problem
from experiments.search_cost.break_even import break_even_rows
from experiments.search_cost.measure import Reading, load, merged, read, save
from experiments.search_cost.page import feasible_table, median_interval, write_page
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


def test_the_table_of_feasible_runs_on_the_page_is_the_reports() -> None:
    page, report = ((RECORD / path).read_text().splitlines() for path in ("../../who_wins.md", "report.md"))
    heading = "### Runs with a feasible design, and their regret"
    assert report.count(heading) == 1, "on accel-nasbench/edap every run has a design"
    table = [line for line in report[report.index(heading) :] if line.startswith("|")]
    table = table[: next(row for row, line in enumerate(table) if row and line.startswith("| solver |"))]
    assert len(table) > 12
    start = page.index(table[0])
    assert page[start : start + len(table)] == table


def test_feasible_runs_are_counted_at_each_amount() -> None:
    infinite = float("inf")
    rows = [
        *(reading("half", 30, regret, seed=seed) for seed, regret in enumerate((1.0, infinite))),
        *(reading("half", 100, 1.0, seed=seed) for seed in range(2)),
        *(reading("never", amount, infinite) for amount in (30, 100, 300)),
        *(reading("best", 100, 0.5, seed=seed) for seed in range(2)),
    ]
    header, _, *lines = feasible_table(rows)
    assert header == "| solver | access | 30: runs | regret % | 100: runs | regret % | 300: runs | regret % |"
    assert lines == [
        "| best | values | – | – | 2/2 | 0.50 [0.50, 0.50] | – | – |",
        "| half | values | 1/2 | inf [1.00, inf] | 2/2 | 1.00 [1.00, 1.00] | – | – |",
        "| never | values | 0/1 | inf [inf, inf] | 0/1 | inf [inf, inf] | 0/1 | inf [inf, inf] |",
    ]


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


def test_solvers_can_be_measured_by_themselves_and_are_added_to_the_record() -> None:
    found = list(groups(("accel-nasbench/edap",), solvers=("dance-refined", "tpe")))
    assert {solver for group in found for solver in group.solvers} == {"dance-refined", "tpe"}
    some = list(groups(("accel-nasbench/latency-limited",), budgets=("100networks", "300networks")))
    assert {group.budget for group in some} == {"100networks", "300networks"}
    old = [reading("random", 10, 5.0), reading("tpe", 10, 4.0)]
    new = [reading("tpe", 10, 3.0), reading("tpe", 30, 2.0)]
    assert merged(old, new) == [old[0], *new]


def reading(
    solver: str, amount: float, regret: float, *, hours: float = 0.0, supernet: float = 0.0, seed: int = 0
) -> Reading:
    return Reading(
        "solvers", "t", "", solver, "values", seed, "networks", amount, regret, 1, hours + supernet, supernet, 0, 0, 0.0
    )


def test_break_even_is_worked_out_by_hand() -> None:
    """100 h a design against 10 h and a supernet of 200 h at k = 4: 3 designs; 400 h at k = 8 would be 5."""
    rows = [
        reading("slow", 10, 30.0, hours=20.0),
        reading("slow", 100, 0.5, hours=100.0),
        reading("quick", 10, 0.5, hours=10.0, supernet=200.0),
    ]
    cells = {row[0]: row[1:] for row in break_even_rows(rows)}
    assert cells["1 %"] == ("slow, 100 GPU-hours", "quick, 10 GPU-hours", "1", "1", "2", "3", "6")
    assert cells["0.1 %"][:2] == ("nobody", "nobody")
    assert cells["0.1 %"][2:] == ("never",) * 5
    assert cells["20 %"][0] == "slow, 100 GPU-hours"
