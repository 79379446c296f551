"""The comparison: cells, workers, resuming, and what the report makes of it."""

from __future__ import annotations

import csv
import dataclasses
import io
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from inline import Inline

from dance_env.analysis.exact import optimum
from dance_env.space import dance_accelerators
from dance_env.testing import synthetic_problem
from solvers import Budget, Solver, SolverSpec
from solvers.comparison.compare import Listener, compare
from solvers.comparison.plan import plan
from solvers.comparison.run import Comparison
from solvers.comparison.settings import Settings
from solvers.comparison.table import CLOSE_PCT, long_table, spent_until_close
from solvers.comparison.table import csv_text as runs_csv
from solvers.contract.record.file import RecordError
from solvers.contract.result import Result, Status
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
    resumed = compare(settings(tmp_path), executor=Inline())
    assert all(a.trace.same_search(b.trace) for a, b in zip(comparison.results, resumed.results, strict=True))


@pytest.mark.parametrize("damage", ["truncated", "another budget"])
def test_a_record_of_something_else_is_run_again(tmp_path, damage):
    given = settings(tmp_path, solvers=("random",), seeds=(0,))
    cell = cells(given)[0]
    right = compare(given, executor=Inline()).results[0]
    if damage == "truncated":
        cell.path.write_bytes(cell.path.read_bytes()[:200])
        with pytest.raises(RecordError):
            Result.load(cell.path)
    else:
        RandomSearch().solve(TASK, budget=7, seed=0).save(cell.path)
    assert compare(given, executor=Inline()).results[0].trace.same_search(right.trace)
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
    compare(given, executor=Inline())
    file.write_text(CORNER.replace("* 0", "* 0 + 1"))
    old = cells(given)[1]
    record = Result.load(old.path)
    dataclasses.replace(record, software=record.software | {"numpy": "0.1"}).save(old.path)
    edited, _ = compare(given, executor=Inline()).results
    assert edited.best_design.tolist() == [1] * len(edited.best_design)
    assert Result.load(old.path).software["numpy"] == record.software["numpy"]


@pytest.mark.parametrize("kind", ["inline", "thread", "process pool"])
def test_any_executor_leaves_the_same_records(comparison, tmp_path, kind):
    executor = {
        "inline": Inline,
        "thread": lambda: ThreadPoolExecutor(1),
        "process pool": lambda: ProcessPoolExecutor(2, get_context("spawn")),
    }[kind]()
    ended = []
    with executor:
        again = compare(
            settings(tmp_path), executor=executor, listener=Listener(on_cell=lambda cell, _: ended.append(cell))
        )
    assert len(ended) == len(again.runs)
    for one, other in zip(comparison.results, again.results, strict=True):
        assert one.trace.same_search(other.trace)
        assert one.software == other.software
        assert dataclasses.replace(one.ledger, solver_seconds=0.0, oracle_seconds=0.0) == dataclasses.replace(
            other.ledger, solver_seconds=0.0, oracle_seconds=0.0
        )
    assert sorted(path.name for path in (tmp_path / "records").iterdir()) == sorted(
        cell.path.name for cell in cells(comparison.settings)
    )


def test_a_broken_executor_is_a_reason_and_not_the_end(tmp_path):
    class Broken(Inline):
        def submit(self, fn, /, *args, **kwargs):
            raise BrokenProcessPool("a child was lost")

    (only,) = compare(settings(tmp_path, solvers=("random",), seeds=(0,)), executor=Broken()).results
    assert (only.status, only.reason) == (Status.FAILED, "BrokenProcessPool: a child was lost")
    (only,) = compare(settings(tmp_path, solvers=("random",), seeds=(0,)), executor=Inline()).results
    assert only.status is Status.BUDGET_SPENT


def test_a_time_limit_is_the_executors_own_business(tmp_path):
    with pytest.raises(ValueError, match="a time limit needs the default executor"):
        compare(settings(tmp_path, timeout_s=3.0), executor=Inline())


@dataclasses.dataclass(frozen=True)
class Sampler(Solver):
    """A solver of a test's own."""

    name = "sampler"
    rows: int = 7
    extra: object = None

    def search(self, problem, rng):
        problem.evaluate(problem.space.sample(rng, self.rows))


def test_variants_instances_and_tasks_in_one_comparison(tmp_path):
    own = synthetic_problem(3)
    solvers = [
        Sampler(),
        Sampler(rows=3),
        "random:batch=8",
        SolverSpec("random", {"batch": 16}, label="wide"),
        "random",
    ]
    found = compare(settings(tmp_path, tasks=["tiny", own], solvers=solvers, seeds=(0,), budget=20))
    labels = ["sampler", "sampler:rows=3", "random:batch=8", "wide", "random"]
    rows = long_table(found)
    assert [(row.task, row.solver) for row in rows] == [
        (task, label) for task in ("tiny/balanced", "synthetic-3") for label in labels
    ]
    assert [row.ledger["evaluations"] for row in rows] == 2 * [7, 3, 20, 20, 20]
    assert len({row.settings_digest for row in rows}) == 5
    assert len(list((tmp_path / "records").iterdir())) == 10
    best = optimum(own).objective
    for row, run in zip(rows, found.runs, strict=True):
        assert row.figures["objective"] == run.result.best_objective
        assert row.figures["regret"] == run.result.best_objective - row.reference
        assert row.reference == (best if row.task == "synthetic-3" else found.tasks[0].reference.objective)
    table = list(csv.DictReader(io.StringIO(runs_csv(rows))))
    assert [float(row["objective"]) for row in table] == [row.figures["objective"] for row in rows]


def test_records_of_another_budget_or_setting_stay(tmp_path):
    for changes in ({}, {"budget": 30}, {"solvers": ("random:batch=8",)}, {"seeds": (1,)}):
        compare(settings(tmp_path, **({"solvers": ("random",), "seeds": (0,)} | changes)), executor=Inline())
    assert len(list((tmp_path / "records").iterdir())) == 4


def run_again(given: Settings) -> list[str]:
    """The labels of what the same comparison runs a second time."""
    compare(given, executor=Inline())
    before = list(given.out.glob("records/*"))
    for path in before:
        os.utime(path, (0, 0))  # a second run may be so fast that it ends within one tick of a file's time
    compare(given, executor=Inline())
    return [path.name.split("__")[1] for path in before if path.stat().st_mtime_ns]


def test_what_has_no_fingerprint_is_run_again(tmp_path):
    def surcharge(cost):
        return cost.energy_j

    unknown = dataclasses.replace(synthetic_problem(3), objective=dataclasses.replace(
        synthetic_problem(3).objective, cost_function=surcharge
    ))  # fmt: skip
    assert unknown.fingerprint() is None
    assert run_again(settings(tmp_path / "1", tasks=[unknown], solvers=["random"], seeds=(0,))) == ["random"]
    opaque = Sampler(extra=object())
    assert len(run_again(settings(tmp_path / "2", solvers=[opaque, "random"], seeds=(0,)))) == 1


def test_a_record_of_another_helper_is_run_again(tmp_path):
    (tmp_path / "helper.py").write_text("OFFSET = 0\n")
    solver = tmp_path / "corner.py"
    solver.write_text(
        CORNER.replace("from solvers", "from helper import OFFSET\nfrom solvers").replace("* 0", "* 0 + OFFSET")
    )
    given = settings(tmp_path / "out", solvers=(f"{solver}:Corner",), seeds=(0,))
    assert not compare(given, executor=Inline()).results[0].best_design.any()
    (tmp_path / "helper.py").write_text("OFFSET = 1\n")
    assert compare(given).results[0].best_design.all()


def test_a_forged_best_design_is_run_again(tmp_path):
    given = settings(tmp_path, solvers=("random",), seeds=(0,))
    right = compare(given, executor=Inline()).results[0]
    (cell,) = cells(given)
    objective = right.trace.objective.copy()
    objective[5] = -7.0
    dataclasses.replace(right, trace=dataclasses.replace(right.trace, objective=objective)).save(cell.path)
    assert Result.load(cell.path).best_objective == -7.0
    assert compare(given, executor=Inline()).results[0].best_objective == right.best_objective


SCRIPT = """
import dataclasses
from solvers import Settings, Solver, compare

@dataclasses.dataclass(frozen=True)
class Mine(Solver):
    name = "mine"
    rows: int = 4
    def search(self, problem, rng):
        problem.evaluate(problem.space.sample(rng, self.rows))

found = compare(Settings("tiny", [Mine(rows=5), "random"], seeds=[0], budget=20, out={out!r}))
print([run.label for run in found.runs], [run.result.ledger.evaluations for run in found.runs])
"""


def test_a_script_or_a_notebook_compares_its_own_class(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(out=str(tmp_path / "out")))
    for command in ([str(script)], ["-c", script.read_text()]):
        done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False, timeout=500)
        assert done.stdout == "['mine:rows=5', 'random'] [5, 20]\n", done.stderr


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
        ({"budget": 0}, "budget is at least one evaluation, not 0"),
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
    assert spent_until_close(result, lowest)["spent_to_close"] == within + 1 <= reached + 1
    assert spent_until_close(result, 0.5 * lowest)["spent_to_close"] == float("inf")
    queries = np.full(len(best), 17)
    asking = dataclasses.replace(result, trace=dataclasses.replace(result.trace, gradient_queries=queries))
    assert spent_until_close(asking, lowest)["spent_to_close"] == within + 18


def test_a_budget_whose_trace_would_not_fit_is_refused_before_any_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a run of 100,000,000 evaluations keeps a trace of .* GB"):
        compare(settings(tmp_path, budget=100_000_000))
    assert not list(tmp_path.rglob("*.npz"))


def test_a_named_solver_is_left_out_of_the_tasks_that_it_does_not_suit(tmp_path):
    huge = synthetic_problem(0, option_counts=(3,) * 11, accelerators=dance_accelerators())
    given = settings(tmp_path, tasks=["tiny", huge], solvers=("random", "exhaustive"), seeds=(0,), budget="8networks")
    found = compare(given, executor=Inline())
    assert [(run.task, run.label) for run in found.runs] == [
        ("tiny/balanced", "random"),
        ("tiny/balanced", "exhaustive"),
        (huge.name, "random"),
    ]
    assert [f"{reason[:35]}" for reason in found.left_out] == ["exhaustive looks at every design, w"]
    alone = compare(
        settings(tmp_path, tasks=[huge], solvers=("random", "exhaustive"), seeds=(0,), budget=8), executor=Inline()
    )
    assert [run.label for run in alone.runs] == ["random"]
    assert alone.left_out == found.left_out
    with pytest.raises(ValueError, match="exhaustive looks at every design"):
        compare(settings(tmp_path, tasks=[huge], solvers=("exhaustive",), seeds=(0,), budget=8))


def test_runs_within_hours_are_the_same_here_or_with_two_workers_and_when_resumed(tmp_path):
    changes = {"solvers": ("random", "evolution"), "seeds": (0, 1), "budget": "0.4gpuh"}
    one = compare(settings(tmp_path / "one", **changes), executor=Inline())
    two = compare(settings(tmp_path / "two", workers=2, **changes))
    lost = sorted((tmp_path / "two" / "records").iterdir())[1]
    lost.unlink()
    again = compare(settings(tmp_path / "two", **changes), executor=Inline())
    for first, second, third in zip(one.results, two.results, again.results, strict=True):
        assert first.trace.same_search(second.trace)
        assert first.trace.same_search(third.trace)
        assert first.ledger.gpu_hours == second.ledger.gpu_hours == third.ledger.gpu_hours > 0
        assert first.budget == Budget(gpu_hours=0.4)
    assert "budget0.4gpuh" in lost.name


def test_a_record_of_another_price_of_a_supernet_is_run_again(tmp_path):
    problem = dataclasses.replace(synthetic_problem(0), training_time=_OneHour())
    changes = {"solvers": ("edd",), "seeds": (0,), "budget": 30}
    first = compare(settings(tmp_path, tasks=[problem], **changes), executor=Inline()).results[0]
    assert first.ledger.supernet_gpu_hours == 4
    dearer = compare(
        settings(tmp_path, tasks=[dataclasses.replace(problem, supernet_trainings=6.0)], **changes),
        executor=Inline(),
    ).results[0]
    assert dearer.ledger.supernet_gpu_hours == 6


class _OneHour:
    def gpu_hours(self, networks):
        return np.ones(len(networks))
