"""Every command of `dance` in one style: help with examples, mistakes in one line, exit statuses, JSON, nothing left in a pipe."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from dance_env.command_line import Exit, Parser, as_json
from solvers.cli import _COMMANDS, main

ROOT = Path(__file__).resolve().parents[1]
DANCE = [sys.executable, "-m", "solvers.cli"]
PARSERS = {name: import_module(command.target.partition(":")[0])._parser() for name, command in _COMMANDS.items()}


def status(*arguments: str) -> int:
    """The exit status, whether the command returns it or exits with it."""
    try:
        return main(list(arguments))
    except SystemExit as ended:
        return int(ended.code or 0)


@pytest.mark.parametrize("command", [*_COMMANDS])
def test_help_has_examples_that_parse(command, capsys):
    assert status(command, "--help") == Exit.ANSWER
    text = capsys.readouterr().out
    assert text.startswith(f"usage: dance {command} ")
    parser = PARSERS[command]
    if isinstance(parser, Parser):
        examples = re.findall(rf"^  dance ({command}\b.*)$", text, re.MULTILINE)
        assert examples
        for example in examples:
            words = shlex.split(example)[1:]
            if "--help" not in words:
                parser.parse_args(words)


@pytest.mark.parametrize("command", [*_COMMANDS])
@pytest.mark.parametrize("arguments", [["--tsak", "x"], ["--no-such-option"]])
def test_an_unknown_option_is_one_line(command, arguments, capsys):
    assert status(command, *arguments) == Exit.MISTAKE
    told = capsys.readouterr()
    assert told.out == ""
    assert "Traceback" not in told.err
    if isinstance(PARSERS[command], Parser):
        assert told.err.startswith("dance: ")
        assert told.err.count("\n") == 1


TASK_COMMANDS = [
    name
    for name, parser in PARSERS.items()
    if any("TASK" in str(action.metavar).split("|") and not action.option_strings for action in parser._actions)
]


@pytest.mark.parametrize("command", TASK_COMMANDS)
def test_an_unknown_task_is_one_line(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    behind = {
        "solve": ["random"],
        "supernet": ["file.safetensors"],
        "compare": ["--solver", "random"],
        "export": ["--to", "json", "--out", "design"],
    }
    assert status(command, "tinny", *behind.get(command, [])) == Exit.MISTAKE
    told = capsys.readouterr()
    assert told.out == ""
    assert "there is no task 'tinny'. Did you mean 'tiny'" in told.err
    assert told.err.count("\n") == 1


@pytest.mark.parametrize("command", [name for name in TASK_COMMANDS if name not in ("supernet", "mcp")])
def test_the_task_is_no_option(command, capsys):
    behind = {
        "solve": ["tiny", "random"],
        "landscape": ["tiny"],
        "explain": ["tiny"],
        "export": ["tiny", "--to", "json", "--out", "design"],
    }
    assert status(command, *behind.get(command, []), "--task", "tiny") == Exit.MISTAKE
    assert f"the task stands by itself, dance {command} TASK" in capsys.readouterr().err


def test_tasks_and_commands_are_all_there():
    assert {"tasks", "solve", "compare", "choose", "optimum", "coupling", "landscape", "mcp"} <= set(TASK_COMMANDS)
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for name in _COMMANDS:
        assert f"`dance {name}" in page, f"docs/cli.md does not name dance {name}"
    for each in Exit:
        assert f"| {each.value} | " in page
    for old in ("list", "check-solver"):
        assert old not in _COMMANDS


SILENT = ("completion", "mcp", "supernet")
"""Commands that print code, serve, or write a file: there is no answer to give as JSON."""


@pytest.mark.parametrize("command", [name for name in _COMMANDS if name not in SILENT])
def test_every_answer_can_be_json(command):
    assert "--json" in PARSERS[command]._option_string_actions


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """A comparison from the shell, its output piped: the folder and the finished process."""
    folder = tmp_path_factory.mktemp("compared")
    given = ["compare", "tiny", "--solver", "random", "--seeds", "1", "--budget", "9", "--out", str(folder), "--json"]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    return folder, subprocess.run([*DANCE, *given], capture_output=True, text=True, check=True, env=environment)


def test_json_alone_is_on_standard_output_and_nothing_but_text_in_a_pipe(compared):
    _, done = compared
    found = json.loads(done.stdout, parse_constant=pytest.fail)
    assert [each["solver"] for each in found["tasks"][0]["solvers"]] == ["random"]
    assert found["tasks"][0]["reference"]["kind"] == "exact optimum"
    assert [run["seed"] for run in found["runs"]] == [0]
    assert "random" in done.stderr
    assert not re.search(r"\x1b|[⠀-⣿╸]", done.stderr), "no color, no spinner, no bar"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["tasks"], Exit.ANSWER),
        (["solvers"], Exit.ANSWER),
        (["report", "RUN"], Exit.ANSWER),
        (["verify", "RUN"], Exit.ANSWER),
        (["choose", "tiny"], Exit.ANSWER),
        (["choose", "tiny", "--limit", "area_mm2=0.01"], Exit.NEGATIVE),
        (["optimum"], Exit.ANSWER),
        (["coupling", "tiny"], Exit.ANSWER),
        (["landscape", "tiny", "--starts", "2"], Exit.ANSWER),
        (["check", "--cost-model", f"{ROOT / 'examples/custom_cost_model.py'}:Roofline"], Exit.ANSWER),
        (
            ["audit", "--backend", f"{ROOT / 'examples/custom_cost_model.py'}:Roofline", "--n", "9", "--out", "OUT"],
            Exit.ANSWER,
        ),
        (["check", "WORKING", "--budget", "8", "--expect", "budget-is-spent=it stops early"], Exit.NEGATIVE),
    ],
    ids=lambda value: " ".join(value[:1]) if isinstance(value, list) else str(int(value)),
)
def test_an_answer_as_json(arguments, expected, compared, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("solvers.testing.suite.CHECKS", {"one": _passes, "budget-is-spent": _passes})
    (tmp_path / "mine.py").write_text(BROKEN)
    named = {"RUN": str(compared[0]), "OUT": str(tmp_path / "out"), "WORKING": f"{tmp_path / 'mine.py'}:Broken"}
    assert status(*(named.get(each, each) for each in arguments), "--json") == expected
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail)  # NaN and Infinity are no JSON


def _passes(trial):
    """Nothing is asked for."""


def test_solve_is_one_run_of_a_comparison_and_is_on_record(tmp_path, capsys):
    given = [
        "solve",
        "tiny",
        "evolution",
        "--setting",
        "population=10",
        "crossover=0.5",
        "--budget",
        "60",
        "--seed",
        "3",
    ]
    assert status(*given, "--out", str(tmp_path), "--json") == Exit.ANSWER
    first = json.loads(capsys.readouterr().out)
    assert first["settings"]["population"] == 10
    assert first["settings"]["crossover"] == 0.5
    assert first["run"]["evaluations"] == 60
    assert first["run"]["regret"] == pytest.approx(first["run"]["objective"] - first["reference"]["objective"])
    assert status(*given, "--out", str(tmp_path), "--json") == Exit.ANSWER
    assert json.loads(capsys.readouterr().out) == first, "the second time it is read from the record, seconds included"
    assert status(*given, "--out", str(tmp_path)) == Exit.ANSWER  # from the record
    text = capsys.readouterr().out
    for word in (*first["design"], "regret", "exact optimum", "cost pairs", "latency"):
        assert word in text
    assert status("verify", str(tmp_path)) == Exit.ANSWER


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["evolution", "--setting", "populaton=3"], "has no setting 'populaton'. Did you mean 'population'"),
        (["evolution", "--setting", "population=few"], "takes int, not 'few'"),
        (["evolution:population=9", "--setting", "population=8"], "setting 'population' is given twice"),
        (["evolution", "--setting", "population"], "--setting takes SETTING=VALUE"),
        (["evoluton"], "there is no solver 'evoluton'"),
        (["dance-images"], "dance-images needs gradients of a sampled network's accuracy"),
        (["random", "--budget", "none"], "budget"),
        (["random", "--seed", "-1"], "none of them negative"),
    ],
)
def test_a_run_that_cannot_be_is_one_line(given, message, tmp_path, capsys):
    assert status("solve", "tiny", *given, "--out", str(tmp_path)) == Exit.MISTAKE
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1


def test_a_run_that_fails_is_a_negative_answer(tmp_path, capsys):
    (tmp_path / "mine.py").write_text(BROKEN)
    assert status("solve", "tiny", f"{tmp_path / 'mine.py'}:Broken", "--out", str(tmp_path / "out")) == Exit.NEGATIVE
    told = capsys.readouterr()
    assert "ZeroDivisionError" in told.out
    assert "Traceback" not in told.out + told.err


BROKEN = """
from dataclasses import dataclass
from solvers import Solver

@dataclass(frozen=True)
class Broken(Solver):
    name = "broken"

    def search(self, problem, rng):
        problem.evaluate(problem.space.sample(rng, 2))
        1 / 0
"""


def test_help_of_a_run_shows_the_settings_of_its_solver(capsys):
    assert status("solve", "tiny", "evolution", "--help") == Exit.ANSWER
    text = capsys.readouterr().out
    assert "population: int, default 20; tuned over 6 to 100, log" in text
    assert "designs that survive a generation." in text


def test_a_task_behind_the_solvers_is_told(tmp_path, capsys):
    assert status("compare", "--solver", "random", "tiny", "--out", str(tmp_path)) == Exit.MISTAKE
    assert "'tiny' is a task, and stands behind --solver: tasks come first" in capsys.readouterr().err


def test_a_check_needs_one_subject(capsys):
    assert status("check") == Exit.MISTAKE
    assert status("check", "random", "--cost-model", "analytical") == Exit.MISTAKE
    assert "give a solver, or --cost-model and a cost model" in capsys.readouterr().err


def test_a_mistake_of_the_library_is_not_the_users(monkeypatch, capsys):
    def broken(argv):
        raise AssertionError("a bug")

    monkeypatch.setattr("dance_env.commands.tasks.main", broken)
    assert status("tasks") == Exit.INTERNAL_ERROR
    assert "AssertionError: a bug" in capsys.readouterr().err


def test_what_is_not_finite_is_null():
    assert json.loads(as_json({"a": float("inf"), "b": (1, float("nan")), "c": Path("d")})) == {
        "a": None,
        "b": [1, None],
        "c": "d",
    }


# ------------------------------------------------------------------------------------------------- as a shell sees it
INTERRUPTED = """
import os, signal, sys

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job, and what it starts, would ignore it

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
from solvers.cli import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize(
    ("module", "command"),
    [("numpy", "tasks"), ("dance_env.tasks.catalog", "tasks"), ("solvers.comparison.spec", "compare")],
)
def test_an_interrupt_in_the_first_second_is_no_traceback(module, command):
    """While a module is imported, as early as numpy."""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, module, command], capture_output=True, text=True, check=False
    )
    assert done.returncode == Exit.INTERRUPTED, done.stderr
    assert done.stderr.strip().startswith("interrupted")
    assert done.stdout == ""


def answers(line: str) -> list[str]:
    """What the shell is offered behind a line, by argcomplete's protocol."""
    pytest.importorskip("argcomplete", reason="needs dance-env[completion]")
    asked = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE_IFS": "\n"}
    read, write = os.pipe()
    subprocess.run(
        ["bash", "-c", f'exec "$@" 8>&{write}', "bash", *DANCE],
        env=os.environ | asked, pass_fds=(write,), stdout=-3, stderr=-3, check=True,
    )  # fmt: skip
    os.close(write)
    with os.fdopen(read) as answered:
        return [each.strip() for each in answered.read().split("\n")]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("dance cou", ["coupling"]),
        ("dance choose tiny/ed", ["tiny/edap"]),
        ("dance choose tiny --lea", ["--least"]),
        ("dance optimum accel-nasbench/no", ["accel-nasbench/noisy"]),
        ("dance solve tiny regularized", ["regularized-evolution"]),
        ("dance compare tiny --solver network-ev", ["network-evolution"]),
        ("dance solve tiny evolution --setting cross", ["crossover="]),
        ("dance completion z", ["zsh"]),
    ],
)
def test_the_shell_is_offered_what_fits(line, expected):
    assert answers(line) == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_code_for_each_shell(shell, capsys):
    pytest.importorskip("argcomplete", reason="needs dance-env[completion]")
    assert status("completion", shell) == Exit.ANSWER
    code = capsys.readouterr().out
    assert "_ARGCOMPLETE" in code
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=code, text=True, check=True)


def test_completion_without_its_package_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "argcomplete", None)
    assert status("completion", "bash") == Exit.MISTAKE
    assert "pip install 'dance-env[completion]'" in capsys.readouterr().err
