"""Whether what a record says can be true: types, ranges, and whether bill and trace agree."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from solvers.contract.budget import Budget
from solvers.contract.ledger import Ledger
from solvers.contract.record.trace import COLUMNS, Trace

_TEXTS = ("solver", "task", "problem_fingerprint", "reason", "traceback", "label")
_TABLES = ("settings", "software", "best_named")
_UNKNOWN = ("trained_networks", "gpu_hours")
"""Columns that may hold NaN: of problems without training times, and of records of version 2."""
_ROUNDING = 1.0 + 1e-9
_INFINITE = ("objective", "violation", "cost", "latency_s", "energy_j", "area_mm2")
"""Columns that may hold infinity: of designs that no mapping fits."""


def check_values(values: Mapping[str, Any]) -> None:
    """Refuse a result's values that are of another type or out of range.

    Raises:
        ValueError: If one is; the message names it.
    """
    for name in _TEXTS:
        _require(isinstance(values.get(name, ""), str), name, "text", values.get(name))
    for name in _TABLES:
        _require(isinstance(values[name], dict), name, "a table", values[name])
    seed = values["seed"]
    fixed = values.get("deterministic", False)
    _require(isinstance(fixed, bool), "deterministic", "true or false", fixed)
    whole = isinstance(seed, int) and not isinstance(seed, bool)
    _require(whole and seed >= 0, "seed", "a whole number of at least 0", seed)


def check_ledger(ledger: Ledger, trace: Trace, budget: Budget) -> None:
    """Refuse a bill with a line of another type or below zero, or one that the trace contradicts.

    Raises:
        ValueError: If it is such a bill; the message names the line.
    """
    for each in fields(ledger):
        value, kind = getattr(ledger, each.name), type(each.default)
        if kind is bool:
            _require(isinstance(value, bool), each.name, "true or false", value)
            continue
        if value is None and each.default is None:
            continue
        number = isinstance(value, int if kind is int else int | float) and not isinstance(value, bool)
        _require(number and 0 <= value < math.inf, each.name, "a number that is not negative", value)
    _require(
        ledger.evaluations == len(trace), "evaluations", f"{len(trace)}, the rows of the trace", ledger.evaluations
    )
    limits = (
        ("spent", ledger.spent, budget.evaluations),
        ("networks", ledger.networks + ledger.supernet_trainings, budget.networks),
        ("gpu_hours", ledger.gpu_hours or 0, None if ledger.accuracies_read else budget.gpu_hours),
    )
    for name, spent, limit in limits:
        _require(limit is None or spent <= limit * _ROUNDING, name, f"at most the budget of {budget}", spent)


def check_trace(trace: Trace) -> None:
    """Refuse a trace with a value that no evaluation gives.

    Raises:
        ValueError: If it has one; the message names the column.
    """
    _require(not (trace.designs < 0).any(), "designs", "option indices", int(trace.designs.min(initial=0)))
    for name in COLUMNS:
        column = getattr(trace, name)
        bad = np.isnan(column) if name in _INFINITE else ~np.isfinite(column)
        if name in _UNKNOWN:
            bad = np.isinf(column)
        if name not in ("objective", "cost", "violation"):
            bad |= column < 0
        if name == "accuracy":
            bad |= column > 1
        if bad.any():
            raise ValueError(f"{name} of row {int(np.flatnonzero(bad)[0])} is {column[bad][0]}")


def _require(holds: bool, name: str, wanted: str, value: Any) -> None:
    if not holds:
        raise ValueError(f"{name} is {value!r}, where it must be {wanted}")
