"""The command line: what a person types, and what a mistake answers."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from dance_env import task_names
from solvers import load_solver, solver_names
from solvers.cli import main

ROOT = Path(__file__).resolve().parents[1]
SMALL = ["--task", "tiny", "--solvers", "random,evolution", "--seeds", "1", "--budget", "40", "--workers", "1"]


def test_compare_prints_a_table_and_writes_a_report(tmp_path, capsys):
    assert main(["compare", *SMALL, "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "regret %" in printed
    assert "evolution" in printed
    assert (tmp_path / "report.md").is_file()


def test_example_is_the_same_job(tmp_path, monkeypatch, capsys):
    custom = f"{ROOT / 'examples' / 'custom_solver.py'}:HillClimber"
    arguments = ["--task", "tiny", "--solvers", custom, "--seeds", "7,8", "--budget", "40", "--workers", "1"]
    monkeypatch.setattr(sys, "argv", ["compare.py", *arguments, "--out", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "examples" / "compare.py"), run_name="__main__")
    assert ended.value.code == 0
    assert "hill-climber" in capsys.readouterr().out
    assert len(list((tmp_path / "records").iterdir())) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "--task", "tinny"], "tiny"),
        (["compare", "--task", "tiny", "--solvers", "rnadom"], "random"),
        (["compare", "--task", "tiny", "--accuracy-table", "nowhere.json"], "nowhere.json"),
        (["compare", "--task", "tiny", "--budget", "0"], "budget"),
        (["check-solver", "missing.py:Solver"], "missing.py"),
    ],
)
def test_a_mistake_is_one_clear_line(tmp_path, capsys, arguments, message):
    out = ["--out", str(tmp_path)] if arguments[0] == "compare" else []
    assert main([*arguments, *out]) == 2
    error = capsys.readouterr().err
    assert error.startswith("dance: ")
    assert message in error
    assert "Traceback" not in error


def test_seeds_are_a_number_or_a_list(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["compare", "--seeds", "three"])
    assert "not 'three'" in capsys.readouterr().err


def test_list_says_what_every_task_and_solver_is(capsys):
    assert main(["list"]) == 0
    lines = {
        line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines() if line.startswith("  ")
    }
    assert set(lines) == {*task_names(), *solver_names()}
    assert all(lines.values())
    assert "latency <= 333.3 µs" in " ".join(lines["tiny/latency-limited"])
    assert " ".join(lines["dance"]) == load_solver("dance").__doc__.splitlines()[0]


def test_listing_loads_no_solver():
    check = "import sys; from solvers.cli import main; main(['list']); assert not {'torch', 'pymoo'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)


def test_console_script_has_help():
    run = subprocess.run([sys.executable, "-m", "solvers.cli", "--help"], capture_output=True, text=True, check=True)
    assert "compare" in run.stdout
    assert "audit" in run.stdout
