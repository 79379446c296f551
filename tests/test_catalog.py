"""Solvers by name, by plug-in and by file."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

import solvers
from dance_env.from_file import UserFileError
from dance_env.testing import synthetic_problem
from solvers import catalog, load_solver, make_solver, solver_names
from solvers.methods.random_search import RandomSearch

SOLVER = """
from dataclasses import dataclass
from typing import ClassVar
from solvers import Solver

@dataclass(frozen=True)
class Mine(Solver):
    name: ClassVar[str] = "mine"
    batch: int = 3

    def search(self, problem, rng):
        problem.evaluate(problem.space.sample(rng, self.batch))

class Unfinished(Solver):
    name = "unfinished"

class Mutable(Solver):
    name = "mutable"

    def search(self, problem, rng):
        pass

class NoSolver:
    pass

sum_of_two = 1 + 1
"""


@pytest.fixture
def solver_file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(SOLVER)
    return path


def test_every_listed_solver_of_this_package_has_its_name() -> None:
    for name in ("random", "evolution", "nsga2", "regularized-evolution", "annealing", "ppo"):
        assert name in solver_names()
        assert load_solver(name).name == name


def test_settings_are_passed() -> None:
    assert make_solver("random", batch=7) == RandomSearch(batch=7)


def test_unknown_names_are_answered_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"there is no solver 'evolutoin'. Did you mean 'evolution'"):
        make_solver("evolutoin")
    with pytest.raises(ValueError, match=r"solver 'random' has no setting 'batches'. Did you mean 'batch'"):
        make_solver("random", batches=3)


def test_solver_from_a_file(solver_file: Path) -> None:
    solver = make_solver(f"{solver_file}:Mine", batch=5)
    assert solver.solve(synthetic_problem(0), budget=10, seed=0).ledger.evaluations == 5


@pytest.mark.parametrize(
    ("ending", "error", "message"),
    [
        (":Mien", ValueError, "there is no 'Mien' in .*mine.py. Did you mean 'Mine'"),
        ("", ValueError, "names a file but no solver in it; write .*mine.py:Class"),
        (":", ValueError, "names a file but no solver in it"),
        (":NoSolver", ValueError, "not a subclass of solvers.Solver"),
        (":sum_of_two", ValueError, "is 2, not a subclass of solvers.Solver"),
        (":Unfinished", ValueError, "not a finished solver: it needs a `name` and a `search` method"),
        (":Mutable", ValueError, "decorate it with @dataclass"),
    ],
)
def test_unfit_solver_in_a_file(solver_file: Path, ending: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        load_solver(f"{solver_file}{ending}")


def test_missing_and_broken_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no file .*gone.py to load"):
        load_solver(f"{tmp_path / 'gone.py'}:Mine")
    broken = tmp_path / "broken.py"
    broken.write_text("raise RuntimeError('of its own')")
    modules = set(sys.modules)
    with pytest.raises(UserFileError, match=r"broken.py, line 1: RuntimeError: of its own. Correct it"):
        load_solver(f"{broken}:Mine")
    assert set(sys.modules) == modules, "a module that failed is not kept"


def test_file_named_like_a_package_does_not_stand_in_for_it(tmp_path: Path) -> None:
    path = tmp_path / "numpy.py"
    path.write_text(SOLVER)
    numpy = sys.modules["numpy"]
    load_solver(f"{path}:Mine")
    assert sys.modules["numpy"] is numpy


def test_plug_in_through_an_entry_point(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "a_plug_in.py").write_text(SOLVER)
    monkeypatch.syspath_prepend(tmp_path)
    offered = [
        EntryPoint("mine", "a_plug_in:Mine", catalog.ENTRY_POINT_GROUP),
        EntryPoint("random", "a_plug_in:Mine", catalog.ENTRY_POINT_GROUP),
        EntryPoint("gone", "a_plug_in:Gone", catalog.ENTRY_POINT_GROUP),
    ]

    def entry_points(*, group: str) -> list[Any]:
        assert group == "dance_env.solvers"
        return offered

    monkeypatch.setattr(catalog, "entry_points", entry_points)
    with pytest.warns(UserWarning, match=r"offers a solver named 'random', as this library does: it is left out"):
        assert "mine" in solver_names()
    with pytest.warns(UserWarning, match="'random'"):
        assert solver_names().count("random") == 1
    offered.pop(1)
    assert make_solver("mine").name == "mine"
    assert make_solver("random") == RandomSearch(), "a plug-in does not replace a solver of ours"
    with pytest.raises(ValueError, match="a_plug_in:Gone is None, not a subclass"):
        load_solver("gone")


def test_two_plug_ins_of_one_name_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "one_plug_in.py").write_text(SOLVER)
    monkeypatch.syspath_prepend(tmp_path)
    first = EntryPoint("mine", "one_plug_in:Mine", catalog.ENTRY_POINT_GROUP)
    second = EntryPoint("mine", "two_plug_in:Mine", catalog.ENTRY_POINT_GROUP)
    monkeypatch.setattr(catalog, "entry_points", lambda **_: [first, first, second])
    with pytest.warns(
        UserWarning, match=r"\(one_plug_in:Mine\) and .*\(two_plug_in:Mine\) both offer .*'mine': .* first"
    ):
        assert type(make_solver("mine")).__module__ == "one_plug_in"


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("import solvers", {"torch", "stable_baselines3", "pymoo", "matplotlib", "gymnasium", "numba"}),
        ("import solvers; solvers.make_solver('random')", {"torch", "stable_baselines3", "pymoo", "matplotlib"}),
        ("import solvers; solvers.make_solver('evolution')", {"torch", "stable_baselines3"}),
    ],
)
def test_only_what_is_used_is_loaded(code: str, heavy: set[str]) -> None:
    code = f"import sys; {code}; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names_are_there() -> None:
    assert dir(solvers) == sorted(solvers.__all__)
    for name in solvers.__all__:
        assert getattr(solvers, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'sovler'"):
        solvers.sovler  # noqa: B018
