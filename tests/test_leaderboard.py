"""`dance leaderboard`: what a class hands in is verified, ranked, and never trusted."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from inline import Inline

from dance_env import make_problem
from dance_env.analysis.exact import optimum
from solvers import Budget, Result, SolverSpec, cli, record_path
from solvers.comparison.compare import compare
from solvers.comparison.settings import Settings
from solvers.leaderboard import Assignment, leaderboard, read_submissions
from solvers.leaderboard.page import write_page
from solvers.methods.random_search import RandomSearch

TASK, BUDGET, SEEDS = "tiny/balanced", 40, (0, 1)


def hand_in(out: Path, solver, *, label="mine", task=TASK, budget=BUDGET, seeds=SEEDS):
    """A folder of the records of one solver, without a manifest: the fast way."""
    for seed in seeds:
        result = dataclasses.replace(solver.solve(task, budget=budget, seed=seed), label=label)
        result.save(
            record_path(out / "records", task=result.task, solver=label, settings="0", budget=budget, seed=seed)
        )
    return out


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """Three participants: two different searches, and a copy of the first."""
    place = tmp_path_factory.mktemp("class")
    for name, spec in {
        "alice": SolverSpec("random", {"batch": 4}, label="mine"),
        "bob": SolverSpec("evolution", {"population": 8}, label="genes"),
    }.items():
        compare(Settings(tasks=TASK, solvers=[spec], seeds=SEEDS, budget=BUDGET, out=place / name), executor=Inline())
    shutil.copytree(place / "alice", place / "carol")
    return place


@pytest.fixture
def place(honest, tmp_path):
    """A copy to damage."""
    return Path(shutil.copytree(honest, tmp_path / "class"))


def board_of(place, **given):
    submissions = read_submissions(place)
    return leaderboard(submissions, Assignment.of(submissions, **given))


def records(folder):
    return sorted((folder / "records").glob("*.npz"))


def forget_manifest(folder):
    (folder / "manifest.json").unlink()


def reasons_of(board, participant):
    return " | ".join(reason for each in board.refused if each.participant == participant for reason in each.reasons)


def ranked(board):
    return [entry.participant for entry in board.entries]


def test_a_class_is_ranked_by_the_median_regret(honest):
    board = board_of(honest)
    assert not board.refused
    assert (board.assignment.problem.name, board.assignment.budget, board.assignment.seeds) == (TASK, Budget(40), SEEDS)
    assert board.designs == 3 * 2 * BUDGET
    best = optimum(make_problem(TASK)).objective
    found = {
        name: [Result.load(path).best_objective for path in records(honest / name)]
        for name in ("alice", "bob", "carol")
    }
    order = sorted(found, key=lambda name: np.median(found[name]))
    assert ranked(board) == order
    for entry in board.entries:
        assert entry.median == pytest.approx(np.median(found[entry.participant]))
        assert entry.median_pct == pytest.approx(100 * (np.median(found[entry.participant]) / best - 1))
        assert entry.worst_pct == pytest.approx(100 * (max(found[entry.participant]) / best - 1))
    alice, carol = (next(entry for entry in board.entries if entry.participant == name) for name in ("alice", "carol"))
    assert alice.rank == carol.rank
    assert (alice.same_as, carol.same_as) == ((), ("alice",))


def test_the_command_prints_a_table_or_json_and_writes_the_page(place, capsys):
    assert cli.main(["leaderboard", str(place)]) == 0
    shown = capsys.readouterr().out
    assert "Leaderboard of tiny/balanced" in shown
    assert "carol: mine: the same runs as alice" in shown
    page = (place / "leaderboard.html").read_text("utf-8")
    assert page.count('<th scope="row">') == 3
    assert cli.main(["leaderboard", str(place), "--json", "--page", str(place / "other.html")]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [each["participant"] for each in answer["ranking"]] == ranked(board_of(place))
    assert answer["reference"]["kind"] == "exact optimum"
    assert (place / "other.html").is_file()


@pytest.mark.parametrize("manifest", ["left", "edited", "deleted"])
def test_an_edited_objective_is_found_whatever_becomes_of_the_manifest(place, manifest):
    path = records(place / "alice")[0]
    result = Result.load(path)
    result.trace.objective[3] = 0.1
    result.save(path)
    if manifest == "edited":
        from solvers.comparison.archive.manifest import digest

        file = place / "alice" / "manifest.json"
        content = json.loads(file.read_text())
        content["records"][path.name] = digest(path)
        file.write_text(json.dumps(content))
    if manifest == "deleted":
        forget_manifest(place / "alice")
    board = board_of(place)
    assert "alice" not in ranked(board)
    assert "1 of 40 designs are evaluated otherwise now; most of all objective" in reasons_of(board, "alice")
    assert ("it was edited" in reasons_of(board, "alice")) == (manifest == "left")


def test_another_task_or_budget_is_refused(place):
    hand_in(place / "dora", RandomSearch(), task="tiny/edap")
    hand_in(place / "emil", RandomSearch(), budget=41)
    board = board_of(place)
    assert reasons_of(board, "dora") == "seeds 0, 1: it is of the task tiny/edap, not of tiny/balanced"
    assert "its budget was 41 evaluations + gradient queries, not 40" in reasons_of(board, "emil")
    assert ranked(board_of(place, task="tiny/edap")) == ["dora"]
    assert ranked(board_of(place, budget="41")) == ["emil"]


def test_a_task_that_only_calls_itself_so_is_refused(place):
    """Records of an easier problem under the task's name."""
    easier = dataclasses.replace(make_problem("tiny/edap"), name=TASK)
    hand_in(place / "dora", RandomSearch(), task=easier)
    reasons = reasons_of(board_of(place), "dora")
    assert "the problem has another fingerprint now" in reasons
    assert "40 of 40 designs are evaluated otherwise now" in reasons


def test_a_run_that_stands_for_two_seeds_is_refused(place):
    first, second = records(place / "bob")
    dataclasses.replace(Result.load(first), seed=1).save(second)
    forget_manifest(place / "bob")
    assert "seeds 0 and 1 are one run" in reasons_of(board_of(place), "bob")


def test_the_better_of_two_runs_of_a_seed_is_not_picked(place):
    hand_in(place / "again", RandomSearch(), label="genes")
    shutil.copy(records(place / "again")[0], place / "bob" / "records")
    shutil.rmtree(place / "again")
    forget_manifest(place / "bob")
    assert reasons_of(board_of(place), "bob") == "seed 0: there are two runs of this seed; hand in one"


def test_missing_seeds_are_told_and_further_ones_passed_over(place):
    hand_in(place / "dora", RandomSearch(), seeds=(0,))
    hand_in(place / "emil", RandomSearch(), seeds=(0, 1, 2))
    board = board_of(place)
    assert reasons_of(board, "dora") == "there is no run of seed 1"
    assert [len(entry.objectives) for entry in board.entries if entry.participant == "emil"] == [2]
    records(place / "bob")[1].unlink()
    assert "is missing: the manifest names it" in reasons_of(board_of(place, seeds=SEEDS), "bob")


def test_one_deterministic_run_counts_and_is_marked(place, capsys):
    path, other = records(place / "alice")
    dataclasses.replace(Result.load(path), deterministic=True, solver="alices").save(path)
    other.unlink()
    forget_manifest(place / "alice")
    assert cli.main(["leaderboard", str(place)]) == 0
    assert "alice: mine: one run, declared deterministic" in capsys.readouterr().out


def test_a_solver_that_ships_and_is_not_deterministic_cannot_be_said_to_be(place):
    path, other = records(place / "alice")
    dataclasses.replace(Result.load(path), deterministic=True).save(path)
    other.unlink()
    forget_manifest(place / "alice")
    reasons = reasons_of(board_of(place), "alice")
    assert reasons == "its one run is said to be deterministic, and random is not: hand in a run of each seed"


def test_what_is_no_submission_is_listed_with_the_reason(place):
    (place / "notes.txt").write_text("passed over")
    (place / "dora.zip").write_bytes(b"PK")
    (place / "empty").mkdir()
    (place / "frank" / "records").mkdir(parents=True)
    (place / "frank" / "records" / "a.npz").write_bytes(b"no zip")
    board = board_of(place)
    assert "unpack it" in reasons_of(board, "dora.zip")
    assert "holds no records" in reasons_of(board, "empty")
    assert "not a whole record" in reasons_of(board, "frank")
    assert str(place) not in reasons_of(board, "empty") + reasons_of(board, "frank")
    assert board.participants == 6


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links here")
def test_links_are_not_followed(place):
    (place / "dora").symlink_to(place / "alice")
    Path(place / "bob" / "records" / "more.npz").symlink_to(records(place / "alice")[0])
    board = board_of(place)
    assert "it is a link" in reasons_of(board, "dora")
    assert "it holds a link (more.npz)" in reasons_of(board, "bob")
    assert ranked(board) == ["alice", "carol"]


def test_no_code_of_a_submission_runs(place):
    mark = place / "ran"
    evil = place / "bob" / "evil.py"
    evil.write_text(f"open({str(mark)!r}, 'w')\ndef task(): ...\n")
    for path in records(place / "bob"):
        dataclasses.replace(Result.load(path), task=f"{evil}:task").save(path)
    manifest = json.loads((place / "bob" / "manifest.json").read_text())
    manifest["tasks"] = {name: {"made_by": f"{evil}:task"} for name in (TASK, f"{evil}:task")}
    (place / "bob" / "manifest.json").write_text(json.dumps(manifest))
    board = board_of(place)
    assert ranked(board) == ["alice", "carol"]
    assert "it is of the task" in reasons_of(board, "bob")
    shutil.rmtree(place / "alice")
    shutil.rmtree(place / "carol")
    with pytest.raises(ValueError, match="no submission has a task that can be told; give it with --task"):
        board_of(place)
    assert not mark.exists()


def test_names_are_shown_and_not_obeyed(place, capsys, tmp_path):
    name, label = "<img src=x onerror=alert(1)>", "[red]</td><script>x()</script>\x1b[31m"
    hand_in(place / name, RandomSearch(), label=label)
    (place / "[bold]{{ 7 * 7 }}").mkdir()
    page = write_page(tmp_path / "page.html", board_of(place)).read_text("utf-8")
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "{{ 7 * 7 }}" in page
    assert not [each for each in ("<img", "<script", "\x1b") if each in page]
    assert cli.main(["leaderboard", str(place)]) == 0
    shown = capsys.readouterr().out
    assert "[bold]{{ 7 * 7 }}" in shown
    assert "\x1b[31m" not in shown


def test_what_counts_is_asked_for_where_it_cannot_be_told(place, capsys):
    shutil.rmtree(place / "carol")
    shutil.rmtree(place / "bob")
    hand_in(place / "bob", RandomSearch(), task="tiny/edap")
    assert cli.main(["leaderboard", str(place)]) == 2
    assert "say which one counts with --task" in capsys.readouterr().err
    assert cli.main(["leaderboard", str(place), "--task", "tiny/edap", "--seeds", "0,0"]) == 2
    assert "none twice" in capsys.readouterr().err
    assert cli.main(["leaderboard", str(place / "nothing")]) == 2
    assert "there is no folder" in capsys.readouterr().err
    (place / "none").mkdir()
    assert cli.main(["leaderboard", str(place / "none")]) == 2
    assert "holds no folders" in capsys.readouterr().err
