"""Results and traces: what they say, and what survives a file."""

from __future__ import annotations

import importlib
import json
import os
import tracemalloc
import zipfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dance_env.objective import Constraint
from dance_env.source_digest import forget, source_digest
from dance_env.testing import synthetic_problem
from solvers import RecordError, Result, Status, Trace, make_solver, record_path
from solvers.contract.budget import Budget
from solvers.contract.record import TraceWriter, read_record, safe_name, write_record
from solvers.contract.record.trace import COLUMNS
from solvers.contract.result import software_versions
from solvers.methods.random_search import RandomSearch


@pytest.fixture(scope="module")
def result() -> Result:
    problem = synthetic_problem(0, constraints=(Constraint("latency_s", 0.006),))
    return RandomSearch().solve(problem, budget=300, seed=5)


def make_trace(**columns: Any) -> Trace:
    rows = len(next(iter(columns.values())))
    values = {name: np.asarray(columns.get(name, np.zeros(rows)), dtype) for name, dtype in COLUMNS.items()}
    return Trace(designs=np.arange(2 * rows).reshape(rows, 2), **values)


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
    writer, expected = TraceWriter(2, most=10**6), []
    rng = np.random.default_rng(0)
    counted = ("cost_pairs", "trained_networks", "gpu_hours")  # all rows at once, at the end
    for size in (0, 1, 255, 1, 700, 3, 5000):
        designs, objective = rng.integers(9, size=(size, 2)), rng.random(size)
        known = {name: 0 for name in COLUMNS if name not in counted}
        writer.append(designs, **(known | {"objective": objective}))
        expected.append(objective)
    trace = writer.trace(**{name: np.zeros(5960, COLUMNS[name]) for name in counted})
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
    assert (result.solver, result.seed, result.budget, result.task) == ("random", 5, Budget(300), "synthetic-0")
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


def test_the_code_on_record_is_that_of_the_files_as_they_were_last_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its digest is kept, as computing one takes longer than a short run; an edit beside the solver's file ends that."""
    (tmp_path / "kept_helper.py").write_text("BATCH = 8\n")
    (tmp_path / "kept_solver.py").write_text(
        "import kept_helper\nfrom solvers.methods.random_search import RandomSearch\nclass Mine(RandomSearch):\n    pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    solver = importlib.import_module("kept_solver").Mine()
    found = []
    for batch in (8, 9):
        (tmp_path / "kept_helper.py").write_text(f"BATCH = {batch}\n")
        found.append(software_versions(solver)["solver"])  # what this process read first
        forget()
        found.append(software_versions(solver)["solver"])
        assert found[-1] == source_digest("kept_solver")
    assert found[0] == found[1] == found[2] != found[3]


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
    with pytest.raises(RecordError, match=r"version 99; this library reads versions .2, 3.: run it again"):
        Result.load(path)


def test_what_a_later_version_adds_is_skipped(result: Result, tmp_path: Path) -> None:
    values, arrays = read_record(result.save(tmp_path / "run.npz"))
    values["ledger"]["tokens"] = 3.5
    path = write_record(tmp_path / "new.npz", values | {"tuning": 12}, arrays | {"tokens": np.zeros(300)})
    assert Result.load(path).trace.same_search(result.trace)


def test_no_flag_of_the_zip_gives_a_foreign_error(result: Result, tmp_path: Path) -> None:
    path = result.save(tmp_path / "run.npz")
    data = bytearray(path.read_bytes())
    start = data.rindex(b"PK\x01\x02", 0, data.index(b"record.json", len(data) // 2))
    data[start + 8] ^= 1  # "encrypted", in the directory
    path.write_bytes(data)
    with pytest.raises(RecordError, match=r"encrypted.*delete it and run again"):
        Result.load(path)


def test_crafted_members_give_no_foreign_error(result: Result, tmp_path: Path) -> None:
    members = zipfile.ZipFile(result.save(tmp_path / "run.npz"))
    for member, content in {"record.json": b"[" * 100_000, "cost.npy": b"\x93NUMPY\x01\x00\x06\x00{'a': ("}.items():
        path = tmp_path / "crafted.npz"
        with zipfile.ZipFile(path, "w") as archive:
            for name in members.namelist():
                archive.writestr(name, content if name == member else members.read(name))
        with pytest.raises(RecordError, match="is not a whole record"):
            Result.load(path)


@pytest.mark.parametrize("member", ["unknown.npy", "record.json"])
def test_a_zip_bomb_is_not_unpacked(result: Result, tmp_path: Path, member: str) -> None:
    members = zipfile.ZipFile(result.save(tmp_path / "run.npz"))
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in members.namelist():
            if name != member:
                archive.writestr(name, members.read(name))
        with archive.open(member, "w", force_zip64=True) as file:
            for _ in range(300):
                file.write(bytes(1 << 20))
    tracemalloc.start()
    with pytest.raises(RecordError, match="would unpack to"):
        Result.load(path)
    assert tracemalloc.get_traced_memory()[1] < 1 << 24
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": "zero"}, "seed is 'zero'"),
        ({"seed": True}, "seed is True"),
        ({"budget": -5}, "the budget is at least one evaluation, not -5"),
        ({"budget": 10}, "spent is 300, where it must be at most the budget of 10"),
        ({"budget": {"evaluations": None, "networks": 1}}, "networks is .* at most the budget of 1networks"),
        ({"reason": 3}, "reason is 3"),
        ({"settings": []}, r"settings is \[\]"),
        ({"ledger": {"evaluations": 299}}, "evaluations is 299, where it must be 300"),
        ({"ledger": {"solver_seconds": None}}, "solver_seconds is None"),
        ({"ledger": {"oracle_seconds": float("nan")}}, "oracle_seconds is nan"),
        ({"ledger": {"gradient_queries": 2.5}}, "gradient_queries is 2.5"),
        ({"ledger": {"tables_read": "no"}}, "tables_read is 'no'"),
        ({"ledger": 7}, "not the record of a run"),
        ({"objective": float("nan")}, "objective of row 3 is nan"),
        ({"accuracy": 1.5}, "accuracy of row 3 is 1.5"),
        ({"latency_s": -1.0}, "latency_s of row 3 is -1.0"),
        ({"oracle_seconds": float("inf")}, "oracle_seconds of row 3 is inf"),
        ({"gpu_hours": float("inf")}, "gpu_hours of row 3 is inf"),
        ({"trained_networks": -1.0}, "trained_networks of row 3 is -1.0"),
        ({"budget": {"gpu_hours": -1}}, "GPU-hours above 0, not -1"),
        ({"ledger": {"training_gpu_hours": -2.0}}, "training_gpu_hours is -2.0"),
        ({"designs": -1}, "designs is -1"),
    ],
)  # fmt: skip
def test_a_record_of_what_cannot_be_is_refused(
    result: Result, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    values, arrays = read_record(result.save(tmp_path / "run.npz"))
    for name, value in changes.items():
        if name in arrays:
            arrays[name][3] = value
        else:
            values[name] = values[name] | value if isinstance(value, dict) else value
    with pytest.raises(RecordError, match=message):
        Result.load(write_record(tmp_path / "forged.npz", values, arrays))


def test_pickle_in_a_record_is_refused_unread(result: Result, tmp_path: Path) -> None:
    path = result.save(tmp_path / "run.npz")
    trap = tmp_path / "trap.npy"
    np.save(trap, np.array([_Trap()], dtype=object), allow_pickle=True)
    members = zipfile.ZipFile(path)
    with zipfile.ZipFile(tmp_path / "trap.npz", "w") as archive:
        for name in members.namelist():
            archive.writestr(name, trap.read_bytes() if name == "objective.npy" else members.read(name))
    path = tmp_path / "trap.npz"
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
    with pytest.raises(OSError, match=r"cannot write .*run\.npz: .*give a folder that can be written"):
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
