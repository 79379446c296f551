"""The command line: what a person types, and what a mistake answers."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
import runpy
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from dance_env import make_problem, task_names
from dance_env.analysis.exact import MAX_DESIGNS
from dance_env.space import dance_buffers
from dance_env.tasks import get_task
from solvers import load_solver, make_solver, solver_names
from solvers.catalog import wrapper_names
from solvers.cli import _COMMANDS, main
from solvers.commands.compare import default_folder
from solvers.comparison.reference import optimum_reference
from solvers.comparison.spec import SolverSpec
from solvers.comparison.typed_settings import typed_settings
from solvers.contract.record import safe_name

ROOT = Path(__file__).resolve().parents[1]
SMALL = ["tiny", "--solvers", "random,evolution", "--seeds", "1", "--budget", "40", "--workers", "1"]


def test_compare_prints_a_table_and_writes_a_report(tmp_path, capsys):
    assert main(["compare", *SMALL, "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "regret" in printed
    assert "evolution" in printed
    assert (tmp_path / "report.md").is_file()


def test_example_is_the_same_job(tmp_path, monkeypatch, capsys):
    custom = f"{ROOT / 'examples' / 'custom_solver.py'}:HillClimber"
    arguments = ["tiny", "--solvers", custom, "--seeds", "7,8", "--budget", "40", "--workers", "1"]
    monkeypatch.setattr(sys, "argv", ["compare.py", *arguments, "--out", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "examples" / "compare.py"), run_name="__main__")
    assert ended.value.code == 0
    assert "hill-climber" in capsys.readouterr().out
    assert len(list((tmp_path / "records").iterdir())) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "tinny"], "tiny"),
        (["compare", "tiny", "--solvers", "rnadom"], "random"),
        (["compare", "tiny", "--accuracy-table", "nowhere.json"], "nowhere.json"),
        (["compare", "tiny", "--budget", "0"], "budget"),
        (["check", "missing.py:Solver"], "missing.py"),
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


@pytest.mark.usefixtures("runs_here")
def test_what_is_repeated_is_added(tmp_path, capsys):
    given = ["tiny/edap", "tiny", "--solver", "random", "--solvers", "annealing", "random:batch=8"]
    out = ["--curves", "queries", "--out", str(tmp_path)]
    assert main(["compare", *given, "--seeds", "1", "--budget", "9", *out]) == 0
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


@pytest.mark.parametrize(("old", "new"), [("list", "dance tasks"), ("check-solver", "dance check")])
def test_an_old_name_answers_with_the_new_one(capsys, old, new):
    assert main([old]) == 2
    assert f"{old!r} has a new name: `{new}`" in capsys.readouterr().err


@pytest.mark.parametrize("command", [*_COMMANDS])
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert "usage: " in capsys.readouterr().out


def test_a_closed_pipe_is_no_error():
    command = f"{sys.executable} -m solvers.cli tasks"
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
@pytest.mark.parametrize("command", ["compare", "check"])
def test_a_setting_that_does_not_fit_is_one_clear_line(tmp_path, capsys, command, settings, message):
    (tmp_path / "needy.py").write_text(NEEDY)
    solver = f"{tmp_path / 'needy.py'}:Needy{settings}"
    given = ["tiny", "--out", str(tmp_path), "--solver", solver] if command == "compare" else [solver]
    assert main([command, *given]) == 2
    error = capsys.readouterr().err
    assert re.search(message, error)
    assert error.count("\n") == 1


def test_tasks_says_what_every_task_is(capsys):
    assert main(["tasks", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(rows) == set(task_names())
    assert rows["tiny/latency-limited"]["limits"] == ["latency <= 333.3 µs"]
    assert [rows[name]["optimum"] for name in ("tiny/edap", "accel-nasbench/edap", "dance-mnist/edap")] == [
        "enumerated",
        "proved",
        "not known",
    ]
    assert main(["tasks"]) == 0
    assert set(rows) <= {line.split()[0] for line in capsys.readouterr().out.splitlines()}


def test_a_known_optimum_is_known(capsys):
    """What `dance tasks` says is what a comparison finds: an optimum by enumeration or by a proof that ships."""
    main(["tasks", "--json"])
    for row in json.loads(capsys.readouterr().out):
        if row["optimum"] == "proved" and row["name"].startswith("accel-nasbench"):
            assert optimum_reference(make_problem(row["name"])).proved
        assert (row["optimum"] == "enumerated") == (row["designs"] <= MAX_DESIGNS and not row["needs_supernet"])


@pytest.mark.parametrize(
    "task",
    ["tiny", "tiny:noise=0.3,seed=2", f"{ROOT / 'examples/own_problem.py'}:own_problem"],
)
def test_a_task_is_shown_in_full(capsys, task):
    assert main(["tasks", task, "--json"]) == 0
    found, problem = json.loads(capsys.readouterr().out), make_problem(task)
    assert found["designs"] == problem.space.size == found["networks"] * found["accelerators"]
    assert [choice["name"] for choice in found["choices"]] == [choice.name for choice in problem.space.choices]
    assert found["limits"] == [str(limit) for limit in problem.objective.constraints]
    assert main(["tasks", task]) == 0
    assert f"{found['designs']:,}" in capsys.readouterr().out


def test_a_task_on_other_accelerators_is_shown_in_full(capsys):
    """Against its parts: to build the problem would be to price 208,080 accelerators."""
    assert main(["tasks", "tiny/edap@dance-buffers", "--json"]) == 0
    found, tiny = json.loads(capsys.readouterr().out), get_task("tiny/edap")
    assert (found["networks"], found["accelerators"]) == (tiny.network_space.size, 208_080)
    assert found["designs"] == found["networks"] * found["accelerators"]
    choices = [*tiny.network_space.choices(), *dance_buffers().choices()]
    assert [choice["name"] for choice in found["choices"]] == [choice.name for choice in choices]


def test_solvers_says_what_every_solver_declares(capsys):
    assert main(["solvers", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(rows) == {*solver_names(), *wrapper_names()}
    for name in solver_names():
        declared, row = load_solver(name).capabilities, rows[name]
        assert row["summary"] == load_solver(name).__doc__.splitlines()[0]
        assert row["access"] == declared.access
        assert row["deterministic"] == declared.deterministic
        needs = [
            key.removeprefix("needs_") for key, value in vars(declared).items() if key.startswith("needs") and value
        ]
        assert row["needs"] == needs
        assert row["installed"] == (not declared.library or find_spec(declared.library) is not None)


@pytest.mark.parametrize("name", solver_names())
def test_every_setting_of_every_solver_is_shown_and_can_be_given(capsys, name):
    assert main(["solvers", name, "--json"]) == 0
    settings = {each["name"]: each for each in json.loads(capsys.readouterr().out)["settings"]}
    kind = load_solver(name)
    assert {each.name for each in dataclasses.fields(kind)} == {each.partition(".")[0] for each in settings}
    assert all(each["help"] for each in settings.values()), "a setting that its docstring does not explain"
    assert {each for each, row in settings.items() if row["tunable"]} == set(kind.tunable)
    required = {each: sys.executable for each, row in settings.items() if row["required"]}
    off = [
        f"{each}." for each, row in settings.items() if row["type"].startswith("None, or") and row["default"] == "None"
    ]
    given = {
        each: row["default"]
        for each, row in settings.items()
        if not row["required"] and row["default"] != "its own, below" and not each.startswith(tuple(off))
    }
    make_solver(name, **typed_settings(kind, {**given, **required}, owner=name))  # what is shown is accepted


@pytest.mark.parametrize("name", wrapper_names())
def test_every_setting_of_every_wrapper_and_of_what_it_wraps_is_shown_and_can_be_given(capsys, name):
    assert main(["solvers", f"{name}(deduplicate(dance-refined))", "--json"]) == 0
    outer = json.loads(capsys.readouterr().out)
    middle, inner = outer["solver"], outer["solver"]["solver"]

    def written(facts):
        given = [
            f"{each['name']}={each['default'] or 60}" for each in facts["settings"] if "," not in str(each["default"])
        ]
        return f"{facts['name']}:{','.join(given)}" if given else facts["name"]

    assert {each["name"] for each in outer["settings"]} == {
        each.name for each in dataclasses.fields(load_solver(name)) if each.name != "solver"
    }
    assert any("." in each["name"] for each in inner["settings"]), "settings of settings"
    text = f"{written(outer)}({written(middle)}(dance-refined:descent.steps=7))"
    assert SolverSpec.parse(text).make().solver.solver.descent.steps == 7


def test_listing_loads_no_solver():
    check = (
        "import sys; from solvers.cli import main; main(['solvers']); assert not {'torch', 'pymoo'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)


def test_console_script_has_help():
    run = subprocess.run([sys.executable, "-m", "solvers.cli", "--help"], capture_output=True, text=True, check=True)
    assert "compare" in run.stdout
    assert "audit" in run.stdout


def test_an_error_of_the_operating_system_is_told_without_its_number(tmp_path, capsys):
    assert main(["audit", "--points", str(tmp_path / "none.csv")]) == 2
    assert capsys.readouterr().err == f"dance: {tmp_path / 'none.csv'}: No such file or directory\n"
    (tmp_path / "file").touch()
    assert main(["solve", "tiny", "random", "--budget", "2", "--out", str(tmp_path / "file")]) == 2
    assert capsys.readouterr().err.startswith("dance: cannot write into the output folder")
