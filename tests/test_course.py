"""The course: every notebook runs, every self-check tells a right answer from none and from wrong ones."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from solvers import Solver

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed: it reads notebooks")
pytest.importorskip("nbclient", reason="nbclient is not installed: it runs notebooks")
pytest.importorskip("jupytext", reason="jupytext is not installed: it makes notebooks from their sources")
pytest.importorskip("ipykernel", reason="ipykernel is not installed: notebooks run in it")

COURSE = Path(__file__).resolve().parents[1] / "examples" / "course"
LESSONS = sorted(path.stem for path in COURSE.glob("lesson_*.py"))
SOLUTIONS = dict(
    re.findall(r"^## (\d\.\d)\n.*?```python\n(.*?)```", (COURSE / "solutions.md").read_text("utf-8"), re.M | re.S)
)
MOST_BYTES = 300 * 1024


@pytest.fixture(autouse=True, scope="module")
def course_on_path():
    os.environ["DANCE_COURSE_SMALL"] = "1"
    sys.path.insert(0, str(COURSE))
    yield
    sys.path.remove(str(COURSE))
    del os.environ["DANCE_COURSE_SMALL"]


def exercises_of(lesson):
    return re.findall(r'tags=\["exercise-(\d\.\d)"\]', (COURSE / f"{lesson}.py").read_text("utf-8"))


def printed(cell):
    return "".join(output.get("text", "") for output in cell.outputs)


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_notebook_runs_and_its_checks_know_the_solutions(lesson, monkeypatch):
    """Each exercise's check is asked twice: with the empty cell as students get it, and after the solution."""
    import build

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(COURSE.parents[1]), *sys.path]))
    notebook = build.notebook_of(lesson)
    for number in exercises_of(lesson):
        place = next(
            i for i, cell in enumerate(notebook.cells) if f"exercise-{number}" in cell.metadata.get("tags", ())
        )
        check = notebook.cells[place + 1]
        assert check.source == re.sub(r"check\(.*, (\w+)\)", rf'check("{number}", \1)', check.source)
        solved = nbformat.v4.new_code_cell(SOLUTIONS[number], id=f"solution-{place}")
        again = nbformat.v4.new_code_cell(check.source, id=f"again-{place}")
        notebook.cells[place + 2 : place + 2] = [solved, again]
    build.run(notebook, timeout_s=500)
    verdicts = [printed(cell).splitlines()[-1] for cell in notebook.cells if cell.source.startswith("check(")]
    expected = [text for number in exercises_of(lesson) for text in (f"{number}: not yet", f"{number}: right")]
    assert verdicts == expected


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_notebook_in_the_repository_is_its_source_run(lesson):
    import build

    path = COURSE / f"{lesson}.ipynb"
    stored, made = nbformat.read(path, as_version=4), build.notebook_of(lesson)
    nbformat.validate(stored)
    assert [(cell.cell_type, cell.source) for cell in stored.cells] == [(c.cell_type, c.source) for c in made.cells], (
        f"run python examples/course/build.py {lesson}"
    )
    assert path.stat().st_size < MOST_BYTES
    code = [cell for cell in stored.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    assert sum("not yet" in output.get("text", "") for output in outputs) == len(exercises_of(lesson))
    assert "/home/" not in path.read_text("utf-8")


def test_every_exercise_has_a_check_and_a_solution():
    from checks.exercise import exercises

    in_lessons = [number for lesson in LESSONS for number in exercises_of(lesson)]
    assert in_lessons == sorted(in_lessons)
    assert in_lessons == list(SOLUTIONS)
    assert in_lessons == [number for lesson in LESSONS for number in exercises(lesson.split("_")[1])]


@dataclass(frozen=True)
class Unseeded(Solver):
    """Draws from a generator of its own."""

    name: ClassVar[str] = "unseeded"
    batch: int = 8

    def search(self, problem, rng):
        while True:
            problem.evaluate(problem.space.sample(np.random.default_rng(), self.batch))


@dataclass(frozen=True)
class Few(Solver):
    """Random search."""

    name: ClassVar[str] = "few"

    def search(self, problem, rng):
        while True:
            problem.evaluate(problem.space.sample(rng, 1))


WRONG = [
    ("1.1", 1024, "every input once"),
    ("1.1", "many", "give a number of words"),
    ("1.1", 4097, "more than there are"),
    ("1.2", 7680 - 2048, "written twice"),
    ("1.3", {"dram": {"M": 4}, "rf": {"C": 4}}, "the factors of C multiply to 4, not to 16"),
    ("1.3", {"cols": {"M": 8}, "rf": {"C": 16, "M": 4}, "glb": {"P": 8, "Q": 8}}, "the mapping is not legal"),
    (
        "1.3",
        {"dram": {"M": 4}, "glb": {"P": 8, "Q": 8}, "cols": {"M": 8}, "rows": {"C": 8}, "rf": {"C": 2}},
        "above the best mapping's",
    ),
    ("1.3", 3, "give a dictionary"),
    ("1.4", 6.4, "what DRAM moves now"),
    ("1.5", ("XX", "rf"), "there is no dataflow 'XX'"),
    ("2.1", 27, "these are all networks"),
    ("2.3", 1e-3, "it is too light"),
    ("2.3", 1.0, "it loses"),
    ("3.1", 0.0123, "GPU-hours is"),
    ("3.2", lambda problem, networks: problem.training_gpu_hours(networks).sum(), "is not trained again"),
    ("3.3", lambda trace, optimum, percent: 3.0, "GPU-hours, not 3"),
    ("3.3", lambda trace, optimum, percent: trace.oops, "AttributeError"),
    ("3.4", "abdf", "1 of the 6 statements"),
    ("3.4", "xyz", "give letters from a to f"),
    ("4.1", 0.01, "misses the limit"),
    ("4.1", 1e6, "a smaller weight does"),
    ("4.2", -0.279608423481071, "mind the sign"),
    ("4.3", [0] * 7, "exceeds the limit of"),
    ("4.3", 5, "give one design"),
    ("4.4", lambda error, cost: error < 0, "point 0 is on the front"),
    ("4.4", lambda error, cost: np.flatnonzero(error < 0), "return a mask"),
    ("4.5", 0, "lies on the lower convex hull"),
    ("4.5", -1, "give a position in the front"),
    ("4.6", lambda points, corner: 2.0, "with two points it is 3, not 2"),
    ("5.1", 3, "give a class that derives from solvers.Solver"),
    ("5.1", Unseeded, "the contract: same-seed-same-trace"),
    ("5.2", Few, "its median regret is"),
    ("5.3", lambda first, second: 0.5, "with five seeds, all of one sign it is 0.0625, not 0.5"),
    ("2.4", lambda *_: 0.5, "points, not 0.5"),
]


@pytest.mark.parametrize(("number", "answer", "reason"), WRONG)
def test_a_wrong_answer_is_told_what_is_wrong(number, answer, reason):
    from checks import judge

    verdict = judge(number, answer)
    assert verdict.state == "wrong"
    assert reason in verdict.reason


def test_an_answer_that_fails_does_not_stop_the_notebook(capsys):
    from checks import check, judge

    class Odd(dict):
        def items(self):
            raise RuntimeError("odd")

        values = items

    check("1.3", Odd(a=1))
    assert "ends in RuntimeError: odd" in capsys.readouterr().out
    with pytest.raises(KeyError, match=r"there is no exercise 1\.9"):
        judge("1.9", None)
