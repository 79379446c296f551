"""The comparison: cells, workers, resuming, and what the report makes of it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from dance_env.source_digest import forget
from solvers.comparison.compare import Listener, compare
from solvers.comparison.plan import plan
from solvers.comparison.run import Comparison
from solvers.comparison.settings import Settings
from solvers.comparison.table import CLOSE_PCT, spent_to_close
from solvers.contract.record.file import RecordError
from solvers.contract.result import Result
from solvers.methods.random_search import RandomSearch

TASK = "tiny/balanced"


def settings(out: Path, **changes: object) -> Settings:
    values = {
        "tasks": TASK,
        "solvers": ("random", "evolution"),
        "seeds": (0, 1),
        "budget": 60,
        "out": out,
        "workers": 1,
    }
    return Settings(**(values | changes))  # type: ignore[arg-type]


def optimum_of(comparison: Comparison) -> float:
    return comparison.tasks[0].reference.objective


def cells(given: Settings):
    return plan(given, {problem.name: problem for problem in map(given.sources.problem, given.task_list)}).cells


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory):
    return compare(settings(tmp_path_factory.mktemp("compare")))


def test_every_cell_is_on_record(comparison):
    assert [(result.solver, result.seed) for result in comparison.results] == [
        ("random", 0), ("random", 1), ("evolution", 0), ("evolution", 1),
    ]  # fmt: skip
    for cell, result in zip(cells(comparison.settings), comparison.results, strict=True):
        assert Result.load(cell.path).trace.same_search(result.trace)
        assert result.ledger.evaluations == 60
        assert result.best_objective >= optimum_of(comparison)


def test_two_workers_leave_the_same_records(comparison, tmp_path):
    again = compare(settings(tmp_path, workers=2))
    for one, two in zip(comparison.results, again.results, strict=True):
        assert (one.solver, one.seed) == (two.solver, two.seed)
        assert one.trace.same_search(two.trace)
        assert one.ledger.spent == two.ledger.spent


def test_what_is_on_record_is_not_run_again(comparison):
    before = {cell.path: cell.path.read_bytes() for cell in cells(comparison.settings)}
    ran = []
    again = compare(comparison.settings, listener=Listener(on_progress=lambda cell, _: ran.append(cell)))
    assert not ran
    assert {path: path.read_bytes() for path in before} == before
    assert [result.best_objective for result in again.results] == [r.best_objective for r in comparison.results]


def test_an_interrupted_comparison_resumes_to_the_same_records(comparison, tmp_path):
    seen = []

    def interrupt(cell, result):
        seen.append(cell)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(settings(tmp_path), listener=Listener(on_cell=interrupt))
    assert len(list((tmp_path / "records").iterdir())) == 2
    resumed = compare(settings(tmp_path))
    assert all(a.trace.same_search(b.trace) for a, b in zip(comparison.results, resumed.results, strict=True))


@pytest.mark.parametrize("damage", ["truncated", "another budget"])
def test_a_record_of_something_else_is_run_again(tmp_path, damage):
    given = settings(tmp_path, solvers=("random",), seeds=(0,))
    cell = cells(given)[0]
    right = compare(given).results[0]
    if damage == "truncated":
        cell.path.write_bytes(cell.path.read_bytes()[:200])
        with pytest.raises(RecordError):
            Result.load(cell.path)
    else:
        RandomSearch().solve(TASK, budget=7, seed=0).save(cell.path)
    assert compare(given).results[0].trace.same_search(right.trace)
    assert Result.load(cell.path).budget == given.budget


CORNER = """
from dataclasses import dataclass
from solvers import Solver

@dataclass(frozen=True)
class Corner(Solver):
    name = "corner"
    def search(self, problem, rng):
        problem.evaluate(problem.space.sample(rng, 1) * 0)
"""


def test_a_record_of_other_code_is_run_again(tmp_path):
    file = tmp_path / "corner.py"
    file.write_text(CORNER)
    given = settings(tmp_path / "out", solvers=(f"{file}:Corner", "random"), seeds=(0,))
    compare(given)
    file.write_text(CORNER.replace("* 0", "* 0 + 1"))
    forget()
    old = cells(given)[1]
    record = Result.load(old.path)
    dataclasses.replace(record, software=record.software | {"numpy": "0.1"}).save(old.path)
    ran = set()
    edited, _ = compare(given, listener=Listener(on_progress=lambda cell, _: ran.add(cell.path))).results
    assert edited.best_design.tolist() == [1] * len(edited.best_design)
    assert ran == {cell.path for cell in cells(given)}


def test_a_solver_without_randomness_runs_once(tmp_path):
    assert [cell.seed for cell in cells(settings(tmp_path, solvers=("exhaustive",), seeds=(3, 4)))] == [3]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"solvers": ("evolutoin",)}, "evolution"),
        ({"tasks": "tiny/balnced"}, "tiny/balanced"),
        ({"solvers": ()}, "at least one solver"),
        ({"solvers": ("random", "random")}, "random is given twice"),
        ({"seeds": ()}, "at least one seed"),
        ({"seeds": (-1,)}, "negative"),
        ({"budget": 0}, "budget is at least 1"),
        ({"workers": 0}, "at least one worker"),
    ],
)
def test_a_wrong_setting_is_told(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        compare(settings(tmp_path, **changes))


def test_an_unwritable_folder_is_told_before_the_work(tmp_path):
    occupied = tmp_path / "file"
    occupied.write_text("")
    with pytest.raises(OSError, match="cannot write into the output folder"):
        compare(settings(occupied / "out"))


def test_spent_to_close_counts_gradient_queries(comparison):
    result = comparison.tasks[0].by_solver()["evolution"][0]
    best = result.trace.best_so_far()
    reached = int(np.flatnonzero(best == best[-1])[0])
    lowest = float(best[-1]) * (1 - 1e-9)
    within = int(np.flatnonzero(best <= lowest * (1 + CLOSE_PCT / 100))[0])
    assert spent_to_close(result, lowest) == within + 1 <= reached + 1
    assert spent_to_close(result, 0.5 * lowest) == float("inf")
    queries = np.full(len(best), 17)
    asking = dataclasses.replace(result, trace=dataclasses.replace(result.trace, gradient_queries=queries))
    assert spent_to_close(asking, lowest) == within + 18


def test_a_budget_whose_trace_would_not_fit_is_refused_before_any_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a run of 100,000,000 evaluations keeps a trace of .* GB"):
        compare(settings(tmp_path, budget=100_000_000))
    assert not list(tmp_path.rglob("*.npz"))
