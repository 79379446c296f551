"""The CIFAR-10 experiment: its plan, its statistics against hand-worked cases, and its report of a part of the runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

pytest.importorskip("torch")

from experiments.images_cifar10.__main__ import main
from experiments.images_cifar10.page import take_over, write_page
from experiments.images_cifar10.plan import LAMBDAS, RANKED, SEEDS, Ranked, Search, pieces
from experiments.images_cifar10.statistics import McNemar, gain, over_seeds, pairs, ranking

IMAGES = 1_000


def row(term: str, lambda2: float, seed: int, *, wrong: range, edap: float) -> dict[str, Any]:
    return {
        "term": term,
        "lambda2": lambda2,
        "seed": seed,
        "network": [0] * 6,
        "macs": 1_000_000,
        "test_images": IMAGES,
        "wrong": list(wrong),
        "error_pct": 100.0 * len(wrong) / IMAGES,
        "edap_js_mm2": edap,
    }


def test_the_plan_has_every_search_once_before_the_ranking() -> None:
    plan = list(pieces())
    searches = [piece for piece in plan if isinstance(piece, Search)]
    assert len({piece.name for piece in plan}) == len(plan) == len(SEEDS) * (1 + 3 * len(LAMBDAS)) + RANKED
    assert [piece.seed for piece in searches] == sorted(piece.seed for piece in searches)
    assert len({piece.network for piece in plan if isinstance(piece, Ranked)}) == RANKED


def test_paired_errors_as_worked_by_hand() -> None:
    """The first is wrong on 0..99, the second on 70..149: 70 and 50 images alone; 20 of 1,000 more."""
    found = McNemar.of(row("table", 1, 0, wrong=range(100), edap=1), row("macs", 1, 0, wrong=range(70, 150), edap=1))
    assert found.difference_pct == pytest.approx(2.0)
    assert found.half_pct == pytest.approx(196 * np.sqrt((120 - 0.4) / IMAGES**2))
    assert found.p == pytest.approx(stats.binomtest(70, 120).pvalue)
    assert McNemar.of(row("table", 1, 0, wrong=range(9), edap=1), row("macs", 1, 0, wrong=range(9), edap=1)).p == 1.0


def test_an_interval_over_seeds_needs_two() -> None:
    assert over_seeds([1.0, 2.0, 3.0]).low == pytest.approx(2.0 - 4.302653 / np.sqrt(3))
    assert over_seeds([1.0]).text == "1.00"


def test_pairs_are_of_the_same_seed_and_lambda2() -> None:
    rows = [
        row("table", 0.2, 0, wrong=range(9), edap=1),
        row("table", 0.2, 1, wrong=range(9), edap=1),
        row("macs", 0.2, 1, wrong=range(9), edap=1),
        row("macs", 1.0, 0, wrong=range(9), edap=1),
        row("none", 0.0, 0, wrong=range(9), edap=1),
    ]
    assert [mine["seed"] for mine, _ in pairs(rows, "table", "macs", 0.2)] == [1]
    assert [other["term"] for _, other in pairs(rows, "table", "none", 0.2)] == ["none"]


def test_the_gain_at_equal_error_as_worked_by_hand() -> None:
    rows = [
        row("table", 0.2, 0, wrong=range(300), edap=2.0),
        row("evaluator", 0.2, 0, wrong=range(200), edap=4.0),
        row("macs", 0.2, 0, wrong=range(350), edap=6.0),  # the table's design errs less and costs a third
        row("macs", 1.0, 0, wrong=range(250), edap=6.0),  # the evaluator's alone errs less: 6 / 4
        row("none", 0.0, 0, wrong=range(100), edap=9.0),  # no joint design errs as little
    ]
    found = gain(rows, "macs")
    assert found.gains == (3.0, 1.5)
    assert found.interval.mean == pytest.approx(np.sqrt(4.5))
    assert found.unmatched == 0
    assert gain(rows, "none").gains == (0.0,)
    assert gain(rows, "none").unmatched == 1


def test_a_ranking_that_agrees_is_1() -> None:
    found = ranking(np.arange(8.0), np.arange(8.0) ** 2)
    assert (found.tau, found.low, found.high) == pytest.approx((1, 1, 1))


def test_the_report_of_what_has_run_so_far(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = tmp_path / "out" / "records"
    with pytest.raises(FileNotFoundError, match="holds no record of a search; run the experiment first"):
        write_page(records, tmp_path)
    records.mkdir(parents=True)
    plan = list(pieces())
    for number, piece in enumerate(plan[:12]):
        assert isinstance(piece, Search)
        found = row(piece.term, piece.lambda2, piece.seed, wrong=range(300 + number), edap=1e-9 / (1 + piece.lambda2))
        (records / f"{piece.name}.json").write_text(json.dumps(found))
    for piece in plan[-6:]:
        assert isinstance(piece, Ranked)
        each = {"network": list(piece.network), "macs": piece.number}
        each |= {"supernet_accuracy": piece.number / 50, "scratch_accuracy": piece.number / 50}
        (records / f"{piece.name}.json").write_text(json.dumps(each))
    assert main(["--out", str(tmp_path / "out"), "--report", str(tmp_path / "report")]) == 0
    text = (tmp_path / "report" / "report.md").read_text()
    assert "12 of 30 searches and 6 of 30 trainings of the ranking have run; seeds that are complete: 0." in text
    assert "- supernet: 1.00 (1.00 to 1.00)" in text
    assert {path.name for path in (tmp_path / "report").iterdir()} == {"report.md", "runs.json", "error_edap.png"}
    others = tmp_path / "elsewhere" / "records"
    take_over(tmp_path / "report", others)
    assert {path.name: json.loads(path.read_text()) for path in others.iterdir()} == {
        path.name: json.loads(path.read_text()) for path in records.iterdir()
    }
    with pytest.raises(FileNotFoundError, match="no report to take pieces from"):
        take_over(tmp_path, others)
