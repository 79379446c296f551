"""What a comparison leaves on disk: manifest, verification, reports from records, best known designs."""

from __future__ import annotations

import dataclasses
import json
import math
import platform
import shutil
from pathlib import Path

import numpy as np
import pytest
from inline import Inline

from dance_env.analysis.exact import optimum
from dance_env.tasks import UNTRAINED
from dance_env.testing import synthetic_problem
from solvers import RecordError, Result, SolverSpec, cli
from solvers.comparison.archive.best_known import BestKnown, KnownDesign, best_known_of
from solvers.comparison.archive.folder import RunFolder
from solvers.comparison.archive.manifest import read_manifest
from solvers.comparison.archive.merging import Clash, merged
from solvers.comparison.archive.problems import Problems
from solvers.comparison.archive.verifying import verify
from solvers.comparison.compare import compare
from solvers.comparison.settings import Settings
from solvers.comparison.sources import Sources
from solvers.comparison.table import csv_text, long_table
from solvers.methods.random_search import RandomSearch
from solvers.report.page import write_report

GOLDEN = Path(__file__).parent / "golden"
PROBLEM = dataclasses.replace(synthetic_problem(0), name="made")


def run(out: Path, **changes):
    """A comparison of two solvers, all in this process."""
    values = {
        "tasks": PROBLEM,
        "solvers": [SolverSpec("random"), SolverSpec("random", {"batch": 4}, label="small")],
        "seeds": (0, 1),
        "budget": 30,
        "out": out,
    }
    return compare(Settings(**(values | changes)), executor=Inline())


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    return run(tmp_path_factory.mktemp("ran"))


@pytest.fixture
def folder(ran, tmp_path):
    """A copy to damage."""
    return Path(shutil.copytree(ran.settings.out, tmp_path / "run"))


def opened(*folders):
    folders = [RunFolder.open(each) for each in folders]
    return folders, Problems.of(folders, [PROBLEM], Settings().sources)


def checks_of(folder, problem=PROBLEM):
    folders, problems = opened(folder)
    problems.given[PROBLEM.name] = problem
    return list(verify(folders[0], problems))


# ------------------------------------------------------------------------------------------------- manifest, versions


def test_the_manifest_says_what_was_compared_and_names_no_machine(ran):
    out = ran.settings.out
    manifest = read_manifest(out)
    assert manifest["tasks"]["made"]["fingerprint"] == PROBLEM.fingerprint()
    assert manifest["solvers"]["small"]["settings"] == {"batch": 4}
    assert (manifest["seeds"], manifest["budget"]) == ([0, 1], "30")
    assert manifest["runs"] == {"planned": 4, "ended": 4, "failed": 0}
    assert manifest["ledger"]["evaluations"] == {"total": 120, "unit": "designs"}
    assert manifest["ledger"]["training_gpu_hours"]["total"] is None  # not known is not 0
    assert set(manifest["records"]) == {path.name for path in (out / "records").iterdir()}
    text = (out / "manifest.json").read_text(encoding="utf-8")
    assert str(out) not in text
    assert platform.node() not in text or len(platform.node()) < 4


def test_the_manifest_has_the_digest_of_own_files_and_no_infinity(tmp_path):
    table = tmp_path / "table.json"
    table.write_text("{}")
    sources = Sources(accuracy_table=table, supernet=Path(UNTRAINED))
    given = Settings(PROBLEM, ["random"], (0,), 4, tmp_path / "out", sources=sources, timeout_s=math.inf)
    compare(given, executor=Inline())
    text = (tmp_path / "out" / "manifest.json").read_text(encoding="utf-8")
    manifest = json.loads(text, parse_constant=pytest.fail)
    assert manifest["own_files"] == {
        "accuracy_table": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",  # of {}, by sha256sum
        "supernet": None,
    }
    assert manifest["timeout_s"] is None


def test_the_manifest_is_there_before_the_first_run(tmp_path, capsys):
    class Stopped(Inline):
        def submit(self, *_, **__):
            raise KeyboardInterrupt

    settings = Settings(tasks=PROBLEM, solvers=["random"], seeds=(0,), budget=30, out=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        compare(settings, executor=Stopped())
    manifest = read_manifest(tmp_path)
    assert manifest["runs"] == {"planned": 1, "ended": 0, "failed": 0}
    assert list(manifest["records"].values()) == [None]
    for command in ("report", "verify"):
        assert cli.main([command, str(tmp_path)]) == 2
        assert "holds no records yet: no run of its comparison has ended" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read"),
        ('{"kind": "dance comparison", "version": 2}', "is a run folder of version 2; this library reads version 1"),
        ('{"kind": "dance comparison", "version": 1}', "says nothing of records or tasks"),
        ("[]", "is no manifest of a comparison"),
    ],
)
def test_a_manifest_of_another_version_or_damaged_is_told(folder, content, message, capsys):
    (folder / "manifest.json").write_text(content, encoding="utf-8")
    with pytest.raises(RecordError, match=message):
        RunFolder.open(folder)
    assert cli.main(["verify", str(folder)]) == 2
    assert message in capsys.readouterr().err


def test_records_of_version_2_are_read_and_of_version_1_refused():
    """Both were written by this project's code of those versions (random on tiny/balanced, budget 12, seed 3)."""
    result = Result.load(GOLDEN / "record_v2.npz")
    assert (result.solver, result.task, result.seed, len(result.trace)) == ("random", "tiny/balanced", 3, 12)
    assert np.isnan(result.trace.trained_networks).all()
    assert (result.label, result.deterministic, result.ledger.networks) == ("", False, 10)
    with pytest.raises(RecordError, match=r"version 1; this library reads versions \(2, 3\)"):
        Result.load(GOLDEN / "record_v1.npz")


# -------------------------------------------------------------------------------------------------------- verification


def test_whole_records_hold(ran):
    checks = checks_of(ran.settings.out)
    assert [check.holds for check in checks] == [True] * 4
    assert {(check.label, check.seed, check.rows) for check in checks} == {
        (label, seed, 30) for label in ("random", "small") for seed in (0, 1)
    }


def test_drift_is_found_where_costs_change(ran):
    changed = dataclasses.replace(synthetic_problem(1), name="made")
    for check in checks_of(ran.settings.out, changed):
        assert "another fingerprint" in check.problems[0]
        assert 0 < check.drifted_rows <= check.rows
        assert check.largest["objective"] > 1e-6
        assert not check.holds


def test_an_edited_figure_is_found(folder):
    path = next((folder / "records").glob("made__small*seed1.npz"))
    result = Result.load(path)
    objective = result.trace.objective.copy()
    objective[7] *= 1.001
    dataclasses.replace(result, trace=dataclasses.replace(result.trace, objective=objective)).save(path)
    (wrong,) = (check for check in checks_of(folder) if not check.holds)
    assert (wrong.label, wrong.seed, wrong.drifted_rows) == ("small", 1, 1)
    assert "SHA-256" in wrong.problems[0]
    assert wrong.largest == {"objective": pytest.approx(1e-3, rel=2e-3)}


def test_an_edited_clock_is_found_by_its_digest(folder):
    path = next((folder / "records").glob("made__small*seed1.npz"))
    result = Result.load(path)
    seconds = result.trace.solver_seconds + 1.0
    dataclasses.replace(result, trace=dataclasses.replace(result.trace, solver_seconds=seconds)).save(path)
    (wrong,) = (check for check in checks_of(folder) if not check.holds)
    assert "edited" in wrong.problems[0]
    assert wrong.drifted_rows == 0


def test_a_bill_of_fewer_networks_than_the_trace_has_is_found(folder):
    path = next((folder / "records").glob("made__small*seed1.npz"))
    result = Result.load(path)
    networks = result.ledger.networks
    assert networks > 1
    dataclasses.replace(result, ledger=dataclasses.replace(result.ledger, networks=networks - 1)).save(path)
    (wrong,) = (check for check in checks_of(folder) if not check.holds)
    assert any(f"{networks - 1:,} trained networks, its trace {networks:,}" in each for each in wrong.problems)


def test_truncated_and_missing_records_are_found(folder):
    first, second, *_ = sorted((folder / "records").iterdir())
    first.write_bytes(first.read_bytes()[:-100])
    second.unlink()
    wrong = {check.file: check.problems[0] for check in checks_of(folder) if not check.holds}
    assert "is not a whole record" in wrong.pop(first.name)
    assert "missing" in wrong.pop(second.name)
    assert not wrong


def test_the_command_verifies_and_tells(tmp_path, capsys):
    compare(Settings(tasks="tiny/balanced", solvers=["random"], seeds=(0,), budget=20, out=tmp_path), executor=Inline())
    assert cli.main(["verify", str(tmp_path)]) == 0
    assert "1 records, 20 designs evaluated again: all as recorded" in capsys.readouterr().out
    path = next((tmp_path / "records").iterdir())
    result = Result.load(path)
    accuracy = np.minimum(result.trace.accuracy + 0.01, 1.0)
    dataclasses.replace(result, trace=dataclasses.replace(result.trace, accuracy=accuracy)).save(path)
    assert cli.main(["verify", str(tmp_path), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["holds"] is False
    assert told["records"][0]["drifted_rows"] == 20
    assert list(told["records"][0]["largest"]) == ["accuracy"]


def test_no_run_folder_is_told(tmp_path, capsys):
    assert cli.main(["verify", str(tmp_path / "none")]) == 2
    assert "there is no folder" in capsys.readouterr().err
    assert cli.main(["report", str(tmp_path)]) == 2
    assert "holds no records" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------------------- reports


def test_a_report_from_records_says_what_the_comparison_said(ran):
    folders, problems = opened(ran.settings.out)
    again = merged(folders, problems, out=ran.settings.out)
    rows = sorted(csv_text(long_table(again)).splitlines())
    assert rows == sorted(csv_text(long_table(ran)).splitlines())


def test_folders_are_merged(ran, tmp_path):
    other = run(tmp_path / "other", solvers=[SolverSpec("random", {"batch": 9}, label="nine")], seeds=(0, 1, 2))
    more = run(tmp_path / "more", seeds=(2,))
    folders, problems = opened(ran.settings.out, other.settings.out, more.settings.out)
    together = merged(folders, problems, out=tmp_path / "out")
    assert {(each.label, each.result.seed) for each in together.runs} == {
        (label, seed) for label in ("random", "small", "nine") for seed in (0, 1, 2)
    }
    assert together.settings.seeds == (0, 1, 2)
    assert write_report(together, curves=())[0].is_file()


def test_a_copy_is_no_clash(ran, folder):
    folders, problems = opened(ran.settings.out, folder)
    assert len(merged(folders, problems, out=folder).runs) == 4


def test_the_last_comparison_of_a_folder_is_reported(tmp_path):
    run(tmp_path)
    run(tmp_path, budget=10, solvers=["random"])
    folders, problems = opened(tmp_path)
    assert len(folders[0].files) == 6
    assert [(each.label, str(each.result.budget)) for each in merged(folders, problems, out=tmp_path).runs] == [
        ("random", "10")
    ] * 2
    (tmp_path / "manifest.json").unlink()
    folders, problems = opened(tmp_path)
    with pytest.raises(Clash, match="solvers are compared at one budget"):
        merged(folders, problems, out=tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budget": 31, "seeds": (5,)}, "had a budget of 30 and .* one of 31"),
        (
            {"solvers": [SolverSpec("random", {"batch": 5}, label="small")], "seeds": (5,)},
            "'small' is random with settings .*'batch': 4.* and random with settings .*'batch': 5",
        ),
        (
            {"tasks": dataclasses.replace(synthetic_problem(1), name="made"), "seeds": (5,)},
            "is of another problem than",
        ),
    ],
)
def test_what_cannot_stand_together_is_refused(ran, tmp_path, changes, message):
    other = run(tmp_path, **changes)
    folders, problems = opened(ran.settings.out, other.settings.out)
    with pytest.raises(Clash, match=message):
        merged(folders, problems, out=tmp_path)


def test_two_different_runs_of_one_seed_are_refused(ran, folder):
    path = next((folder / "records").glob("made__small*seed1.npz"))
    other = RandomSearch(batch=4).solve(PROBLEM, budget=30, seed=7)
    dataclasses.replace(Result.load(path), trace=other.trace, ledger=other.ledger).save(path)
    folders, problems = opened(ran.settings.out, folder)
    with pytest.raises(Clash, match="two runs of 'small' on 'made' with seed 1 differ"):
        merged(folders, problems, out=folder)


def test_other_code_under_one_label_is_refused(ran, folder):
    for path in (folder / "records").iterdir():
        result = Result.load(path)
        dataclasses.replace(result, seed=result.seed + 5, software=result.software | {"solver": "0" * 64}).save(path)
    folders, problems = opened(ran.settings.out, folder)
    with pytest.raises(Clash, match="ran with other code"):
        merged(folders, problems, out=folder)


def test_a_problem_that_cannot_be_made_again_is_told(ran):
    folders = [RunFolder.open(ran.settings.out)]
    with pytest.raises(ValueError, match=r"'made' cannot be made again .*--problem FILE"):
        merged(folders, Problems.of(folders, [], Settings().sources), out=ran.settings.out)


def test_the_report_command_writes_the_report_again(tmp_path, capsys):
    settings = Settings(tasks="tiny/balanced", solvers=["random"], seeds=(0,), budget=20, out=tmp_path / "run")
    write_report(compare(settings, executor=Inline()), curves=())
    table = (tmp_path / "run" / "table.csv").read_bytes()
    (tmp_path / "run" / "table.csv").unlink()
    assert cli.main(["report", str(tmp_path / "run"), "--curves", "queries"]) == 0
    assert "random" in capsys.readouterr().out
    assert (tmp_path / "run" / "table.csv").read_bytes() == table
    assert cli.main(["report", str(tmp_path / "run"), str(tmp_path / "run")]) == 2
    assert "give its folder with --out" in capsys.readouterr().err


# ---------------------------------------------------------------------------------------------------------- best known


def test_the_best_known_design_is_kept_with_its_source(ran):
    best = min(ran.runs, key=lambda each: each.result.best_objective)
    known = BestKnown.read(ran.settings.out).designs[PROBLEM.fingerprint()]
    assert known.objective == best.result.best_objective
    assert known.design == tuple(best.result.best_design)
    assert known.named == best.result.best_named
    assert (known.solver, known.seed, known.budget) == (best.label, best.result.seed, "30")


def test_it_is_the_reference_where_no_optimum_is_known(ran):
    exact = optimum(PROBLEM)
    worse = RandomSearch().solve(PROBLEM, budget=3, seed=0)
    stored = dataclasses.replace(
        KnownDesign.of(worse), objective=exact.objective, design=tuple(map(int, exact.design)), solver="deep"
    )
    store = BestKnown({PROBLEM.fingerprint(): stored})
    reference = best_known_of(PROBLEM, [worse], [store])
    assert (reference.objective, reference.exact) == (exact.objective, False)
    assert "found by deep, seed 0, budget 3" in str(reference)
    assert best_known_of(PROBLEM, [worse], [BestKnown()]).objective == worse.best_objective


def test_a_forged_or_stale_design_is_no_reference():
    run = RandomSearch().solve(PROBLEM, budget=3, seed=0)
    forged = dataclasses.replace(KnownDesign.of(run), objective=run.best_objective - 1.0)
    store = BestKnown({PROBLEM.fingerprint(): forged})
    assert best_known_of(PROBLEM, [run], [store]).objective == run.best_objective


def test_a_worse_design_does_not_replace_a_better_one(tmp_path):
    good, bad = (RandomSearch().solve(PROBLEM, budget=budget, seed=0) for budget in (100, 2))
    store = BestKnown().with_results([good]).with_results([bad])
    store.write(tmp_path)
    assert BestKnown.read(tmp_path).designs[PROBLEM.fingerprint()].objective == good.best_objective
    (tmp_path / "best_known.json").write_text('{"version": 9, "designs": {}}', encoding="utf-8")
    with pytest.raises(RecordError, match="has version 9"):
        BestKnown.read(tmp_path)
    (tmp_path / "best_known.json").write_text("[]", encoding="utf-8")
    with pytest.raises(RecordError, match="holds no best known designs"):
        BestKnown.read(tmp_path)
