"""Solvers by name: ours in one lazy table, others' through an entry-point group or a path to a file."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import importlib.util
import inspect
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from dance_env.from_file import is_in_file, load_from_file
from dance_env.suggest import nearest
from solvers.contract.solver import Solver

ENTRY_POINT_GROUP = "dance_env.solvers"
"""A distribution offers a solver with `[project.entry-points."dance_env.solvers"]  name = "module:Class"`."""

_SOLVERS = {
    "random": "solvers.methods.random_search:RandomSearch",
    "evolution": "solvers.methods.evolution.genetic:Evolution",
    "nsga2": "solvers.methods.evolution.genetic:NSGA2",
    "regularised-evolution": "solvers.methods.evolution.regularised:RegularisedEvolution",
    "annealing": "solvers.methods.annealing:Annealing",
    "ppo": "solvers.methods.rl.ppo:PPO",
    "dance": "solvers.methods.dance.dance:Dance",
    "dance-images": "solvers.methods.dance.images.solver:DanceImages",
    "dance-refined": "solvers.methods.dance.refined.solver:DanceRefined",
    "dance-exact": "solvers.methods.dance.refined.exact:DanceExact",
    "dance-front": "solvers.methods.dance.front:DanceFront",
    "separate": "solvers.methods.separate:Separate",
    "separate-flops": "solvers.methods.separate:SeparateFlops",
    "edd": "solvers.methods.edd:EDD",
    "exhaustive": "solvers.methods.exhaustive:Exhaustive",
}


def solver_names() -> list[str]:
    """The names that `make_solver` knows: ours, then those of installed plug-ins."""
    return [*_SOLVERS, *(name for name in _plug_ins() if name not in _SOLVERS)]


def solver_summary(name: str) -> str:
    """Return the first line of a solver's docstring, read from its source: nothing is imported.

    Args:
        name: A name out of `solver_names()`.

    Returns:
        The line; empty where there is no docstring or no source to read.
    """
    source = _class_source(_target(name))
    text = ast.get_docstring(source) if source is not None else None
    return text.splitlines()[0] if text else ""


def _target(name: str) -> str:
    return _SOLVERS[name] if name in _SOLVERS else _plug_ins()[name].value


def _class_source(target: str) -> ast.ClassDef | None:
    """The syntax tree of a class given as `module:Class`; None where its source cannot be read."""
    module, _, attribute = target.partition(":")
    try:
        tree = ast.parse(_source_file(module).read_text(encoding="utf-8"))
    except (ImportError, OSError, SyntaxError, ValueError):  # a broken plug-in is no reason not to list the others
        return None
    return next((node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == attribute), None)


def _source_file(module: str) -> Path:
    """The file of a module; the packages around it are not imported, as `find_spec` would."""
    top, *inner = module.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None or not spec.has_location:
        raise ImportError(f"there is no module {top!r}")
    if not inner:
        return Path(spec.origin or "")
    path = Path((spec.submodule_search_locations or [""])[0]).joinpath(*inner)
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def load_solver(name: str) -> type[Solver]:
    """The solver class of a name, loaded on demand.

    Args:
        name: a name out of `solver_names()`, or `path/to/file.py:Class` (the file is run: give only files you trust).

    Raises:
        ValueError: no such name (the nearest are offered), no such class in the file, or a class that is no solver.
        FileNotFoundError: no such file.
        ImportError: the solver's module needs a package that is not installed.
    """
    if is_in_file(name):
        return _checked(load_from_file(name, what="solver", example="Class", fits=inspect.isclass), name)
    if name in _SOLVERS:
        target = _SOLVERS[name]
    else:
        plug_ins = _plug_ins()
        if name not in plug_ins:
            raise ValueError(f"there is no solver {name!r}. {nearest(name, solver_names())}")
        target = plug_ins[name].value
    module, _, attribute = target.partition(":")
    return _checked(getattr(importlib.import_module(module), attribute, None), target)


def make_solver(name: str, **settings: Any) -> Solver:
    """A solver by name, with some of its settings changed.

    Raises:
        ValueError: an unknown name, or a setting that the solver does not have.
    """
    solver = load_solver(name)
    known = [each.name for each in dataclasses.fields(solver) if each.init]  # type: ignore[arg-type]
    for setting in settings:
        if setting not in known:
            raise ValueError(f"solver {name!r} has no setting {setting!r}. {nearest(setting, known)}")
    return solver(**settings)


def _plug_ins() -> dict[str, EntryPoint]:
    return {each.name: each for each in entry_points(group=ENTRY_POINT_GROUP)}


def _checked(solver: Any, target: str) -> type[Solver]:
    if not (inspect.isclass(solver) and issubclass(solver, Solver)):
        raise ValueError(f"{target} is {solver!r}, not a subclass of solvers.Solver")
    if inspect.isabstract(solver) or not isinstance(getattr(solver, "name", None), str):
        raise ValueError(f"{target} is not a finished solver: it needs a `name` and a `search` method")
    if not dataclasses.is_dataclass(solver):
        raise ValueError(
            f"{target} is no dataclass: decorate it with @dataclass(frozen=True), its fields are its settings"
        )
    return solver
