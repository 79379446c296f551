"""What a comparison runs: a solver by name, with settings and a label."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dance_env.suggest import nearest
from solvers.catalog import load_solver, make_solver, solver_names, wrapper_names
from solvers.comparison.typed_settings import typed_settings
from solvers.contract.result import software_versions
from solvers.contract.settings import json_settings, settings_digest
from solvers.contract.solver import Solver
from solvers.middleware.wrapper import Wrapper

_LONGEST_LABEL = 60
_FRESH = "fresh_evaluator"
_AGENT = "cmd:"
_INNER = "solver"
_WRAPPED = re.compile(r"([\w-]+)(?::([^()]*))?\((.*)\)", re.DOTALL)


@dataclass(frozen=True)
class SolverSpec:
    """A solver with settings, under a label: one contestant of a comparison.

        SolverSpec("evolution")
        SolverSpec("evolution", {"population": 20}, label="small")
        SolverSpec.parse("dance-refined:descent.steps=50")
        SolverSpec.of(MySolver(step=3))

    Attributes:
        name: a name of `solver_names()`, or `path/to/file.py:Class`.
        settings: setting to value; a field of nested settings under a dotted name, such as `descent.steps`. Text is
            converted to the field's type.
        label: what tables, plots and records call it; by default the solver's name and the settings that were given.
        solver: the solver itself, in place of a name to load and settings to make it with.
        tuning: by task, what choosing the settings cost, as fields of `solvers.Ledger`; each run is billed for it.
    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""
    solver: Solver | None = field(default=None, kw_only=True)
    tuning: Mapping[str, Mapping[str, float]] = field(default_factory=dict, kw_only=True)

    @classmethod
    def of(cls, solver: SolverSpec | Solver | type[Solver] | str, *, label: str = "") -> SolverSpec:
        """Return the specification of what a caller named: a solver, its class, a text for `parse`, or itself.

        Raises:
            TypeError: If it is none of these.
            ValueError: If the text cannot be parsed.
        """
        if isinstance(solver, SolverSpec):
            return dataclasses.replace(solver, label=label) if label else solver
        if isinstance(solver, type) and issubclass(solver, Solver):
            solver = solver()
        if isinstance(solver, Solver):
            return cls(solver.name, label=label, solver=solver)
        if isinstance(solver, str):
            spec = cls.parse(solver)
            return dataclasses.replace(spec, label=label) if label else spec
        raise TypeError(f"a solver is given by name, as a Solver or as a SolverSpec, not as {solver!r}")

    @classmethod
    def parse(cls, text: str) -> SolverSpec:
        """Return the specification that a text such as `dance-refined:descent.steps=50` stands for.

        Args:
            text: a name or `path/to/file.py:Class`; after a colon, settings separated by commas. Or `cmd:COMMAND`: all that
                follows is the command of an agent. Or a wrapper around either: `NAME:SETTING=VALUE(SOLVER)`.

        Raises:
            ValueError: If a part behind the colon is not `setting=value`.
        """
        if wrapped := _WRAPPED.fullmatch(text.strip()):
            name, settings, inner = wrapped[1], wrapped[2] or "", wrapped[3]
            if name in wrapper_names():
                return cls(name, _settings(settings, text) | ({_INNER: cls.parse(inner)} if inner.strip() else {}))
            if name not in solver_names():
                raise ValueError(f"there is no wrapper {name!r} in {text!r}. {nearest(name, wrapper_names())}")
        if command := _command(text):
            return cls("cmd", {"command": command}, _short(f"cmd:{command}"))
        if text.partition("(")[0].partition(":")[0].strip() in wrapper_names() and text.count("(") != text.count(")"):
            raise ValueError(f"the brackets of {text!r} do not match; write NAME:SETTING=VALUE(SOLVER)")
        name, settings = _divided(text)
        return cls(name, _settings(settings, text))

    def make(self) -> Solver:
        """Return the solver.

        Raises:
            ValueError: If there is no such solver or setting (the nearest are offered), or a value does not fit.
            OSError, ImportError: If its file or its module cannot be loaded.
        """
        if self.solver is not None:
            return self.solver
        kind = load_solver(self.name)
        if self.name in wrapper_names():
            inner = _inner(self).make()
            given = {name: value for name, value in self.settings.items() if name != _INNER}
            settings = typed_settings(kind, given, owner=f"wrapper {kind.name!r}")
            return make_solver(self.name, solver=inner, **settings)
        return make_solver(self.name, **typed_settings(kind, self.settings, owner=f"solver {kind.name!r}"))

    def resolved(self) -> SolverSpec:
        """Return the same with the path of its file made absolute, so that it holds in any working folder."""
        if self.solver is None and self.name in wrapper_names():
            return dataclasses.replace(self, settings={**self.settings, _INNER: _inner(self).resolved()})
        file, colon, kind = self.name.rpartition(":")
        if self.solver is not None or not file.endswith(".py"):
            return self
        return dataclasses.replace(self, name=f"{Path(file).resolve()}{colon}{kind}")


@dataclass(frozen=True, eq=False)
class Contestant:
    """A specification made ready.

    Attributes:
        spec: The specification, with absolute paths.
        solver: Its solver.
        label: What the solver is called.
        settings_digest: The digest of all its settings.
        software: The digest of its code and the versions of packages, as they are before anything runs.
    """

    spec: SolverSpec
    solver: Solver
    label: str
    settings_digest: str
    software: Mapping[str, str]

    @classmethod
    def of(cls, spec: SolverSpec, *, fresh_evaluator: bool = False) -> Contestant:
        """Make the solver, and name it.

        Args:
            spec: The specification.
            fresh_evaluator: Whether to turn the setting of this name on, where the solver has it, itself or in a solver
                that is a setting of its own.

        Raises:
            ValueError, OSError, ImportError: As for `SolverSpec.make`.
        """
        solver = spec.make()
        label = spec.label or _label(spec, solver)
        if fresh_evaluator:
            spec, solver = _with_fresh_evaluator(spec, solver)
        return cls(spec.resolved(), solver, label, settings_digest(solver), software_versions(solver))


def _with_fresh_evaluator(spec: SolverSpec, solver: Solver) -> tuple[SolverSpec, Solver]:
    """Turn the setting on wherever the solver has it: in itself, or in a solver that is one of its settings."""
    if isinstance(solver, Wrapper):
        inner_spec, inner_solver = _with_fresh_evaluator(_inner(spec), solver.solver)
        if spec.solver is None:
            spec = dataclasses.replace(spec, settings={**spec.settings, _INNER: inner_spec})
        else:
            spec = dataclasses.replace(spec, solver=dataclasses.replace(solver, solver=inner_solver))
        return spec, spec.make()
    holders = [holder for holder in ("", *_nested_solvers(solver)) if hasattr(_at(solver, holder), _FRESH)]
    for holder in holders:
        dotted = f"{holder}.{_FRESH}" if holder else _FRESH
        if spec.solver is None:
            spec = dataclasses.replace(spec, settings={**spec.settings, dotted: True})
        else:
            inner = dataclasses.replace(_at(spec.solver, holder), **{_FRESH: True})
            whole = dataclasses.replace(spec.solver, **{holder: inner}) if holder else inner  # type: ignore[type-var]  # a dataclass
            spec = dataclasses.replace(spec, solver=whole)
    return (spec, spec.make()) if holders else (spec, solver)


def _nested_solvers(solver: Solver) -> list[str]:
    """The settings of a solver that are solvers."""
    if not dataclasses.is_dataclass(solver):
        return []
    return [each.name for each in dataclasses.fields(solver) if isinstance(getattr(solver, each.name, None), Solver)]


def _at(solver: Solver, holder: str) -> Any:
    return getattr(solver, holder) if holder else solver


def parse_specs(text: str) -> list[SolverSpec]:
    """Return the solvers of one argument of the command line.

    Args:
        text: `NAME`, `NAME:SETTING=VALUE`, several of these separated by commas, or a TOML file. `cmd:COMMAND` is the last
            of them: all that follows is the command.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If the text or the file does not describe solvers.
    """
    text, agent = _agent_apart(text)
    if text.endswith(".toml") and not agent:
        return read_specs(text)
    specs: list[str] = []
    for part in _split(text):
        if specs and re.match(r"[\w.]+\s*=", part):  # a further setting of the solver before it
            specs[-1] += ("," if _divided(specs[-1])[1] else ":") + part
        else:
            specs.append(part)
    return [SolverSpec.parse(spec) for spec in [*specs, *agent]]


def read_specs(path: str | Path) -> list[SolverSpec]:
    """Return the solvers that a TOML file describes.

    The file has a table `[[solver]]` for each, with `name` and, as far as wanted, `label` and `settings`:

        [[solver]]
        name = "dance-refined"
        label = "short"
        settings = { descent.steps = 12 }

    A solver's own file is found from the folder of the TOML file.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is not TOML, or does not describe solvers.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not TOML: {error}") from error
    tables = content.get("solver")
    if set(content) != {"solver"} or not isinstance(tables, list) or not tables:
        raise ValueError(f"{path} describes no solvers: write a table [[solver]] for each, with its name")
    return [_from_table(table, path) for table in tables]


def _from_table(table: Any, path: Path) -> SolverSpec:
    known = {"name": str, "label": str, "settings": dict}
    if not isinstance(table, dict) or "name" not in table:
        raise ValueError(f"a [[solver]] in {path} has no name")
    for key, value in table.items():
        if key not in known or not isinstance(value, known[key]):
            raise ValueError(
                f"a [[solver]] in {path} has {key} = {value!r}; it takes name and label (text) and settings (a table)"
            )
    name = table["name"]
    if ".py:" in name:
        name = str(path.parent / name)
    return SolverSpec(name, table.get("settings", {}), table.get("label", ""))


def _settings(settings: str, text: str) -> dict[str, Any]:
    """The settings of `SETTING=VALUE,SETTING=VALUE`, which is a part of `text`."""
    values: dict[str, Any] = {}
    for part in _split(settings):
        setting, equals, value = part.partition("=")
        setting = setting.strip()
        if not equals or not setting:
            raise ValueError(f"{part!r} in {text!r} is not a setting; write NAME:SETTING=VALUE,SETTING=VALUE")
        if setting in values:
            raise ValueError(f"setting {setting!r} is given twice in {text!r}")
        values[setting] = value.strip()
    return values


def _inner(spec: SolverSpec) -> SolverSpec:
    """What a wrapper's specification says that it wraps."""
    if spec.solver is not None:
        return SolverSpec.of(getattr(spec.solver, _INNER))
    inner = spec.settings.get(_INNER)
    if isinstance(inner, Mapping):
        inner = SolverSpec(**inner)
    if inner is None or inner == "":
        raise ValueError(f"{spec.name} wraps a solver: write {spec.name}(SOLVER), or give its setting {_INNER!r}")
    return SolverSpec.of(inner)


def _command(text: str) -> str:
    """The command of `cmd:COMMAND`; empty where the text is something else."""
    return text.strip().removeprefix(_AGENT).strip() if text.strip().startswith(_AGENT) else ""


def _agent_apart(text: str) -> tuple[str, list[str]]:
    """The text before `cmd:COMMAND`, and that: a command may hold commas, colons and brackets of its own."""
    depth, start = 0, 0
    for place, character in enumerate(f"{text},"):
        depth += (character in "([{") - (character in ")]}")
        if text[start:].lstrip().startswith(_AGENT):
            return text[:start].rstrip(", "), [text[start:]]
        if character == "," and depth <= 0:
            start = place + 1
    return text, []


def _divided(text: str) -> tuple[str, str]:
    """Name and settings of `NAME:SETTINGS`, where the name may be `path/to/file.py:Class`."""
    start = text.find(".py:") + 4 if ".py:" in text else 0
    colon = text.find(":", start)
    return (text.strip(), "") if colon < 0 else (text[:colon].strip(), text[colon + 1 :])


def _split(text: str) -> Iterable[str]:
    """The parts between commas that stand in no bracket, without the empty ones."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


def _label(spec: SolverSpec, solver: Solver) -> str:
    """The solver's name, and behind it the settings that were given."""
    given = spec.settings if spec.solver is None else _changed_settings(solver)
    inner = ""
    if isinstance(solver, Wrapper):
        wrapped = _inner(spec)
        inner = f"({wrapped.label or _label(wrapped, solver.solver)})"
        given = {name: value for name, value in given.items() if name.partition(".")[0] != _INNER}
    if not given:
        return _short(f"{solver.name}{inner}")
    label = f"{solver.name}:" + ",".join(f"{name}={value}" for name, value in _flat(given).items()) + inner
    return label if len(label) <= _LONGEST_LABEL else f"{solver.name}:{settings_digest(solver)}"


def _short(label: str) -> str:
    """A label that is not too long: the rest of a long one is a digest."""
    if len(label) <= _LONGEST_LABEL:
        return label
    return f"{label[: _LONGEST_LABEL - 9]}-{hashlib.sha256(label.encode()).hexdigest()[:8]}"


def _changed_settings(solver: Solver) -> dict[str, Any]:
    """A solver's settings that are not its class's own, by dotted names; all where the class has no own."""
    settings = _flat(json_settings(solver))
    try:
        usual = _flat(json_settings(type(solver)(*((solver.solver,) if isinstance(solver, Wrapper) else ()))))
    except Exception:  # a class of a user's that needs arguments, or whose constructor fails
        usual = {}
    return {name: value for name, value in settings.items() if name not in usual or usual[name] != value}


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) and value else {f"{prefix}{name}": value}
    return flat
