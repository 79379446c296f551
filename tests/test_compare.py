"""The comparison: cells, workers, resuming, and what the report makes of it."""

from __future__ import annotations

import csv
import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest

from dance_env.analysis.exact import optimum
from dance_env.objective import Constraint
from dance_env.source_digest import forget
from dance_env.testing import synthetic_problem
from solvers import Solver, SolverFailed
from solvers.comparison.compare import Listener, compare
from solvers.comparison.plan import plan
from solvers.comparison.reference import Reference
from solvers.comparison.run import Comparison, Run, TaskRuns
from solvers.comparison.settings import Settings
from solvers.comparison.table import CLOSE_PCT, spent_to_close
from solvers.contract.record.file import RecordError
from solvers.contract.result import Result
from solvers.methods.random_search import RandomSearch
from solvers.report.page import write_report
from solvers.report.summary import Spread, summarise
from solvers.report.table import csv_text, markdown, rich_table

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


def test_figures_of_the_summary(comparison):
    rows = {row.solver: row for row in summarise(comparison.tasks[0].by_solver(), optimum_of(comparison))}
    runs = comparison.tasks[0].by_solver()["random"]
    objectives = np.array([result.best_objective for result in runs])
    row = rows["random"]
    assert row.objective == Spread(objectives.mean(), objectives.std(ddof=1), 2)
    assert row.regret.mean == pytest.approx(objectives.mean() - optimum_of(comparison))
    assert row.regret_pct.mean == pytest.approx(100 * row.regret.mean / optimum_of(comparison))
    best = [result.trace[np.array([result.best])] for result in runs]
    assert row.latency_ms.mean == pytest.approx(1e3 * np.mean([each.latency_s[0] for each in best]))
    assert row.accuracy_pct.mean == pytest.approx(100 - np.mean([each.error_pct[0] for each in best]))
    assert [each.objective.mean for each in rows.values()] == sorted(each.objective.mean for each in rows.values())


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


def test_spread_leaves_out_what_is_missing():
    assert Spread.of([1.0, float("inf"), 3.0]) == Spread(2.0, np.sqrt(2.0), 2)
    assert Spread.of([float("nan")]).seeds == 0


def test_report_holds_table_and_plots(comparison):
    page = write_report(comparison, command=("compare.py", "--task", TASK))[0]
    text = page.read_text()
    for name in ("best_so_far_queries.png", "best_so_far_seconds.png", "error_edap.png"):
        assert name in text
        assert (page.parent / name).read_bytes().startswith(b"\x89PNG")
    rows = summarise(comparison.tasks[0].by_solver(), optimum_of(comparison))
    assert markdown(rows) in text
    table = list(csv.DictReader(io.StringIO((page.parent / "table.csv").read_text())))
    assert [row["solver"] for row in table] == [row.solver for row in rows]
    assert float(table[0]["objective_mean"]) == rows[0].objective.mean


@dataclasses.dataclass(frozen=True)
class FindsAndFails(Solver):
    name = "fails $|<b>"

    def search(self, problem, rng):
        problem.evaluate(problem.space.sample(rng, 5))
        raise ValueError("oh\n## no <b>")


def failed_result(problem, seed):
    with pytest.raises(SolverFailed) as caught:
        FindsAndFails().solve(problem, budget=20, seed=seed)
    return caught.value.result


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("impossible", [False, True], ids=["possible", "impossible"])
def test_report_of_runs_that_failed_or_found_nothing(tmp_path, impossible):
    problem = synthetic_problem(0, constraints=(Constraint("latency_s", 1e-9),) if impossible else ())
    results = tuple(failed_result(problem, seed) for seed in (0, 1))
    reference = Reference.of(optimum(problem, cache_dir=tmp_path))
    runs = tuple(Run("synthetic-0", "fails $|<b>", "0", False, result) for result in results)
    comparison = Comparison(settings(tmp_path), (TaskRuns("synthetic-0", problem, reference, runs),))
    text = write_report(comparison)[0].read_text()
    assert ("no design meets every limit" in text) == impossible
    assert ("(2 of 2 runs found none)" in text) == impossible
    assert "(2 of 2 runs failed)" in text
    assert (
        "- fails $\\|&lt;b>, seed 1: The solver failed; what was found until then is kept. ValueError: oh ## no" in text
    )
    assert "<b>" not in text


def test_a_solver_that_seldom_finds_a_design_is_not_judged_by_its_luck():
    problem = synthetic_problem(0)
    worse, better = sorted(
        (RandomSearch().solve(problem, budget=9, seed=seed) for seed in (0, 1)), key=lambda r: -r.best_objective
    )
    nothing = dataclasses.replace(better, trace=better.trace[:0])
    rows = summarise({"lucky": [better, nothing], "steady": [worse, worse], "never": [nothing, nothing]}, 1.0)
    assert [row.solver for row in rows] == ["steady", "lucky", "never"]


def test_whoever_read_the_tables_is_marked(comparison):
    looked = [
        dataclasses.replace(each, ledger=dataclasses.replace(each.ledger, tables_read=True))
        for each in comparison.tasks[0].by_solver()["random"]
    ]
    rows = summarise(comparison.tasks[0].by_solver() | {"random": looked}, optimum_of(comparison))
    assert "| random † |" in markdown(rows)
    assert "| evolution |" in markdown(rows)
    assert {"random †", "evolution"} <= {column.header for column in rich_table(rows, title="").columns}


def test_a_regret_has_no_share_of_a_zero_optimum(comparison):
    assert summarise(comparison.tasks[0].by_solver(), 0.0)[0].regret_pct.seeds == 0


def test_markdown_and_terminal_escape_names(comparison):
    runs = comparison.tasks[0].by_solver()["random"]
    rows = summarise({"<b>|[red]": runs}, optimum_of(comparison))
    assert "&lt;b>\\|" in markdown(rows)
    assert rich_table(rows, title="[bold]").columns[1].header == "<b>|\\[red]"
    assert csv_text(rows).splitlines()[1].startswith("<b>|[red],2,0,0,0,")
