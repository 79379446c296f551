"""The published baselines: what is on record is what the code gives, and pages say what the rows say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiments.baselines.__main__ import RECORD, main
from experiments.baselines.checking import drift, run_again, sampled
from experiments.baselines.page import page, tellings
from experiments.baselines.plan import TASKS, TRAINED, WITHOUT_A_TASK, solvers
from experiments.baselines.store import Row, load, save
from experiments.baselines.telling import telling
from solvers.catalog import solver_names

ROWS = load(Path(__file__).resolve().parents[1] / RECORD / "runs.csv.gz")

CHEAP = (
    "random",
    "evolution",
    "annealing",
    "network-evolution",
    "local-search",
    "dance-exact",
    "exhaustive",
    "network-first",
)


def test_every_solver_is_run_or_said_not_to_be() -> None:
    assert {*solvers(), *TRAINED, *WITHOUT_A_TASK} == set(solver_names())
    for task in TASKS:
        assert {row.solver for row in ROWS if row.task == task} >= {"random", "evolution", "ppo", "dance-exact", "gp"}


def test_the_pages_are_those_of_the_rows() -> None:
    assert (Path(__file__).resolve().parents[1] / RECORD / "report.md").read_text(encoding="utf-8") == page(ROWS)


@pytest.mark.parametrize("task", ["tiny/balanced", "macro-cifar10/edap", "macro-cifar10/latency-limited"])
def test_designs_are_worth_what_is_published(task: str) -> None:
    rows = [row for row in ROWS if row.task == task]
    assert drift(rows) == []
    edited = replace(rows[0], objective=rows[0].objective * 1.001)
    (told,) = drift([edited, *rows[1:]])
    assert f"{rows[0].solver} on {task}, seed {rows[0].seed}: the objective is" in told


def test_a_sample_of_runs_made_again_is_as_published(tmp_path: Path) -> None:
    cheap = [row for row in ROWS if row.solver in CHEAP and row.task.startswith(("tiny/", "macro-cifar10/"))]
    for old, new in run_again(sampled(cheap, 4, seed=0), tmp_path):
        assert old.same_run(new), (old, new)


def test_verify_finds_an_edited_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row for row in ROWS if (row.task, row.solver) == ("tiny/edap", "random")]
    edited = [replace(rows[0], evaluations=rows[0].evaluations - 1)]
    save(edited, tmp_path / "runs.csv.gz")
    command = ["--out", str(tmp_path), "--runs", str(tmp_path / "runs"), "--verify", "1"]
    assert main(command) == 1
    assert "random on tiny/edap, seed 0: another run" in capsys.readouterr().out
    save(rows, tmp_path / "runs.csv.gz")
    assert main(command) == 0


def test_no_row_to_verify_is_a_mistake(tmp_path: Path) -> None:
    assert main(["--out", str(tmp_path), "--verify", "1"]) == 2


def row(solver: str, seed: int, regret: float) -> Row:
    return Row(
        "t/v",
        solver,
        seed,
        "values",
        "BUDGET_SPENT",
        "0-1",
        1.0,
        regret,
        regret,
        regret,
        regret,
        1,
        0,
        1,
        1,
        0.5,
        0.1,
        0.0,
    )


def test_telling_counts_pairs_that_differ() -> None:
    draws = np.random.default_rng(0).uniform(0.0, 1.0, (3, 10))
    rows = [
        row(name, seed, value + low)
        for name, low, values in zip("abc", (0, 0, 5), draws, strict=True)
        for seed, value in enumerate(values)
    ]
    found = telling(rows)
    assert (found.solvers, found.pairs, found.different, found.solved) == (3, 3, 2, 0)
    assert found.tells
    same = telling([row(name, seed, 0.0) for name in "abc" for seed in range(10)])
    assert (same.different, same.apart, same.solved, same.tells) == (0, 0, 3, False)


def test_too_few_runs_decide_nothing() -> None:
    few = telling([row(name, seed, value) for name, value in (("a", 0.0), ("b", 9.0)) for seed in range(3)])
    assert (few.pairs, few.apart, few.different, few.tells) == (1, 1, None, None)


def test_rows_survive_the_file(tmp_path: Path) -> None:
    rows = [row("a", 0, float("inf")), replace(row("b", 1, 0.1), gpu_hours=float("nan"), design="")]
    save(rows, tmp_path / "rows.gz")
    again = load(tmp_path / "rows.gz")
    assert [old.same_run(new) for old, new in zip(rows, again, strict=True)] == [True, True]
    save(again, tmp_path / "again.gz")
    assert (tmp_path / "again.gz").read_bytes() == (tmp_path / "rows.gz").read_bytes()


def test_no_run_of_the_record_failed() -> None:
    assert {each.status for each in ROWS} == {"BUDGET_SPENT", "STOPPED_EARLY", "NOTHING_FEASIBLE"}
    assert {each.solver for each in ROWS} <= set(solver_names())


def test_tellings_are_of_every_task() -> None:
    assert [each.task for each in tellings(ROWS)] == list(TASKS)


def test_the_page_says_which_solvers_have_fewer_seeds() -> None:
    rows = [row(name, seed, value) for name, seeds, value in (("a", 5, 0.0), ("b", 2, 9.0)) for seed in range(seeds)]
    assert "Fewer seeds: `b` 2." in page(rows)
    assert "Fewer seeds" not in page([each for each in rows if each.solver == "a"])
