"""The command line: what a person types, and what a mistake answers."""

from __future__ import annotations

import csv
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from dance_env import task_names
from solvers import load_solver, solver_names
from solvers.catalog import wrapper_names
from solvers.cli import _COMMANDS, main
from solvers.commands.compare import default_folder
from solvers.contract.record import safe_name

ROOT = Path(__file__).resolve().parents[1]
SMALL = ["--task", "tiny", "--solvers", "random,evolution", "--seeds", "1", "--budget", "40", "--workers", "1"]


def test_compare_prints_a_table_and_writes_a_report(tmp_path, capsys):
    assert main(["compare", *SMALL, "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "regret" in printed
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


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        ("three", "not 'three'"),
        ("0", "give 1 to 10,000 seeds, not 0"),
        ("-1", "give 1 to 10,000 seeds, not -1"),
        ("1000000000", "give 1 to 10,000 seeds"),
        ("9" * 30, "give 1 to 10,000 seeds"),
        ("9" * 5000, "give a number of seeds"),
        ("1," + "9" * 60, "a seed is a whole number from 0 to"),
        ("1,-2", "a seed is a whole number from 0 to"),
    ],
)
def test_seeds_are_a_number_or_a_list(capsys, seeds, message):
    with pytest.raises(SystemExit) as ended:
        main(["compare", f"--seeds={seeds}"])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_what_is_repeated_is_added(tmp_path, capsys):
    given = ["--task", "tiny/edap", "--task", "tiny", "--solver", "random", "--solvers", "annealing", "random:batch=8"]
    assert main(["compare", *given, "--seeds", "1", "--budget", "9", "--out", str(tmp_path)]) == 0
    with (tmp_path / "runs.csv").open(encoding="utf-8") as file:
        rows = {(row["task"], row["solver"]) for row in csv.DictReader(file)}
    tasks, solvers = ("tiny/edap", "tiny/balanced"), ("random", "annealing", "random:batch=8")
    assert rows == {(task, solver) for task in tasks for solver in solvers}


def test_a_folder_for_each_set_of_tasks():
    one, other = default_folder(["tiny/edap"]), default_folder(["tiny/edap", "macro-cifar10"])
    assert one == Path("runs/compare/tiny.edap")
    assert other == Path("runs/compare") / safe_name("tiny.edap+macro-cifar10")
    assert default_folder(["../x.py:f"]).parent == Path("runs/compare")


def test_without_a_command_there_is_help(capsys):
    assert main([]) == 0
    assert "examples:" in capsys.readouterr().out
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("dance-env ")
    assert main(["comapre"]) == 2
    assert "there is no command 'comapre'. Did you mean 'compare'" in capsys.readouterr().err


@pytest.mark.parametrize("command", [*_COMMANDS])
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert "usage: " in capsys.readouterr().out


def test_a_closed_pipe_is_no_error():
    command = f"{sys.executable} -m solvers.cli list"
    done = subprocess.run(["bash", "-c", f"{command} | head -c 1"], capture_output=True, text=True, check=False)
    assert done.stderr == ""


NEEDY = """
from dataclasses import dataclass
from solvers import Solver

@dataclass(frozen=True)
class Needy(Solver):
    name = "needy"
    steps: int

    def __post_init__(self):
        if self.steps < 1:
            raise RuntimeError("no steps")

    def search(self, problem, rng):
        problem.evaluate(problem.space.sample(rng, self.steps))
"""


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("", "needs a value for 'steps': .*:steps=VALUE"),
        (":steps=0", "cannot be made: RuntimeError: no steps"),
        (":steps=few", "setting 'steps' of solver 'needy' takes int, not 'few'"),
        (":step=3", "has no setting 'step'. Did you mean 'steps'"),
        (":steps", "'steps' in .* is not a setting; write NAME:SETTING=VALUE"),
    ],
)
@pytest.mark.parametrize("command", ["compare", "check-solver"])
def test_a_setting_that_does_not_fit_is_one_clear_line(tmp_path, capsys, command, settings, message):
    (tmp_path / "needy.py").write_text(NEEDY)
    solver = f"{tmp_path / 'needy.py'}:Needy{settings}"
    given = ["--task", "tiny", "--out", str(tmp_path), "--solver", solver] if command == "compare" else [solver]
    assert main([command, *given]) == 2
    error = capsys.readouterr().err
    assert re.search(message, error)
    assert error.count("\n") == 1


def test_list_says_what_every_task_and_solver_is(capsys):
    assert main(["list"]) == 0
    lines = {
        line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines() if line.startswith("  ")
    }
    assert set(lines) == {*task_names(), "<task>@dance-buffers", *solver_names(), *wrapper_names()}
    assert all(lines.values())
    assert "latency <= 333.3 µs" in " ".join(lines["tiny/latency-limited"])
    assert " ".join(lines["dance"]).endswith(f"] {load_solver('dance').__doc__.splitlines()[0]}")
    for name in solver_names():
        declared = load_solver(name).capabilities
        needs = [key.replace("_", " ") for key, value in vars(declared).items() if key.startswith("needs") and value]
        assert " ".join(lines[name]).startswith(f"[{'; '.join([declared.access, *needs])}"), name


def test_listing_loads_no_solver():
    check = "import sys; from solvers.cli import main; main(['list']); assert not {'torch', 'pymoo'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)


def test_console_script_has_help():
    run = subprocess.run([sys.executable, "-m", "solvers.cli", "--help"], capture_output=True, text=True, check=True)
    assert "compare" in run.stdout
    assert "audit" in run.stdout
