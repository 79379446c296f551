"""Results and traces: what they say, and what survives a file."""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dance_env.objective import Constraint
from dance_env.testing import synthetic_problem
from solvers import RecordError, Result, Status, Trace, make_solver, record_path
from solvers.contract.record import TraceWriter, read_record, safe_name, write_record
from solvers.contract.record.trace import COLUMNS
from solvers.methods.random_search import RandomSearch


@pytest.fixture(scope="module")
def result() -> Result:
    problem = synthetic_problem(0, constraints=(Constraint("latency_s", 0.006),))
    return RandomSearch().solve(problem, budget=300, seed=5)


def make_trace(**columns: Any) -> Trace:
    rows = len(next(iter(columns.values())))
    writer = TraceWriter(2)
    values = {name: np.zeros(rows, dtype) for name, dtype in COLUMNS.items()}
    writer.append(np.arange(2 * rows).reshape(rows, 2), **(values | {k: np.asarray(v) for k, v in columns.items()}))
    return writer.trace()


# ------------------------------------------------------------------------------------------------------- the trace


def test_best_is_feasible_first() -> None:
    assert make_trace(objective=[3.0, 1.0, 2.0], violation=[0.0, 0.5, 0.0]).best() == 2
    assert make_trace(objective=[3.0, 1.0, 2.0], violation=[0.2, 0.5, 0.3]).best() == 0
    assert make_trace(objective=[3.0, 1.0, 1.0], violation=[0.2, 0.2, 0.2]).best() == 1
    assert make_trace(objective=[]).best() is None


def test_best_so_far_counts_feasible_designs_only() -> None:
    trace = make_trace(objective=[5.0, 1.0, 4.0, 4.5, 2.0], violation=[0.1, 0.1, 0.0, 0.0, 0.0])
    assert trace.best_so_far().tolist() == [np.inf, np.inf, 4.0, 4.0, 2.0]


def test_front_by_hand() -> None:
    # error 10, 20, 10, 30, 5, 20 against cost 5, 4, 5, 1, 9, 3; the last but one violates
    trace = make_trace(
        accuracy=[0.9, 0.8, 0.9, 0.7, 0.95, 0.8], cost=[5.0, 4.0, 5.0, 1.0, 9.0, 3.0], violation=[0, 0, 0, 0, 1.0, 0]
    )
    assert trace.pareto().tolist() == [0, 5, 3]


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.booleans()), max_size=30))
def test_front_is_what_the_definition_says(points: list[tuple[int, int, bool]]) -> None:
    trace = make_trace(
        objective=np.zeros(len(points)),
        latency_s=[p[0] for p in points],
        energy_j=[p[1] for p in points],
        violation=[float(p[2]) for p in points],
    )
    feasible = [(x, y) for x, y, violated in points if not violated]
    undominated = {(x, y) for x, y in feasible if not any(a <= x and b <= y and (a, b) != (x, y) for a, b in feasible)}
    rows = trace.pareto(("latency_s", "energy_j"))
    assert [points[row][:2] for row in rows] == sorted(undominated)
    assert all(points[row] not in points[:row] for row in rows), "of equal points the earliest"


def test_front_takes_two_metrics() -> None:
    with pytest.raises(ValueError, match="over two metrics, not over 3"):
        make_trace(objective=[1.0]).pareto(("latency_s", "energy_j", "area_mm2"))


def test_columns_are_the_trace_as_a_table(result: Result) -> None:
    columns = result.trace.columns()
    assert {len(column) for column in columns.values()} == {len(result.trace)}
    assert {*COLUMNS, "error_pct", "edap_js_mm2", "feasible", "seconds", "best_so_far"} == set(columns)
    np.testing.assert_array_equal(columns["objective"], result.trace.objective)


def test_trace_grows_by_any_batches() -> None:
    writer, expected = TraceWriter(2), []
    rng = np.random.default_rng(0)
    for size in (0, 1, 255, 1, 700, 3, 5000):
        designs, objective = rng.integers(9, size=(size, 2)), rng.random(size)
        writer.append(designs, **(dict.fromkeys(COLUMNS, 0) | {"objective": objective}))
        expected.append(objective)
    trace = writer.trace()
    assert len(trace) == len(writer) == 5960
    np.testing.assert_array_equal(trace.objective, np.concatenate(expected))
    assert len(trace[10:20]) == 10


def test_trace_checks_its_columns() -> None:
    columns = {each.name: getattr(make_trace(objective=[1.0, 2.0]), each.name) for each in fields(Trace)}
    with pytest.raises(ValueError, match=r"column 'violation' is \(2,\) float64, not \(1,\) float64"):
        Trace(**(columns | {"violation": np.zeros(1)}))
    with pytest.raises(ValueError, match="designs are"):
        Trace(**(columns | {"designs": np.zeros((2, 2))}))


# ------------------------------------------------------------------------------------------------------- the result


def test_result_tells_the_run(result: Result) -> None:
    problem = synthetic_problem(0, constraints=(Constraint("latency_s", 0.006),))
    assert (result.solver, result.seed, result.budget, result.task) == ("random", 5, 300, "synthetic-0")
    assert result.settings == {"batch": 256}
    assert result.problem_fingerprint == problem.fingerprint()
    assert result.status is Status.BUDGET_SPENT
    assert result.best_design is not None
    assert problem.evaluate(result.best_design[None]).objective[0] == result.best_objective
    feasible = result.trace.objective[result.trace.feasible]
    assert 0 < len(feasible) < 300
    assert result.best_objective == feasible.min()
    assert problem.space.encode([result.best_named])[0].tolist() == result.best_design.tolist()
    assert result.best in result.pareto
    assert {"python", "numpy", "dance-env", "solver"} <= set(result.software)


def test_nested_settings_are_recorded() -> None:
    settings = make_solver("ppo", hidden=(8, 8)).solve(synthetic_problem(0), budget=4, seed=0).settings
    assert settings["hidden"] == [8, 8]


def test_save_and_load(result: Result, tmp_path: Path) -> None:
    path = result.save(tmp_path / "new" / "folder" / "run.npz")
    loaded = Result.load(path)
    for each in fields(Result):
        if each.name != "trace":
            assert getattr(loaded, each.name) == getattr(result, each.name), each.name
    for each in fields(Trace):
        np.testing.assert_array_equal(getattr(loaded.trace, each.name), getattr(result.trace, each.name))
    assert os.listdir(path.parent) == ["run.npz"], "no part is left behind"


def test_equal_results_are_equal_files(result: Result, tmp_path: Path) -> None:
    first, second = result.save(tmp_path / "1.npz"), result.save(tmp_path / "2.npz")
    assert first.read_bytes() == second.read_bytes()


def test_record_is_readable_without_us(result: Result, tmp_path: Path) -> None:
    path = result.save(tmp_path / "run.npz")
    with zipfile.ZipFile(path) as archive:
        told = json.loads(archive.read("record.json"))
    assert told["solver"] == "random"
    assert told["status"] == "BUDGET_SPENT"
    with np.load(path, allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["objective"], result.trace.objective)


@pytest.mark.parametrize("keep", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_truncated_record_is_refused(result: Result, tmp_path: Path, keep: float) -> None:
    path = result.save(tmp_path / "run.npz")
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data))])
    with pytest.raises(RecordError, match=r"run.npz is not a whole record .*delete it and run again"):
        Result.load(path)


def test_no_flipped_byte_goes_unnoticed(result: Result, tmp_path: Path) -> None:
    path = result.save(tmp_path / "run.npz")
    data = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("objective.npy")
    start = info.header_offset + 30 + len(info.filename)
    for position in range(start, start + info.compress_size, 97):
        path.write_bytes(data[:position] + bytes([data[position] ^ 0x55]) + data[position + 1 :])
        with pytest.raises(RecordError):
            Result.load(path)


def test_foreign_files_are_refused(result: Result, tmp_path: Path) -> None:
    values, arrays = read_record(result.save(tmp_path / "run.npz"))
    del values["version"]
    text = tmp_path / "text.npz"
    text.write_text("not a zip")
    plain = tmp_path / "plain.npz"
    np.savez(plain, objective=np.zeros(3))
    for path in (text, plain):
        with pytest.raises(RecordError, match="is not a whole record"):
            Result.load(path)
    with pytest.raises(FileNotFoundError, match="no record at"):
        Result.load(tmp_path / "missing.npz")
    with pytest.raises(RecordError, match="holds a 'front'"):
        Result.load(write_record(tmp_path / "front.npz", {"kind": "front"}, {}))
    for missing in ("seed", "ledger", "status"):
        some = {name: value for name, value in values.items() if name != missing}
        with pytest.raises(RecordError, match=missing):
            Result.load(write_record(tmp_path / "some.npz", some, arrays))
    with pytest.raises(RecordError, match="'violation'"):
        Result.load(write_record(tmp_path / "less.npz", values, {k: v for k, v in arrays.items() if k != "violation"}))
    with pytest.raises(RecordError, match="'violation'"):
        Result.load(write_record(tmp_path / "short.npz", values, arrays | {"violation": np.zeros(3)}))


def test_other_version_is_refused(result: Result, tmp_path: Path) -> None:
    values, arrays = read_record(result.save(tmp_path / "run.npz"))
    path = write_record(tmp_path / "old.npz", values | {"version": 99}, arrays)
    with pytest.raises(RecordError, match=r"version 99; this library reads version 1: run it again"):
        Result.load(path)


def test_pickle_in_a_record_is_refused_unread(result: Result, tmp_path: Path) -> None:
    path = result.save(tmp_path / "run.npz")
    trap = tmp_path / "trap.npy"
    np.save(trap, np.array([_Trap()], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(path, "a") as archive:
        archive.write(trap, "extra.npy")
    with pytest.raises(RecordError, match="Object arrays cannot be loaded"):
        Result.load(path)


class _Trap:
    def __reduce__(self) -> Any:
        return pytest.fail, ("a pickle was loaded",)


def test_interrupted_write_leaves_the_old_record(
    result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = result.save(tmp_path / "run.npz")
    before = path.read_bytes()

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("solvers.contract.record.file.np.lib.format.write_array", killed)
    with pytest.raises(KeyboardInterrupt):
        result.save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["run.npz"]


def test_unwritable_folder_is_named(result: Result, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match=r"cannot write a record into .*file.*give a writable folder"):
        result.save(tmp_path / "file" / "run.npz")


# -------------------------------------------------------------------------------------------------------- the names


@pytest.mark.parametrize(
    "evil",
    ["../../etc/passwd", "/etc/passwd", "..", ".", "", "a/b\\c", "x" * 500, "nul\0", "café", "-rf", "a b", "\ud800"],
)
def test_names_cannot_leave_the_folder(evil: str, tmp_path: Path) -> None:
    path = record_path(tmp_path, task=evil, solver=evil, settings="0", budget=9, seed=1)
    assert path.parent == tmp_path
    assert path.resolve().parent == tmp_path.resolve()
    assert len(path.name) < 200
    assert path.name.isascii()
    path.write_text("can be written")


@given(st.text(max_size=200))
def test_safe_names_are_plain_and_stable(text: str) -> None:
    name = safe_name(text)
    assert 0 < len(name) <= 80
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._=-")
    assert name[0] not in ".-"
    assert safe_name(name) == name


@given(st.text(max_size=100), st.text(max_size=100))
def test_two_names_never_share_a_file(first: str, second: str) -> None:
    if first != second and safe_name(first) == safe_name(second):
        pytest.fail(f"{first!r} and {second!r} share {safe_name(first)!r}")


def test_usual_names_are_readable(tmp_path: Path) -> None:
    path = record_path(tmp_path, task="macro-cifar10/balanced", solver="random", settings="4be1", budget=40, seed=3)
    assert path.name == "macro-cifar10.balanced__random__4be1__budget40__seed3.npz"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a__b", "c"), ("a", "b__c")),
        (("a_", "b"), ("a", "_b")),
        (("a", "b__0"), ("a__b", "0")),
        (("a/b", "c"), ("a.b", "c")),
    ],
)
def test_two_runs_never_share_a_record(one: tuple[str, str], other: tuple[str, str], tmp_path: Path) -> None:
    paths = [
        record_path(tmp_path, task=task, solver=solver, settings="0", budget=1, seed=0) for task, solver in (one, other)
    ]
    assert paths[0] != paths[1]
