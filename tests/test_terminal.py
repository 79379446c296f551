"""What a terminal is shown: names of users as text that it does not act on, and mistakes that say what to do."""

from __future__ import annotations

import errno
import json
import os
import sys
import tempfile
from pathlib import Path

import pytest

from dance_env.command_line import printable, say
from solvers import make_solver
from solvers.cli import main
from solvers.commands import verify
from solvers.comparison.archive.verifying import RecordCheck
from solvers.contract.failure import reason_of

RED = "\x1b[31m"
OWN = f"""
from dataclasses import dataclass
from typing import ClassVar
from solvers import Solver

@dataclass(frozen=True)
class Own(Solver):
    name: ClassVar[str] = "own{RED}"
    evaluations: int = 0

    def search(self, problem, rng):
        problem.evaluate(problem.space.sample(rng, self.evaluations))
"""


@pytest.fixture
def own(tmp_path: Path) -> str:
    file = tmp_path / f"own{RED}.py"
    file.write_text(OWN)
    return f"{file}:Own"


def test_printable_escapes_what_a_terminal_acts_on_and_nothing_else() -> None:
    kept = "a solver's µ² – name\n\tin 日本語, 1 000 kg"
    assert printable(kept) == kept
    assert printable(f"{RED}\r\x07\x9b\u202e\u2028\udcff\x00") == r"\x1b[31m\r\x07\x9b\u202e\u2028\udcff\x00"


def test_an_answer_is_printable(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"{RED}name\n")
    assert capsys.readouterr().out == "\\x1b[31mname\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["tasks", f"ti{RED}ny"],
        ["solvers", f"{RED}.py:Own"],
        ["solve", f"{RED}.toml", "random"],
        ["compare", f"{RED}.py:task", "--solver", "random"],
        ["explain", f"{RED}.json"],
        ["export", f"{RED}.json", "--to", "json", "--out", "x"],
        ["optimise-hardware", f"{RED}.onnx"],
        ["verify", RED],
        ["report", RED],
        ["leaderboard", RED],
        ["audit", "--points", RED],
        ["check", f"{RED}.py:Own"],
        ["choose", "tiny", "--limit", f"{RED}=1"],
        ["choose", "tiny", f"--{RED}"],
        [RED],
    ],
    ids=lambda each: "-".join(each[:2]).replace(RED, "red"),
)
def test_a_mistake_shows_a_name_of_a_users_with_escapes(
    arguments: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        status = main(arguments)
    except SystemExit as ended:
        status = ended.code
    said = capsys.readouterr()
    assert status == 2
    assert "\x1b" not in said.err + said.out
    assert "\\x1b[31m" in said.err


def test_names_of_solvers_are_escaped_in_answers_and_tables(
    own: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = str(tmp_path / f"out{RED}")
    for arguments in (
        ["solvers", own],
        ["solve", "tiny", own, "--setting", "evaluations=3", "--out", out],
        ["compare", "tiny", "--solver", f"{own}:evaluations=3", "--seeds", "1", "--budget", "5", "--workers", "1", "--out", out],
        ["report", out],
    ):  # fmt: skip
        assert main(arguments) == 0, arguments
        said = capsys.readouterr()
        assert "\x1b" not in said.out + said.err, arguments
        assert "own\\x1b[31m" in said.out, arguments


def test_a_solver_that_evaluates_nothing_is_told_so(
    own: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["solve", "tiny", own, "--out", str(tmp_path / "out")]) == 1
    assert "\n  The solver evaluated no design.\n" in capsys.readouterr().out


def test_a_solver_in_a_wrapper_is_explained_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solvers", "average:repeats=2(deduplicate(evolution:population=30))"]) == 0
    said = capsys.readouterr().out
    lines = said.splitlines()
    shown = [name for line in lines if (name := line.partition(": ")[0]) in ("average", "deduplicate", "evolution")]
    assert shown == ["average", "deduplicate", "evolution"]
    assert {"  repeats", "  patience", "  population"} <= {line.partition(": ")[0] for line in lines}
    assert main(["solvers", "average(random)", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["name"], facts["solver"]["name"]) == ("average", "random")
    assert main(["solvers", "average(rndom)"]) == 2
    assert "Did you mean 'random'" in capsys.readouterr().err
    assert main(["solvers", "avrage(random)"]) == 2
    assert "Did you mean 'average'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("evolution", "population"),
        ("nsga2", "offspring"),
        ("regularized-evolution", "population"),
        ("cma-es", "population"),
    ],
)
def test_a_population_that_no_memory_holds_is_refused(
    name: str, setting: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["solve", "tiny", f"{name}:{setting}=1e9"]) == 2
    assert f"{setting} is at most 1,000,000 designs, not 1,000,000,000" in capsys.readouterr().err


def test_an_error_of_memory_says_what_to_do() -> None:
    assert reason_of(MemoryError("Unable to allocate 52 GiB")) == (
        "MemoryError: Unable to allocate 52 GiB; the solver asked for too much memory: make its settings smaller"
    )
    assert reason_of(MemoryError()).startswith("MemoryError: the solver asked")


def test_an_infinite_difference_of_a_record_is_null(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As docs/cli.md says of all commands; a record that found nothing differs infinitely from one that did."""
    out = str(tmp_path / "run")
    assert main(["solve", "tiny", "random", "--budget", "3", "--out", out]) == 0
    capsys.readouterr()
    found = [RecordCheck("file", problems=("drifted",), largest={"objective": float("inf"), "latency_s": 0.5})]
    monkeypatch.setattr(verify, "verify", lambda *_, **__: found)
    assert main(["verify", out, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["records"][0]["largest"] == {"objective": None, "latency_s": 0.5}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /dev/full")
@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_a_picture_on_a_full_disk_names_its_file(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A write to /dev/full fails as one to a full disk; the temporary file of a picture is one here."""
    real = open

    def full(file: object, mode: str = "r", *rest: object, **more: object) -> object:
        return real("/dev/full", "wb") if mode == "xb" else real(file, mode, *rest, **more)  # type: ignore[call-overload]

    monkeypatch.setattr("dance_env.atomic.open", full, raising=False)
    picture = tmp_path / f"tiny.{ending}"
    assert main(["explain", "tiny", "--picture", str(picture)]) == 2
    said = capsys.readouterr().err
    assert os.strerror(errno.ENOSPC) in said
    assert str(picture) in said
    assert not picture.exists()


@pytest.mark.parametrize("name", ["ppo", "a2c", "dqn"])
def test_learners_leave_no_folder(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The logger of stable-baselines3 makes one in the temporary folder for each run, unless it is given another."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert len(make_solver(name).solve("tiny", budget=20, seed=0).trace) == 20
    assert list(tmp_path.iterdir()) == []
