"""Accelerators, technology and cost model that a task's file describes."""

from __future__ import annotations

import dataclasses
import math
import typing
from typing import Any, get_origin

from dance_env.cost import AnalyticalCostModel, CostModel, Technology, get_technology
from dance_env.cost.global_buffers import GlobalBuffer
from dance_env.space import AcceleratorSpace, dance_accelerators, dance_buffers
from dance_env.suggest import nearest
from dance_env.tasks.description.decoding import decode
from dance_env.tasks.description.folder import TaskFolder
from dance_env.tasks.description.place import Place
from dance_env.tasks.description.schema import AcceleratorTable, CostTableKeys, Steps

_NEEDED = ("pe_x", "pe_y", "rf_words", "dataflow")
_MOST = 5_000_000
"""Accelerators of a space: a table of costs has a column for each."""

_DEFAULT_TECHNOLOGY = "edge-lpddr4"


def described_accelerators(table: AcceleratorTable, place: Place) -> AcceleratorSpace:
    """Return the accelerators of a table; axes given beside `space` replace those of that space.

    Raises:
        TaskFileError: If an axis is missing or wrong.
    """
    axes = {field.name: getattr(table, field.name) for field in dataclasses.fields(table) if field.name != "space"}
    given: dict[str, Any] = {
        name: tuple(range(axis.first, axis.last + 1, axis.step)) if isinstance(axis, Steps) else axis
        for name, axis in axes.items()
        if axis is not None
    }
    for name, axis in given.items():  # one by one, so that the message names the axis
        with (place / name).blamed():
            dataclasses.replace(dance_buffers(), **{name: axis})
    size = math.prod(len(axis) for axis in given.values())
    if size > _MOST:
        raise place.error(f"these are {size:,} accelerators; at most {_MOST:,} are practical")
    if table.space is not None:
        return dataclasses.replace(
            {"dance": dance_accelerators, "dance-buffers": dance_buffers}[table.space](), **given
        )
    missing = [name for name in _NEEDED if name not in given]
    if missing:
        raise place.error(
            f"the axis {missing[0]!r} is missing. Accelerators need {', '.join(_NEEDED)} (and may have glb_words and "
            'dram_words_per_cycle), or space = "dance", whose other axes are then kept'
        )
    return AcceleratorSpace(**given)


def described_technology(table: dict[str, Any], place: Place) -> Technology:
    """Return the technology of a table: that of `base`, with the constants that the table gives.

    Raises:
        TaskFileError: If a constant is unknown, of the wrong type or out of range.
    """
    hints = typing.get_type_hints(Technology)
    for key in table:
        if key not in hints and key != "base":
            raise (place / key).error(f"there is no such constant. {nearest(key, ['base', *hints])}")
    with (place / "base").blamed():
        base = get_technology(decode(str, table.get("base", _DEFAULT_TECHNOLOGY), place / "base"))
    changes: dict[str, Any] = {
        key: _glb_table(value, place / key) if key == "glb_table" else decode(_listed(hints[key]), value, place / key)
        for key, value in table.items()
        if key != "base"
    }
    if not changes:
        return base
    changes.setdefault("name", f"{base.name}, changed")
    changes.setdefault(
        "source", f"{base.name} with {', '.join(key for key in table if key != 'base')} of a task's file"
    )
    with place.blamed():
        return dataclasses.replace(base, **changes)


def described_cost_model(
    table: CostTableKeys, technology: Technology, given: dict[str, Any], folder: TaskFolder, place: Place
) -> CostModel:
    """Return the cost model.

    Args:
        table: Its settings.
        technology: For the analytical model.
        given: The keys of [technology], which a cost model of the user's does not take.
        folder: Where the task's files lie.
        place: Of the whole file.

    Raises:
        TaskFileError: If a setting is unknown, or the callable gives no cost model.
        UserFileError: If its Python file cannot be run.
    """
    here = place / "cost"
    if table.callable is not None:
        if given:
            raise (place / "technology").error("the cost model of cost.callable has its own technology: leave this out")
        usual = CostTableKeys()
        for key in ("objective", "factors", "overlap"):
            if getattr(table, key) != getattr(usual, key):
                raise (here / key).error("this is a setting of the analytical model, and a callable is given")
        return folder.made(
            table.callable, here / "callable", what="cost model", fits=lambda found: isinstance(found, CostModel)
        )
    with here.blamed():
        return AnalyticalCostModel(technology, table.objective, table.factors, table.overlap)


def _glb_table(value: Any, place: Place) -> tuple[GlobalBuffer, ...]:
    return decode(tuple[GlobalBuffer, ...], value, place)


def _listed(kind: Any) -> Any:
    return kind if get_origin(kind) is tuple or isinstance(kind, type) else Any
