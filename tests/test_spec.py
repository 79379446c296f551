"""Specifications of solvers: from text, from TOML, from Python; settings of every type."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

from solvers import Solver, SolverSpec, make_solver
from solvers.comparison.spec import Contestant, parse_specs, read_specs
from solvers.comparison.typed_settings import typed_settings
from solvers.contract.settings import json_settings, opaque_settings, settings_digest
from solvers.methods.random_search import RandomSearch


class Shade(Enum):
    LIGHT = "l"
    DARK = "d"


@dataclass(frozen=True)
class Inner:
    steps: int = 24
    rate: float = 0.1

    def __post_init__(self) -> None:
        if self.steps < 0:
            raise ValueError("steps are not negative")


@dataclass(frozen=True)
class Outer(Solver):
    name: ClassVar[str] = "outer"
    count: int = 3
    scale: float | None = None
    on: bool = False
    style: Literal["one-shot", "refine"] = "one-shot"
    sizes: tuple[int, ...] = (8, 8)
    margin: tuple[float, float] = (0.0, 0.0)
    text: str = "a"
    file: Path = Path("x")
    shade: Shade = Shade.LIGHT
    inner: Inner = field(default_factory=Inner)
    maybe: Inner | None = None
    anything: Any = None

    def search(self, problem, rng):
        problem.evaluate(problem.space.sample(rng, self.count))


def made(**settings: Any) -> Outer:
    return Outer(**typed_settings(Outer, settings, owner="solver 'outer'"))


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("count", "5", 5),
        ("count", "1e4", 10_000),
        ("count", 7.0, 7),
        ("scale", "0.5", 0.5),
        ("scale", "1", 1.0),
        ("scale", "none", None),
        ("on", "true", True),
        ("on", False, False),
        ("style", "refine", "refine"),
        ("sizes", "(32,)", (32,)),
        ("sizes", "[4, 5, 6]", (4, 5, 6)),
        ("sizes", [1, 2], (1, 2)),
        ("sizes", "9", (9,)),
        ("margin", "(0.5,1)", (0.5, 1.0)),
        ("text", "5", "5"),
        ("file", "a/b", Path("a/b")),
        ("shade", "d", Shade.DARK),
        ("shade", "DARK", Shade.DARK),
        ("inner", {"steps": 5}, Inner(steps=5)),
        ("inner", Inner(rate=1.0), Inner(rate=1.0)),
        ("maybe", "none", None),
        ("maybe", {"rate": "2"}, Inner(rate=2.0)),
        ("anything", "[1, 'x']", [1, "x"]),
        ("anything", "word", "word"),
    ],
)
def test_a_value_takes_the_type_of_its_field(setting, value, expected):
    found = getattr(made(**{setting: value}), setting)
    assert found == expected
    assert type(found) is type(expected)


def test_a_dotted_setting_changes_one_field_and_keeps_the_others():
    solver = made(**{"inner.steps": "50", "maybe.rate": 3, "count": 4})
    assert (solver.inner, solver.maybe, solver.count) == (Inner(50, 0.1), Inner(24, 3.0), 4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cuont": 1}, r"solver 'outer' has no setting 'cuont'. Did you mean 'count'"),
        ({"inner.stesp": 1}, r"setting 'inner' of solver 'outer' has no setting 'stesp'. Did you mean 'steps'"),
        ({"count": "few"}, r"setting 'count' of solver 'outer' takes int, not 'few'"),
        ({"count": 2.5}, r"takes int, not 2.5"),
        ({"count": True}, r"takes int, not True"),
        ({"scale": "x"}, r"takes float or None, not 'x'"),
        ({"on": "maybe"}, r"takes bool, not 'maybe'"),
        ({"style": "twice"}, r"takes 'one-shot' or 'refine', not 'twice'"),
        ({"margin": "(1,2,3)"}, r"takes tuple\[float, float\], not '\(1,2,3\)'"),
        ({"shade": "gray"}, r"takes Shade, not 'gray'"),
        ({"inner": "5"}, r"takes Inner, not '5'; give its fields one by one, such as NAME.FIELD=VALUE"),
        ({"count.x": 1}, r"setting 'count' of solver 'outer' has no settings of its own, but 'x' was given"),
        ({"inner.steps": -1}, r"cannot be \{'steps': -1\}: steps are not negative"),
    ],
)
def test_a_setting_that_does_not_fit_is_named(settings, message):
    with pytest.raises(ValueError, match=message):
        made(**settings)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("random", [SolverSpec("random")]),
        ("random,ppo", [SolverSpec("random"), SolverSpec("ppo")]),
        ("random:batch=8", [SolverSpec("random", {"batch": "8"})]),
        (
            "dance:descent.steps=5,seed=1,ppo:hidden=(8,8)",
            [SolverSpec("dance", {"descent.steps": "5", "seed": "1"}), SolverSpec("ppo", {"hidden": "(8,8)"})],
        ),
        ("a/b.py:Mine", [SolverSpec("a/b.py:Mine")]),
        ("a/b.py:Mine:x=1,y=2", [SolverSpec("a/b.py:Mine", {"x": "1", "y": "2"})]),
    ],
)
def test_texts_of_the_command_line(text, expected):
    assert parse_specs(text) == expected


@pytest.mark.parametrize("text", ["random:batch", "random:=8", "random:batch=1,batch=2"])
def test_texts_that_are_no_settings_are_refused(text):
    with pytest.raises(ValueError, match=r"is not a setting|given twice"):
        parse_specs(text)


def test_specifications_in_a_file(tmp_path):
    (tmp_path / "mine.py").write_text("")
    path = tmp_path / "variants.toml"
    path.write_text(
        '[[solver]]\nname = "random"\nlabel = "small"\nsettings = { batch = 8 }\n'
        '[[solver]]\nname = "dance-refined"\n[solver.settings]\ndescent.steps = 5\n[[solver]]\nname = "mine.py:Mine"\n'
    )
    small, dance, mine = parse_specs(str(path))
    assert small == SolverSpec("random", {"batch": 8}, "small")
    assert dance.make().descent.steps == 5
    assert mine.name == f"{tmp_path / 'mine.py'}:Mine"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("nonsense", "is not TOML"),
        ("", "describes no solvers"),
        ("x = 1", "describes no solvers"),
        ("[[solver]]\nlabel = 'x'", "has no name"),
        ("[[solver]]\nname = 'random'\nseed = 1", "has seed = 1; it takes name and label"),
        ("[[solver]]\nname = 3", "has name = 3"),
    ],
)
def test_a_file_that_describes_no_solvers_is_refused(tmp_path, content, message):
    path = tmp_path / "variants.toml"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        read_specs(path)


@pytest.mark.parametrize(
    ("given", "label"),
    [
        (SolverSpec("random"), "random"),
        (SolverSpec("random", {"batch": "8"}), "random:batch=8"),
        (SolverSpec("random", {"batch": 8}, label="small"), "small"),
        (RandomSearch(), "random"),
        (RandomSearch(batch=8), "random:batch=8"),
        (RandomSearch, "random"),
        ("random:batch=8", "random:batch=8"),
        (Outer(inner=Inner(steps=2), count=5), "outer:count=5,inner.steps=2"),
    ],
)
def test_labels(given, label):
    contestant = Contestant.of(SolverSpec.of(given))
    assert contestant.label == label


def test_a_long_label_is_a_digest():
    solver = Outer(text="x" * 500)
    assert Contestant.of(SolverSpec.of(solver)).label == f"outer:{settings_digest(solver)}"


def test_what_is_no_solver_is_refused():
    with pytest.raises(TypeError, match="by name, as a Solver or as a SolverSpec, not as 3"):
        SolverSpec.of(3)  # type: ignore[arg-type]


class Fingerprinted:
    def fingerprint(self) -> str:
        return "f1"


def test_settings_are_values_or_have_a_fingerprint():
    assert opaque_settings(Outer(anything={"a": [1, (2.0, None)]})) == []
    assert opaque_settings(Outer(anything=Fingerprinted())) == []
    assert json_settings(Outer(anything=Fingerprinted()))["anything"].endswith("Fingerprinted f1>")
    for opaque in (lambda: 1, object(), print):
        assert len(opaque_settings(Outer(anything=opaque))) == 1
        assert "0x" not in str(json_settings(Outer(anything=opaque)))


def test_equal_settings_have_equal_digests():
    assert settings_digest(Outer()) == settings_digest(Outer(inner=Inner()))
    assert settings_digest(Outer()) != settings_digest(Outer(inner=Inner(steps=2)))


def test_fresh_evaluators_reach_the_solvers_that_have_one_and_no_other():
    named = Contestant.of(SolverSpec("dance-refined"), fresh_evaluator=True)
    given = Contestant.of(SolverSpec.of(make_solver("dance")), fresh_evaluator=True)
    assert named.solver.fresh_evaluator
    assert given.solver.fresh_evaluator
    assert named.settings_digest != Contestant.of(SolverSpec("dance-refined")).settings_digest
    assert Contestant.of(SolverSpec("random"), fresh_evaluator=True).solver == RandomSearch()


def test_fresh_evaluators_reach_a_solver_that_is_another_ones_setting():
    named = Contestant.of(SolverSpec("dance-front", {"dance.steps": "5"}), fresh_evaluator=True)
    given = Contestant.of(SolverSpec.of(make_solver("dance-front")), fresh_evaluator=True)
    assert named.solver.dance.fresh_evaluator
    assert named.solver.dance.steps == 5
    assert given.solver.dance.fresh_evaluator
    assert not Contestant.of(SolverSpec("dance-front")).solver.dance.fresh_evaluator
