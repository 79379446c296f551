"""Files of users: what they may import, how often they run, and how their errors read."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from dance_env import make_problem
from dance_env.from_file import UserFileError, load_from_file
from dance_env.source_digest import digested_modules, source_digest
from solvers import cli
from solvers.comparison.work import _by_value
from solvers.testing.checks import _pickled


def load(path: Path, name: str = "thing") -> Any:
    return load_from_file(f"{path}:{name}", what="thing", example="name", fits=inspect.isfunction)


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder


# ------------------------------------------------------------------------------------------------- what it may import
@pytest.mark.parametrize(
    "text",
    [
        "import helper\nthing = helper.VALUE",
        "from helper import VALUE as thing",
        "from helper import *\nthing = VALUE",
        "from . import helper\nthing = helper.VALUE",
        "def thing_():\n    from helper import VALUE\n    return VALUE\nthing = thing_()",
        "import package.inner\nthing = package.inner.VALUE",
        "from package import inner as i\nthing = i.VALUE",
        "from package.inner import VALUE as thing",
    ],
)
def test_modules_beside_the_file_can_be_imported(tmp_path: Path, text: str) -> None:
    write(tmp_path, mine=text, helper="import deeper\nVALUE = deeper.VALUE", deeper="VALUE = 7")
    write(tmp_path / "package", __init__="", inner="from helper import VALUE")
    assert load(tmp_path / "mine.py") == 7
    assert not {"helper", "deeper", "package"} & set(sys.modules)


def test_imports_when_a_function_runs_look_there_too(tmp_path: Path) -> None:
    write(tmp_path, mine="def thing():\n    import helper\n    return helper.VALUE", helper="VALUE = 7")
    assert load(tmp_path / "mine.py")() == 7


def test_two_folders_may_have_modules_of_one_name(tmp_path: Path) -> None:
    text = "def thing():\n    import helper\n    return helper.VALUE"
    folders = [write(tmp_path / name, mine=text, helper=f"VALUE = {name!r}") for name in ("one", "two")]
    functions = [load(folder / "mine.py") for folder in folders]
    assert [function() for function in functions] == ["one", "two"]


def test_a_file_beside_stands_in_for_no_package_of_others(tmp_path: Path) -> None:
    write(
        tmp_path,
        mine="import solvers, random, networkx, os\nthing = solvers.Solver, random.Random, networkx.VALUE",
        solvers="raise RuntimeError('not this one')",
        random="raise RuntimeError('not this one')",
        networkx="VALUE = 'for the modules beside it alone'",
    )
    import networkx

    import solvers

    solver, _, value = load(tmp_path / "mine.py")
    assert solver is solvers.Solver
    assert value == "for the modules beside it alone"
    assert sys.modules["networkx"] is networkx


def test_a_file_called_like_a_package_imports_the_package(tmp_path: Path) -> None:
    write(tmp_path, numpy="import numpy\nthing = numpy.ones(2).sum()")
    assert load(tmp_path / "numpy.py") == 2.0


@pytest.mark.parametrize("name", ["my-solver", "version 1.2"])
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    write(tmp_path, **{name: "import helper\nthing = helper.VALUE", "helper": "VALUE = 1"})
    assert load(tmp_path / f"{name}.py") == 1


# --------------------------------------------------------------------------------------------------- how often it runs
def test_a_file_is_run_once_and_again_after_an_edit_of_it_or_its_helper(tmp_path: Path) -> None:
    write(tmp_path, mine="import helper\nthing = object()\nVALUE = helper.VALUE", helper="VALUE = 1")
    path = tmp_path / "mine.py"
    first = load(path)
    assert load(path) is first
    write(tmp_path, helper="VALUE = 2")  # of the same size, within the same second: byte code on disk would be stale
    assert load(path, "VALUE") == 2
    assert load(path) is not first


def test_its_code_is_digested_with_the_modules_beside_it_wherever_it_lies(tmp_path: Path) -> None:
    files = {"mine": "import helper\nimport numpy\ndef thing(): ...", "helper": "VALUE = 1"}
    one, two = (load(write(tmp_path / name, **files) / "mine.py") for name in ("one", "two"))
    assert digested_modules(one.__module__) == ("helper", "mine", "numpy")
    assert source_digest(one.__module__) == source_digest(two.__module__)
    write(tmp_path / "two", helper="VALUE = 2")
    assert source_digest(one.__module__) == source_digest(two.__module__)  # of the code that is loaded
    two = load(tmp_path / "two" / "mine.py")
    assert source_digest(one.__module__) != source_digest(two.__module__)


def test_a_solver_goes_to_another_process_with_the_modules_beside_its_file(tmp_path: Path) -> None:
    """By value, since no other process can import them by name."""
    solver = "from dataclasses import dataclass\nimport helper\nfrom helper import more\nfrom solvers import Solver\n"
    solver += (
        "@dataclass(frozen=True)\nclass Mine(Solver):\n    name = 'mine'\n    def search(self, problem, rng): ...\n"
    )
    solver += "    def value(self):\n        return helper.VALUE + more()\n"
    write(tmp_path, mine=solver, helper="VALUE = 7\ndef more():\n    return VALUE")
    mine = load(tmp_path / "mine.py", "Mine")()
    with _by_value(type(mine).__module__):
        packed = cloudpickle.dumps(mine)
    for each in (packed, _pickled(mine)):
        code = f"import pickle; print(pickle.loads({each!r}).value())"
        assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "14\n"


# --------------------------------------------------------------------------------------------------- how its errors read
@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"mine": "x = 1\ndef f(:\n"},
            r"thing .*mine\.py:thing: .*mine\.py, line 2: SyntaxError: .*: 'def f\(:'. Correct it, and run the same again",
        ),
        ({"mine": "\n\nfoo\n"}, r"mine\.py, line 3: NameError: name 'foo' is not defined\. Correct it"),
        (
            {"mine": "\nimport not_installed.inner"},
            r"mine\.py, line 2: ModuleNotFoundError: .* 'not_installed'. Install the package that holds "
            r"'not_installed', or put not_installed.py beside the file",
        ),
        ({"mine": "from numpy import nothing"}, r"mine\.py, line 1: ImportError: cannot import name 'nothing'"),
        ({"mine": "import helper", "helper": "\n1 / 0"}, r"/helper\.py, line 2: ZeroDivisionError: division by zero\."),
        ({"mine": "import helper", "helper": "\n\nx ="}, r"/helper\.py, line 3: SyntaxError"),
        ({"mine": "import sys\nsys.exit(3)"}, r"mine\.py, line 2: SystemExit: 3"),
        ({"mine": "import json\njson.loads('{')"}, r"mine\.py, line 2: JSONDecodeError"),
        ({"mine": "def f():\n    raise KeyError('a')\nf()"}, r"mine\.py, line 2, in f: KeyError: 'a'"),
    ],
)
def test_an_error_names_the_file_the_line_and_the_cure(tmp_path: Path, files: dict[str, str], message: str) -> None:
    write(tmp_path, **files)
    before = set(sys.modules)
    with pytest.raises(UserFileError, match=message) as caught:
        load(tmp_path / "mine.py")
    assert caught.value.__cause__ is not None
    assert not {name for name in set(sys.modules) - before if name.startswith("_dance_files_")}
    write(tmp_path, mine="thing = 1")  # corrected, and run again in the same session
    assert load(tmp_path / "mine.py") == 1


def test_an_interrupt_is_passed_on(tmp_path: Path) -> None:
    write(tmp_path, mine="raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load(tmp_path / "mine.py")


def test_a_problem_that_fails_names_the_line(tmp_path: Path) -> None:
    write(
        tmp_path, mine="from dance_env import Choice\ndef thing():\n    return Choice('a', (), 'network', 'nominal')\n"
    )
    with pytest.raises(UserFileError, match=r"problem .*mine\.py:thing: .*mine\.py, line 3, in thing: ValueError: .*"):
        make_problem(f"{tmp_path / 'mine.py'}:thing")


@pytest.mark.parametrize(
    "command",
    [
        ["choose", "FILE"],
        ["compare", "FILE", "--solvers", "random"],
        ["compare", "tiny", "--solvers", "FILE"],
        ["check", "FILE"],
    ],
    ids=["choose", "compare, task", "compare, solver", "check"],
)
def test_the_commands_say_so_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    monkeypatch.chdir(write(tmp_path, mine="import helper", helper="def broken(:"))
    assert cli.main([each.replace("FILE", "mine.py:Mine") for each in command]) == 2
    assert "helper.py, line 1: SyntaxError" in capsys.readouterr().err
