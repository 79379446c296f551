"""Solvers by name: ours in one lazy table, others' through an entry-point group or a path to a file."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import importlib.util
import inspect
import warnings
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from dance_env.from_file import is_in_file, load_from_file
from dance_env.suggest import nearest
from solvers.contract.failure import reason_of
from solvers.contract.solver import Solver

ENTRY_POINT_GROUP = "dance_env.solvers"
"""A distribution offers a solver with `[project.entry-points."dance_env.solvers"]  name = "module:Class"`."""

_SOLVERS = {
    "random": "solvers.methods.random_search:RandomSearch",
    "evolution": "solvers.methods.evolution.genetic:Evolution",
    "nsga2": "solvers.methods.evolution.genetic:NSGA2",
    "nsga3": "solvers.methods.evolution.nsga3:NSGA3",
    "cma-es": "solvers.methods.evolution.cma:CMAES",
    "nevergrad": "solvers.methods.nevergrad_optimizers:Nevergrad",
    "regularized-evolution": "solvers.methods.evolution.regularized:RegularizedEvolution",
    "annealing": "solvers.methods.annealing:Annealing",
    "local-search": "solvers.methods.local_search:LocalSearch",
    "network-evolution": "solvers.methods.networks.evolution:NetworkEvolution",
    "network-local-search": "solvers.methods.networks.local_search:NetworkLocalSearch",
    "tpe": "solvers.methods.bayesian.tpe:TPE",
    "network-tpe": "solvers.methods.bayesian.tpe:NetworkTPE",
    "motpe": "solvers.methods.bayesian.tpe:MOTPE",
    "gp": "solvers.methods.bayesian.gp:GP",
    "ppo": "solvers.methods.rl.ppo:PPO",
    "a2c": "solvers.methods.rl.a2c:A2C",
    "dqn": "solvers.methods.rl.dqn:DQN",
    "maskable-ppo": "solvers.methods.rl.maskable:MaskablePPO",
    "reinforce": "solvers.methods.rl.reinforce:Reinforce",
    "dance": "solvers.methods.dance.dance:Dance",
    "dance-images": "solvers.methods.dance.images.solver:DanceImages",
    "dance-refined": "solvers.methods.dance.refined.solver:DanceRefined",
    "dance-exact": "solvers.methods.dance.refined.exact:DanceExact",
    "dance-front": "solvers.methods.dance.front:DanceFront",
    "dance-conditional": "solvers.methods.dance.conditional.solver:DanceConditional",
    "network-first": "solvers.methods.networks.two_stage:NetworkFirst",
    "accelerator-first": "solvers.methods.networks.two_stage:AcceleratorFirst",
    "separate": "solvers.methods.separate:Separate",
    "separate-flops": "solvers.methods.separate:SeparateFlops",
    "edd": "solvers.methods.edd:EDD",
    "exhaustive": "solvers.methods.exhaustive:Exhaustive",
    "cmd": "solvers.methods.external.solver:External",
}

_WRAPPERS = {
    "cache": "solvers.middleware.cache:Cache",
    "deduplicate": "solvers.middleware.deduplicate:Deduplicate",
    "retry": "solvers.middleware.retry:Retry",
    "average": "solvers.middleware.average:Average",
    "time-limit": "solvers.middleware.time_limit:TimeLimited",
}
"""Solvers that wrap another one: they cannot be made without it."""


def wrapper_names() -> list[str]:
    """The names of the wrappers, for `NAME:SETTING=VALUE(SOLVER)`; `make_solver(name, solver=...)` makes one."""
    return list(_WRAPPERS)


def solver_names() -> list[str]:
    """The names that `make_solver` knows: ours, then those of installed plug-ins."""
    return [*_SOLVERS, *_plug_ins()]


def solver_summary(name: str) -> str:
    """Return the first line of a solver's docstring, read from its source: nothing is imported.

    Args:
        name: A name out of `solver_names()` or `wrapper_names()`.

    Returns:
        The line; empty where there is no docstring or no source to read.
    """
    source, _ = _class_source(_target(name))
    text = ast.get_docstring(source) if source is not None else None
    return text.splitlines()[0] if text else ""


def solver_declaration(name: str) -> dict[str, Any]:
    """Return what a solver declares as its `capabilities`, read from its source: nothing is imported.

    Args:
        name: A name out of `solver_names()`.

    Returns:
        The arguments that are written out there; empty where there are none or no source to read.
    """
    source, constants = _class_source(_target(name))
    declared = _assigned(source.body).get("capabilities") if source is not None else None
    if isinstance(declared, ast.Name):
        declared = constants.get(declared.id)
    if not isinstance(declared, ast.Call):
        return {}
    return {
        each.arg: each.value.value for each in declared.keywords if each.arg and isinstance(each.value, ast.Constant)
    }


def _assigned(body: Iterable[ast.stmt]) -> dict[str, ast.expr]:
    """What names are given in a block of statements."""
    found = {}
    for node in body:
        targets = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [])
        value = getattr(node, "value", None)
        found.update({each.id: value for each in targets if isinstance(each, ast.Name) and value is not None})
    return found


def _target(name: str) -> str:
    ours = _SOLVERS | _WRAPPERS
    return ours[name] if name in ours else _plug_ins()[name].value


def _class_source(target: str) -> tuple[ast.ClassDef | None, dict[str, ast.expr]]:
    """The syntax tree of a class given as `module:Class`, and its module's constants; none where nothing can be read."""
    module, _, attribute = target.partition(":")
    try:
        tree = ast.parse(_source_file(module).read_text(encoding="utf-8"))
    except (ImportError, OSError, SyntaxError, ValueError):  # a broken plug-in is no reason not to list the others
        return None, {}
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == attribute]
    return (classes[0] if classes else None), _assigned(tree.body)


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
    if name in _SOLVERS or name in _WRAPPERS:
        target = (_SOLVERS | _WRAPPERS)[name]
    else:
        plug_ins = _plug_ins()
        if name not in plug_ins:
            raise ValueError(f"there is no solver {name!r}. {nearest(name, solver_names())}")
        target = plug_ins[name].value
    module, _, attribute = target.partition(":")
    return _checked(getattr(importlib.import_module(module), attribute, None), target)


def make_solver(name: str, **settings: Any) -> Solver:
    """Return a solver by name, with some of its settings changed.

    Raises:
        ValueError: If the name is unknown, the solver has no such setting or needs one that is not given, or its
            constructor fails.
        OSError, ImportError: As `load_solver`.
    """
    kind = load_solver(name)
    known = [each for each in dataclasses.fields(kind) if each.init]  # type: ignore[arg-type]  # every solver is a dataclass
    for setting in settings:
        if setting not in [each.name for each in known]:
            raise ValueError(f"solver {name!r} has no setting {setting!r}. {nearest(setting, (e.name for e in known))}")
    missing = [each.name for each in known if _is_required(each) and each.name not in settings]
    if missing and name == "cmd":
        raise ValueError(
            "solver 'cmd' needs the command of the program: write cmd:COMMAND, such as 'cmd:python agent.py'"
        )
    if missing:
        raise ValueError(
            f"solver {name!r} needs a value for {', '.join(map(repr, missing))}: give its field a default, or the "
            f"setting a value, such as {name}:{missing[0]}=VALUE"
        )
    try:
        return kind(**settings)
    except Exception as error:
        raise ValueError(f"solver {name!r} cannot be made: {reason_of(error)}") from error


def _is_required(setting: dataclasses.Field[Any]) -> bool:
    return setting.default is dataclasses.MISSING and setting.default_factory is dataclasses.MISSING


def _plug_ins() -> dict[str, EntryPoint]:
    """The solvers of installed distributions by name, but those named like one of ours; a name offered twice warns."""
    found: dict[str, EntryPoint] = {}
    for each in entry_points(group=ENTRY_POINT_GROUP):
        if each.name in _SOLVERS or each.name in _WRAPPERS:
            _warn(
                f"{_origin(each)} offers a solver named {each.name!r}, as this library does: it is left out. Load it by "
                "path/to/file.py:Class, or have it renamed"
            )
        elif each.name in found and found[each.name].value != each.value:
            _warn(
                f"{_origin(found[each.name])} and {_origin(each)} both offer a solver named {each.name!r}: that of the "
                "first is used. Uninstall one, or have it renamed"
            )
        else:
            found.setdefault(each.name, each)
    return found


def _origin(plug_in: EntryPoint) -> str:
    return f"{plug_in.dist.name if plug_in.dist is not None else 'a plug-in'} ({plug_in.value})"


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=4)


def _checked(solver: Any, target: str) -> type[Solver]:
    if not (inspect.isclass(solver) and issubclass(solver, Solver)):
        found = "a class" if inspect.isclass(solver) else "a function" if inspect.isfunction(solver) else repr(solver)
        raise ValueError(f"{target} is {found}, not a subclass of solvers.Solver")
    if inspect.isabstract(solver) or not isinstance(getattr(solver, "name", None), str):
        raise ValueError(f"{target} is not a finished solver: it needs a `name` and a `search` method")
    if not dataclasses.is_dataclass(solver):
        raise ValueError(
            f"{target} is no dataclass: decorate it with @dataclass(frozen=True), its fields are its settings"
        )
    return solver
