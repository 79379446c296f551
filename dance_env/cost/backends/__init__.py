"""Cost models by name: ours, and other people's tools behind the same protocol.

- `process`: one question to a foreign tool, in a process of its own; every way to fail is a `Status` with a reason.
- `running`: many questions side by side, each answer kept on disk; `on_ray`: on a cluster; `external`: the cost model made
  of them.
- `worker`: the script that answers a question; `zigzag_worker`, `accelforge_worker` are what it runs.
- `zigzag` (+ `zigzag_description`): ZigZag, extra `zigzag`.
- `accelforge` (+ `accelforge_description`): AccelForge, in an interpreter of its own.

A third party adds a model through the entry-point group `dance_env.cost_models`; `path/to/file.py:Class` is a name as well.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from dance_env.cost.backends.external import BackEndFailure
from dance_env.cost.backends.process import Answer, Status
from dance_env.cost.backends.running import Running
from dance_env.cost.model import CostModel
from dance_env.cost.technology import Technology
from dance_env.from_file import is_in_file, load_from_file, naming_the_line
from dance_env.suggest import nearest

__all__ = ["Answer", "BackEndFailure", "Running", "Status", "cost_model_names", "make_cost_model", "settings_of"]

_METHODS = ("evaluate_layers", "area_mm2", "fingerprint")
ENTRY_POINT_GROUP = "dance_env.cost_models"
_COST_MODELS = {
    "analytical": "dance_env.cost.analytical:AnalyticalCostModel",
    "zigzag": "dance_env.cost.backends.zigzag:ZigZagCostModel",
    "accelforge": "dance_env.cost.backends.accelforge:AccelForgeCostModel",
}


def cost_model_names() -> tuple[str, ...]:
    """Return the names that `make_cost_model` knows: ours first, then those of installed packages."""
    return (*_COST_MODELS, *sorted({e.name for e in entry_points(group=ENTRY_POINT_GROUP)} - set(_COST_MODELS)))


def make_cost_model(
    name: str = "analytical",
    *,
    technology: Technology | None = None,
    objective: str | None = None,
    running: Running | None = None,
) -> CostModel:
    """Return the cost model called `name`.

    Args:
        name: One of `cost_model_names`; or `path/to/file.py:Class`, or a function there that makes one, or a model. The file is
            run, so give only files that you trust.
        technology: The constants; None for the model's own default.
        objective: What mappings minimize: "edp", "energy" or "latency"; None for the model's own default.
        running: Interpreter, time-out, processes and cache of a back end; None for the default.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the name is unknown (the nearest are offered), the model does not have a setting, the file cannot be
            run, or what it names is no cost model.
        ImportError: If a back end's package is missing, with the extra that brings it (some only say so when
            something is priced).
    """
    given: dict[str, Any] = {"technology": technology, "objective": objective, "running": running}
    given = {setting: value for setting, value in given.items() if value is not None}
    known = settings_of(name)
    for setting in given:
        if setting not in known:
            has = ", ".join(sorted(known)) or "none"
            raise ValueError(f"cost model {name!r} has no setting {setting!r}; it has {has}.")
    if is_in_file(name):
        return _from_file(name, given)
    model: CostModel = _load(name)(**given)
    return model


def settings_of(name: str) -> frozenset[str]:
    """Return what can be set of the cost model called `name`; errors as `make_cost_model`."""
    kind = _load(name)
    settable = inspect.isclass(kind) and dataclasses.is_dataclass(kind)
    return frozenset(field.name for field in dataclasses.fields(kind) if field.init) if settable else frozenset()


def _from_file(name: str, settings: Mapping[str, Any]) -> CostModel:
    found = _load(name)
    with naming_the_line(name, what="cost model"):
        model: Any = found(**settings) if inspect.isclass(found) or inspect.isfunction(found) else found
    missing = [each for each in _METHODS if not callable(getattr(model, each, None))]
    if missing:
        raise ValueError(
            f"{name} gives {type(model).__name__}, which is no cost model: it needs {' and '.join(f'`{each}`' for each in missing)}"
        )
    return model


def _load(name: str) -> Any:
    """What a name stands for: a class of models; in a user's file also a function that makes one, or a model."""
    if is_in_file(name):
        return load_from_file(name, what="cost model", example="Class", fits=inspect.isclass)
    if name in _COST_MODELS:
        module, _, attribute = _COST_MODELS[name].partition(":")
        return getattr(import_module(module), attribute)
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        if entry.name == name:
            return entry.load()
    raise ValueError(f"there is no cost model {name!r}. {nearest(name, cost_model_names())}")
