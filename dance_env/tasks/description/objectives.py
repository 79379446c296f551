"""Objectives and limits that a task's file describes, and its variants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from dance_env.objective import EDAP, Constraint, CostFunction, Linear, Metric, Objective, WorstCase
from dance_env.objective.units import parse_quantity
from dance_env.suggest import nearest
from dance_env.tasks.description.decoding import decode
from dance_env.tasks.description.folder import TaskFolder
from dance_env.tasks.description.place import Place
from dance_env.tasks.description.schema import COSTS, ObjectiveTable


def described_objective(table: ObjectiveTable, folder: TaskFolder, place: Place) -> Objective:
    """Return the objective of a table.

    Raises:
        TaskFileError: If a weight or limit is wrong, or the callable is no function.
        UserFileError: If its Python file cannot be run.
    """
    with place.blamed():
        return Objective(_cost(table, folder, place), table.weight, _limits(table.limits, place / "limits"))


def with_variant(content: Mapping[str, Any], variant: str, place: Place) -> dict[str, Any]:
    """Return the objective's table of one of a file's variants.

    A variant's keys replace the objective's: a cost replaces the other cost, `limits` replaces all limits.

    Raises:
        TaskFileError: If it is no table.
    """
    changes = decode(dict[str, Any], content["variants"][variant], place / "variants" / variant)
    base = content["objective"]
    if any(key in changes for key in COSTS):
        base = {key: value for key, value in base.items() if key not in COSTS}
    return {**base, **changes}


def _cost(table: ObjectiveTable, folder: TaskFolder, place: Place) -> CostFunction:
    cost: CostFunction
    if table.linear is not None:
        with (place / "linear").blamed():
            cost = Linear(table.linear.latency_s, table.linear.energy_j, table.linear.area_mm2)
    elif table.edap is not None:
        with (place / "edap").blamed():
            cost = EDAP(table.edap.reference_js_mm2)
    else:
        assert table.callable is not None, "one of the three is given"
        cost = folder.code(table.callable, place / "callable", what="cost function")
        if isinstance(cost, type):  # a frozen dataclass with settings of its own
            with (place / "callable").blamed():
                cost = cost()
        if not callable(cost):
            raise (place / "callable").error(f"{table.callable} is no function of a cost")
    return WorstCase(cost) if table.worst_case else cost


def _limits(given: Mapping[str, Any], place: Place) -> tuple[Constraint, ...]:
    """Return limits; `decode.latency_s = 1` is a table inside a table for TOML, as is `"decode.latency_s" = 1`."""
    found = []
    for key, value in given.items():
        if isinstance(value, Mapping):
            found += [_limit(f"{key}.{inner}", each, place / key / inner) for inner, each in value.items()]
        else:
            found.append(_limit(key, value, place / key))
    return tuple(found)


def _limit(metric: str, value: Any, place: Place) -> Constraint:
    if metric.rpartition(".")[2] not in get_args(Metric):
        raise place.error(f"there is no metric {metric!r} to limit. {nearest(metric, get_args(Metric))}")
    with place.blamed():
        if isinstance(value, str):
            return Constraint(metric, parse_quantity(metric, value))
        return Constraint(metric, decode(float, value, place))
