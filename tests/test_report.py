"""The report: figures over seeds, ranks, tables that fit, text of others as it stands, files written whole."""

from __future__ import annotations

import csv
import dataclasses
import io
import math
import os
import re
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from dance_env.analysis.exact import optimum
from dance_env.analysis.optimum import Certificate, Proof
from dance_env.objective import Constraint
from dance_env.testing import synthetic_problem
from solvers import Budget, Solver, SolverFailed
from solvers.comparison.reference import Reference
from solvers.comparison.run import Comparison, Run, TaskRuns
from solvers.comparison.settings import Settings
from solvers.comparison.table import long_table, regret_pct_at, regret_pct_at_gpu_hours, regret_pct_at_networks
from solvers.methods.random_search import RandomSearch
from solvers.report.bill import bill_table, break_even_table
from solvers.report.latex import latex
from solvers.report.page import write_report
from solvers.report.summary import Sample, summarize
from solvers.report.table import count, csv_text, markdown, note, plain, regret_at_budgets, rich_table


def comparison_of(tmp_path, problem, results) -> Comparison:
    """A comparison of results (label -> results), as `compare` gathers it."""
    reference = Reference.of(optimum(problem, cache_dir=tmp_path / "cache"))
    runs = tuple(
        Run(problem.name, label, f"digest of {label}", result) for label, each in results.items() for result in each
    )
    task = TaskRuns(problem.name, problem, reference, runs)
    return Comparison(Settings(tasks=problem, solvers=[RandomSearch()], out=tmp_path / "out", budget=30), (task,))


@pytest.fixture(scope="module")
def problem():
    return synthetic_problem(0)


@pytest.fixture(scope="module")
def random_runs(problem):
    return [RandomSearch().solve(problem, budget=30, seed=seed) for seed in (0, 1, 2)]


@pytest.fixture
def comparison(tmp_path, problem, random_runs):
    short = [RandomSearch().solve(problem, budget=4, seed=seed) for seed in (0, 1, 2)]
    return comparison_of(tmp_path, problem, {"short": short, "random": random_runs})


def test_a_sample_keeps_its_values_and_counts_missing_ones_as_infinite():
    sample = Sample((3.0, math.inf, 1.0, math.nan))
    assert sample.values[2] == 1.0
    assert (sample.reached, sample.best, sample.worst) == (2, 1.0, math.inf)
    assert (sample.mean, sample.std) == (2.0, pytest.approx(math.sqrt(2.0)))
    assert sample.median == math.inf  # two of four have it: the upper median is not luck
    assert Sample((3.0, 1.0, math.inf)).median == 3.0
    nothing = Sample((math.nan,))
    assert nothing.median == math.inf
    assert math.isnan(nothing.mean)


def test_figures_are_those_of_the_best_designs(comparison, random_runs):
    rows = {row.solver: row for row in summarize(long_table(comparison))}
    objectives = [run.best_objective for run in random_runs]
    lowest = comparison.tasks[0].reference.objective
    row = rows["random"]
    assert row["objective"].values == tuple(objectives)
    assert row["regret_pct"].values == pytest.approx([100 * (each - lowest) / lowest for each in objectives])
    best = [run.trace[np.array([run.best])] for run in random_runs]
    assert row["latency_ms"].values == pytest.approx([1e3 * each.latency_s[0] for each in best])
    assert row["error_pct"].values == pytest.approx([each.error_pct[0] for each in best])
    assert row["queries"].values == (30.0, 30.0, 30.0)
    assert row.access == "values"


def test_the_better_median_ranks_first(comparison):
    rows = summarize(long_table(comparison))
    assert [row.solver for row in rows] == ["random", "short"]
    assert rows[0]["objective"].median <= rows[1]["objective"].median


def test_regret_at_a_number_of_queries_is_that_of_the_best_until_then(random_runs):
    run = random_runs[0]
    best = run.trace.best_so_far()
    lowest = float(best[-1])
    found = regret_pct_at(run, lowest)
    assert list(found) == [20, 30]
    assert found[20] == pytest.approx(100 * (best[19] - lowest) / lowest)
    assert found[30] == 0.0
    asking = dataclasses.replace(
        run, trace=dataclasses.replace(run.trace, gradient_queries=np.full(len(best), 15)), budget=Budget(45)
    )
    assert regret_pct_at(asking, lowest)[20] == pytest.approx(100 * (best[4] - lowest) / lowest)
    early = dataclasses.replace(
        run, trace=dataclasses.replace(run.trace, gradient_queries=np.full(len(best), 25)), budget=Budget(45)
    )
    assert regret_pct_at(early, lowest)[20] == math.inf  # nothing was known by then


def test_the_report_holds_tables_and_figures(comparison):
    page = write_report(comparison, command=("compare.py", "--task", "t"))[0]
    text = page.read_text(encoding="utf-8")
    rows = summarize(long_table(comparison))
    reference = comparison.tasks[0].reference
    for name in ("best_so_far_queries.png", "best_so_far_cost_pairs.png", "best_so_far_seconds.png", "error_edap.png"):
        assert name in text
        assert (page.parent / name).read_bytes().startswith(b"\x89PNG")
        assert (page.parent / name).with_suffix(".svg").is_file()
        assert (page.parent / name).with_suffix(".pdf").is_file()
    assert markdown(rows, reference=reference) in text
    assert "compare.py --task t" in (page.parent / "report.html").read_text(encoding="utf-8")
    assert regret_at_budgets(rows) in text
    table = list(csv.DictReader(io.StringIO((page.parent / "table.csv").read_text(encoding="utf-8"))))
    assert [row["solver"] for row in table] == [row.solver for row in rows]
    assert float(table[0]["objective_median"]) == rows[0]["objective"].median
    runs = list(csv.DictReader(io.StringIO((page.parent / "runs.csv").read_text(encoding="utf-8"))))
    assert len(runs) == 6
    assert {row["solver"]: row["regret_pct_at_20"] == "" for row in runs} == {"short": True, "random": False}


def test_the_table_is_there_for_papers_and_data_frames(comparison):
    page = write_report(comparison, curves=())[0]
    text = (page.parent / "table.tex").read_text(encoding="utf-8")
    rows = summarize(long_table(comparison))
    body = text[text.index(r"\midrule") : text.index(r"\bottomrule")]
    assert [line.split(" & ")[0].strip() for line in body.splitlines()[1:-1]] == [row.solver for row in rows]
    assert f"{rows[0]['objective'].median:.3f}" in body
    columns = len(re.search(r"\\begin\{tabular\}\{(\w+)\}", text)[1])
    assert {line.count(" & ") + 1 for line in text.splitlines() if line.endswith(r"\\")} == {columns}
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    table = parquet.read_table(page.parent / "runs.parquet").to_pydict()
    assert table["objective"] == [row.figures["objective"] for row in long_table(comparison)]
    assert table["seed"] == [0, 1, 2, 0, 1, 2]


def test_latex_prints_a_users_text_as_it_stands():
    assert latex("a_b & 100% $x$ #1 {~^}") == r"a\_b \& 100\% \$x\$ \#1 \{\textasciitilde{}\textasciicircum{}\}"
    assert latex("\\input{x}\n\nb") == r"\textbackslash{}input\{x\} b"


def test_the_report_is_utf_8_whatever_the_locale_and_whole_or_not_there(comparison, monkeypatch):
    monkeypatch.setattr("locale.getpreferredencoding", lambda *_: "ascii")
    page = write_report(comparison, curves=())[0]
    assert "mm²" in page.read_bytes().decode("utf-8")
    before = page.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match=r"runs\.csv.*No space left"):
        write_report(comparison, curves=())
    assert page.read_bytes() == before


@dataclasses.dataclass(frozen=True)
class FindsAndFails(Solver):
    name = "fails $|<b>![x](y)"

    def search(self, problem, rng):
        problem.evaluate(problem.space.sample(rng, 5))
        raise ValueError("oh\n## no <b> \udcff")


def failed_result(problem, seed):
    with pytest.raises(SolverFailed) as caught:
        FindsAndFails().solve(problem, budget=20, seed=seed)
    return caught.value.result


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("impossible", [False, True], ids=["possible", "impossible"])
def test_runs_that_failed_or_found_nothing_do_not_break_the_report(tmp_path, impossible):
    problem = synthetic_problem(0, constraints=(Constraint("latency_s", 1e-9),) if impossible else ())
    failed = [failed_result(problem, seed) for seed in (0, 1)]
    good = [RandomSearch().solve(problem, budget=2, seed=seed) for seed in (0, 1)]
    comparison = comparison_of(tmp_path, problem, {"fails $|<b>![x](y)": failed, "good": good})
    rows = summarize(long_table(comparison))
    text = write_report(comparison, curves=("queries",))[0].read_text(encoding="utf-8")
    assert [row.solver for row in rows][-1].startswith("fails") or impossible
    assert ("o design meets every limit" in text) == impossible
    assert ("good (2 of 2 found none)" in text) == impossible
    assert "(2 of 2 failed)" in text
    assert "A failed run counts as one that found nothing." in text
    assert "Traceback (most recent call last)" in text
    assert "\n## no" not in text
    assert "<b>" not in text.replace("no <b>", "")  # literal in the indented traceback only
    assert "![x](y)" not in text


def test_a_failed_run_is_not_ranked_by_what_it_had_found(tmp_path, problem):
    """Its five designs may hold the best of all: it still ranks last."""
    failed = [failed_result(problem, seed) for seed in (0, 1)]
    worst = [RandomSearch().solve(problem, budget=1, seed=seed) for seed in (5, 6)]
    comparison = comparison_of(tmp_path, problem, {"fails": failed, "worst": worst})
    rows = summarize(long_table(comparison))
    assert [row.solver for row in rows] == ["worst", "fails"]
    assert rows[1]["objective"].reached == 0


def test_a_solver_that_seldom_finds_a_design_is_not_judged_by_its_luck(tmp_path, problem):
    worse, better = sorted(
        (RandomSearch().solve(problem, budget=9, seed=seed) for seed in (0, 1)), key=lambda r: -r.best_objective
    )
    nothing = dataclasses.replace(better, trace=better.trace[:0])
    groups = {"lucky": [better, nothing], "steady": [worse, worse], "never": [nothing, nothing]}
    rows = summarize(long_table(comparison_of(tmp_path, problem, groups)))
    assert [row.solver for row in rows] == ["steady", "lucky", "never"]


def test_access_is_shown_for_every_solver_whatever_its_name(tmp_path, problem, random_runs):
    looked = [dataclasses.replace(run, ledger=dataclasses.replace(run.ledger, tables_read=True)) for run in random_runs]
    comparison = comparison_of(tmp_path, problem, {"exhaustive": random_runs, "mine": looked})
    rows = summarize(long_table(comparison))
    assert {row.solver: row.access for row in rows} == {"exhaustive": "values", "mine": "white box"}
    assert all(row["spent_to_close"].values for row in rows)
    text = markdown(rows, reference=comparison.tasks[0].reference)
    assert "| mine | white box |" in text
    assert "| exhaustive | values |" in text


@pytest.mark.parametrize("solvers", [1, 3, 15])
def test_the_terminals_table_is_readable_at_80_columns(tmp_path, problem, random_runs, solvers):
    groups = {f"solver-with-a-long-name-{number}:population=20": random_runs for number in range(solvers)}
    comparison = comparison_of(tmp_path, problem, groups)
    rows = summarize(long_table(comparison))
    console = Console(width=80, file=io.StringIO(), force_terminal=False)
    console.print(rich_table(rows, title="t", reference=comparison.tasks[0].reference))
    text = console.file.getvalue()
    assert "…" not in text
    objective = f"{rows[0]['objective'].median:,.3f}"
    assert text.count(objective) == solvers


def test_text_of_others_is_shown_as_it_stands(tmp_path, problem, random_runs):
    comparison = comparison_of(tmp_path, problem, {"<b>|[red]": random_runs, "=1+1": random_runs})
    rows = summarize(long_table(comparison))
    reference = comparison.tasks[0].reference
    assert "&lt;b>\\|\\[red\\]" in markdown(rows, reference=reference)
    console = Console(width=100, file=io.StringIO())
    console.print(rich_table(rows, title="[bold]", reference=reference))
    assert "<b>|[red]" in console.file.getvalue()
    assert "'=1+1" in csv_text(rows)
    assert plain("a\n\n# b `c` ![d](e)") == "a # b \\`c\\` \\!\\[d\\](e)"


def test_notes_explain_what_is_shown(comparison):
    rows = summarize(long_table(comparison))
    text = note(rows, comparison.tasks[0].reference)
    assert "Median over 3 seeds" in text
    assert "exact optimum" in text
    assert "Evaluator samples" not in text
    assert "the best design that these runs found" in note(rows, Reference(1.0, exact=False))


def test_a_shared_evaluator_is_said(tmp_path, problem, random_runs):
    shared = [
        dataclasses.replace(run, ledger=dataclasses.replace(run.ledger, evaluator_shared=True)) for run in random_runs
    ]
    comparison = comparison_of(tmp_path, problem, {"learned": shared, "random": random_runs})
    text = note(summarize(long_table(comparison)), comparison.tasks[0].reference)
    assert "One evaluator served all seeds of learned: their spread leaves out its training" in text


def test_counts_are_whole_below_a_million():
    assert [count(each) for each in (264.0, 1234567.0, math.inf, math.nan)] == ["264", "1.23e6", "never", "–"]


def timed_comparison(tmp_path: Path) -> Comparison:
    class Hours:
        def gpu_hours(self, networks):
            return 1.0 + networks.sum(axis=1)

    problem = dataclasses.replace(synthetic_problem(0), training_time=Hours())
    solvers = {"random": RandomSearch(), "short": RandomSearch(batch=4)}
    groups = {
        label: [solver.solve(problem, budget="30gpuh", seed=seed) for seed in (0, 1)]
        for label, solver in solvers.items()
    }
    return comparison_of(tmp_path, problem, groups)


def test_the_report_shows_the_bill(tmp_path):
    comparison = timed_comparison(tmp_path)
    rows = long_table(comparison)
    for row in rows:
        assert list(row.regret_pct_at_gpu_hours) == [1, 5, 25, 30]
        assert row.regret_pct_at == {}
        assert row.flat()["gpu_hours"] == row.ledger["training_gpu_hours"] <= 30
        assert row.flat()["regret_pct_at_gpu_hours_30"] == row.figures["regret_pct"]
    text = write_report(comparison, curves=("gpu_hours",))[0].read_text(encoding="utf-8")
    assert "after so many GPU-hours of the same runs" in text
    assert "after so many evaluations" not in text
    assert bill_table(summarize(rows)) in text
    assert "best_so_far_gpu_hours.png" in text
    assert "best_so_far_queries.png" not in text


def test_regret_at_trained_networks_is_that_of_the_best_until_then(tmp_path):
    run = timed_comparison(tmp_path).results[0]
    trained, best = run.trace.trained_networks, run.trace.best_so_far()
    found = regret_pct_at_networks(run, 1.0)
    row = np.flatnonzero(trained <= 10)[-1]
    assert found[10] == pytest.approx(100 * (best[row] - 1.0))
    hours = regret_pct_at_gpu_hours(run, 1.0)
    row = np.flatnonzero(run.trace.gpu_hours <= 25)[-1]
    assert hours[25] == pytest.approx(100 * (best[row] - 1.0))


def test_break_even_is_shown_for_who_pays_for_a_supernet(tmp_path):
    comparison = timed_comparison(tmp_path)
    rows = summarize(long_table(comparison))
    assert break_even_table(rows) == ""
    supernet = {"supernet_gpu_hours": 20.0, "training_gpu_hours": 3.0, "final_training_gpu_hours": 2.0}
    sampled = {"supernet_gpu_hours": 0.0, "training_gpu_hours": 8.0, "final_training_gpu_hours": 2.0}
    pair = [with_hours(rows[0], "gradients", supernet), with_hours(rows[1], "values", sampled)]
    assert break_even_table(pair).splitlines()[-1].endswith("| 4 |")  # 20 + 4 x 5 = 4 x 10


def with_hours(row, access, hours):
    figures = hours | {
        "fixed_gpu_hours": hours["supernet_gpu_hours"],
        "per_design_gpu_hours": hours["training_gpu_hours"] + hours["final_training_gpu_hours"],
    }
    samples = dict(row.samples) | {name: Sample((value,)) for name, value in figures.items()}
    return dataclasses.replace(row, access=access, samples=samples)


@pytest.mark.parametrize("gap", [0.0, 0.1])
def test_a_proof_that_ships_is_the_reference_of_a_space_too_large_to_enumerate(monkeypatch, problem, gap):
    objective = 5.0
    proof = Proof(
        "p", None, objective, objective - gap, None, {}, Certificate((), (), 0, 0, 0, 0, 0, 0, 0, 0, 0.0, 0.0)
    )
    monkeypatch.setattr("solvers.comparison.reference.shipped_optimum", lambda _: proof)
    found = Reference.shipped(problem)
    if gap:
        assert found is None  # then the best known serves
    else:
        assert (found.exact, str(found)) == (True, "proved optimum of the objective 5.000000")
