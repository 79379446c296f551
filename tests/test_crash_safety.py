"""The benchmark that kills a driver: its verdict here, and that it would see a record that is lost or wrong."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from waiting import PATIENCE_S

from solvers.methods.random_search import RandomSearch

FILE = Path(__file__).parents[1] / "benchmarks" / "crash_safety.py"


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("benchmark_crash_safety", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_killed_driver_loses_no_record_and_makes_none_twice(benchmark, capsys, monkeypatch):
    monkeypatch.setattr(benchmark, "_PATIENCE_S", PATIENCE_S)
    arguments = "--kills 2 --solvers random,annealing --seeds 2 --budget 500 --workers 1"
    assert benchmark.main(arguments.split()) == 0
    printed = capsys.readouterr().out
    assert "4 records without a kill" in printed
    assert "none lost, none twice" in printed
    assert printed.count("\nkill ") == 2


def test_differences_are_seen_and_clocks_are_not(benchmark, tmp_path):
    for folder, seed in (("one", 0), ("again", 0), ("other", 1)):
        RandomSearch().solve("tiny", budget=20, seed=seed).save(tmp_path / folder / "records" / "a.npz")
    one, again, other = (benchmark.contents(tmp_path / name) for name in ("one", "again", "other"))
    assert (tmp_path / "one/records/a.npz").read_bytes() != (tmp_path / "again/records/a.npz").read_bytes()
    assert benchmark.differences(one, again) == []
    assert benchmark.differences(one, other) == ["a.npz differs"]
    assert benchmark.differences(one, {}) == ["a.npz is missing"]
    assert benchmark.differences({}, one) == ["a.npz is there and should not be"]
