"""The record of `experiments.tuning`: its page is made from its rows, its rows from its trials."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from dance_env.tasks import make_problem
from experiments.tuning import Tuning, _read, _write, spaces_of

RECORD = Path(__file__).parents[1] / "docs" / "records" / "tuning"


@pytest.fixture(scope="module")
def trials() -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    with (RECORD / "trials.csv").open(newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            found.setdefault(line["solver"], []).append(line)
    return found


def test_the_page_is_the_rows(tmp_path: Path) -> None:
    stated = json.loads((RECORD / "tuning.json").read_text(encoding="utf-8"))
    _write(tmp_path, Tuning(**stated), _read(RECORD / "tuning.csv"))
    for name in ("tuning.csv", "tuning.md"):
        assert (tmp_path / name).read_bytes() == (RECORD / name).read_bytes()


def test_the_rows_are_the_trials(trials: dict[str, list[dict[str, str]]]) -> None:
    rows = _read(RECORD / "tuning.csv")
    assert {row.solver for row in rows} == set(trials)
    for row in rows:
        scores = [float(line["score"]) for line in trials[row.solver]]
        assert len(scores) == 12
        assert scores[0] == pytest.approx(row.trial_default, abs=1e-4)
        assert min(scores) == pytest.approx(row.trial_tuned, abs=1e-4)
        assert max(scores) == pytest.approx(row.trial_worst, abs=1e-4)
        assert trials[row.solver][scores.index(min(scores))]["settings"] == row.settings


def test_every_row_says_on_which_design_spaces_it_was_made() -> None:
    for row in _read(RECORD / "tuning.csv"):
        assert row.spaces.startswith("gpt-m/edap: ")
        assert "; macro-cifar10/balanced@dance-buffers: " in row.spaces


def test_spaces_are_told_apart_by_fingerprint_and_size() -> None:
    tiny, more = (spaces_of({"task": make_problem(name)}) for name in ("tiny", "tiny@dance-buffers"))
    assert tiny.startswith(f"task: {make_problem('tiny').space.fingerprint()[:12]}, ")
    assert tiny != more
