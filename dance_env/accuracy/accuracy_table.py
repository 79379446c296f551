"""Accuracies of every network from a file that names each network by its options."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from dance_env.accuracy.factors import FactorAccuracy
from dance_env.accuracy.table_file import read_columns
from dance_env.accuracy.tensor import MAX_TABULATED, TensorAccuracy
from dance_env.space import Choice, DesignSpace
from dance_env.suggest import nearest

Unit = Literal["accuracy", "accuracy_pct", "error_pct", "perplexity"]
"""What a column of accuracies is called, and so what it holds: a fraction, a percentage, an error, a perplexity."""

Cells = Literal["options", "indices"]
HOURS = "training_gpu_hours"

_RANGES: dict[Unit, tuple[float, float]] = {
    "accuracy": (0.0, 1.0),
    "accuracy_pct": (0.0, 100.0),
    "error_pct": (0.0, 100.0),
    "perplexity": (1.0, 100.0),
}
_HINTS: dict[Unit, str] = {
    "accuracy": "fractions; if these are percentages, call the column accuracy_pct",
    "accuracy_pct": "percentages",
    "error_pct": "percentages",
    "perplexity": "perplexities; an accuracy is 1 - perplexity / 100 here, so that none is above 100",
}


@dataclass(frozen=True, eq=False)
class AccuracyTable:
    """The accuracies of all networks of a space.

    Attributes:
        values: One axis for each choice, in the column's unit.
        unit: Of the values.
        training_gpu_hours: Of one training of each network, the same shape; None where the file has no such column.
    """

    values: np.ndarray
    unit: Unit
    training_gpu_hours: np.ndarray | None = None

    def accuracy(self) -> TensorAccuracy | FactorAccuracy:
        """Return the accuracy model."""
        return accuracy_of(self.values, self.unit)


def accuracy_of(values: np.ndarray, unit: Unit) -> TensorAccuracy | FactorAccuracy:
    """Return the accuracy model of values (options of choice 1, ..., options of choice N) in a unit.

    Raises:
        ValueError: If a value is out of the unit's range.
    """
    tensor = TensorAccuracy(fractions(values, unit))
    return FactorAccuracy(tensor.factor_sum(), "perplexity") if unit == "perplexity" else tensor


def fractions(values: np.ndarray, unit: Unit) -> np.ndarray:
    """Return accuracies as fractions."""
    if unit == "accuracy":
        return values
    return values / 100.0 if unit == "accuracy_pct" else 1.0 - values / 100.0


def read_accuracy_table(
    path: Path, choices: Sequence[Choice], *, cells: Cells = "options", unit: Unit | None = None
) -> AccuracyTable:
    """Read a table with a row for every network.

    A column for each choice names the network; one of the columns `accuracy`, `accuracy_pct`, `error_pct` and `perplexity`
    holds its accuracy; `training_gpu_hours` may hold how long one training takes. Other columns are not looked at.

    Args:
        path: See `read_columns`.
        choices: The network choices: `network_space.choices()`.
        cells: Whether the choices' columns hold options, as text or numbers, or their indices, from 0.
        unit: Which column to take, where there are several.

    Raises:
        FileNotFoundError, ImportError: As `read_columns`.
        ValueError: If a column is missing, a cell names no option, a value is missing or out of range, or a network is
            there twice or not at all; the message names the file and the row.
    """
    columns = read_columns(path)
    unit = _unit(path, columns, unit)
    ranks = network_ranks(path, columns, choices, cells)
    values = numbers(path, columns[unit], unit)
    _check_range(path, values, unit)
    hours = None
    if HOURS in columns:
        hours = numbers(path, columns[HOURS], HOURS)
        wrong = np.flatnonzero(hours <= 0)
        if len(wrong):
            raise ValueError(f"{path.name}, row {wrong[0] + 1}: {HOURS} must be above 0, got {hours[wrong[0]]:g}")
    shape = tuple(len(choice) for choice in choices)
    order = np.argsort(ranks)  # every rank is there once
    return AccuracyTable(values[order].reshape(shape), unit, None if hours is None else hours[order].reshape(shape))


def network_ranks(path: Path, columns: Mapping[str, list[Any]], choices: Sequence[Choice], cells: Cells) -> np.ndarray:
    """Return the rank `(rows,)` of each row's network in C order of the choices; every network is there once.

    Raises:
        ValueError: As `read_accuracy_table`.
    """
    space = DesignSpace(tuple(choices))
    if space.size > MAX_TABULATED:
        raise ValueError(
            f"{path.name}: {space.size:,} networks are more than the {MAX_TABULATED:,} that a table may have; give a "
            "function, or factors over a few choices each"
        )
    for choice in choices:
        if choice.name not in columns:
            raise ValueError(
                f"{path.name}: there is no column {choice.name!r}, for the choice. {nearest(choice.name, columns)}"
            )
    indices = np.stack([_indices(path, choice, columns[choice.name], cells) for choice in choices], axis=1)
    ranks = space.rank(indices)
    seen, counts = np.unique(ranks, return_counts=True)
    if len(seen) < len(ranks):
        rank = seen[counts.argmax()]
        rows = (np.flatnonzero(ranks == rank)[:2] + 1).tolist()
        raise ValueError(
            f"{path.name}: {int((counts > 1).sum())} networks are there more than once, such as "
            f"{_network(space, rank)} in rows {rows[0]} and {rows[1]}"
        )
    if len(seen) < space.size:
        missing = np.setdiff1d(np.arange(space.size), seen)
        shown = "; ".join(_network(space, rank) for rank in missing[:3])
        raise ValueError(
            f"{path.name}: {len(missing):,} of {space.size:,} networks have no row, such as {shown}"
            f"{' ...' if len(missing) > 3 else ''}"
        )
    return ranks


def numbers(path: Path, cells: Sequence[Any], column: str) -> np.ndarray:
    """Return a column as finite float64.

    Raises:
        ValueError: If a cell is empty, no number, or not finite.
    """
    values = np.empty(len(cells))
    for row, cell in enumerate(cells):
        try:
            values[row] = math.nan if cell is None or isinstance(cell, bool) else float(cell)
        except (TypeError, ValueError):
            values[row] = math.nan
        if not math.isfinite(values[row]):
            raise ValueError(f"{path.name}, row {row + 1}: {column} must be a finite number, got {cell!r}")
    return values


def _unit(path: Path, columns: Mapping[str, object], unit: Unit | None) -> Unit:
    known = get_args(Unit)
    found: list[Unit] = [each for each in known if each in columns]
    if unit is not None:
        if unit not in columns:
            raise ValueError(f"{path.name}: there is no column {unit!r}. {nearest(unit, columns)}")
        return unit
    if not found:
        raise ValueError(
            f"{path.name}: there is no column of accuracies; call it {', '.join(known[:-1])} or {known[-1]}, which says "
            f"what it holds. Found: {', '.join(map(repr, columns))}"
        )
    if len(found) > 1:
        raise ValueError(f"{path.name} has the columns {' and '.join(found)}; say by `unit` which one to take")
    return found[0]


def _check_range(path: Path, values: np.ndarray, unit: Unit) -> None:
    low, high = _RANGES[unit]
    wrong = np.flatnonzero((values < low) | (values > high))
    if len(wrong):
        raise ValueError(
            f"{path.name}, row {wrong[0] + 1}: {unit} is {values[wrong[0]]:g}, and must be {low:g} to {high:g}: the column "
            f"holds {_HINTS[unit]}"
        )
    if unit == "accuracy_pct" and values.max() <= 1.0:
        raise ValueError(
            f"{path.name}: the largest accuracy_pct is {values.max():g} %; if these are fractions, call the column accuracy"
        )


def _indices(path: Path, choice: Choice, cells: Sequence[Any], how: Cells) -> np.ndarray:
    known: dict[Any, int] = (
        {str(index): index for index in range(len(choice))}
        if how == "indices"
        else {str(option): index for index, option in enumerate(choice.options)}
    )
    texts = [_text(cell) for cell in cells]
    for row, text in enumerate(texts):
        if text not in known:
            raise ValueError(
                f"{path.name}, row {row + 1}: {choice.name!r} has no option {cells[row]!r}. {nearest(text, known)}"
                + (_other(choice, texts, how))
            )
    return np.array([known[text] for text in texts], dtype=np.int64)


def _other(choice: Choice, texts: Sequence[str], how: Cells) -> str:
    """Return advice where all cells would fit the other way of naming options."""
    if how == "options" and set(texts) <= {str(index) for index in range(len(choice))}:
        return ' If these are indices of options, from 0, say cells = "indices"'
    if how == "indices" and set(texts) <= {str(option) for option in choice.options}:
        return ' If these are the options themselves, say cells = "options"'
    return ""


def _text(cell: Any) -> str:
    """Return a cell as an option's text: 16.0, as data frames write whole numbers beside gaps, is 16."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def _network(space: DesignSpace, rank: int) -> str:
    named = space.decode(space.unrank(np.array([rank])))[0]
    return ", ".join(f"{name} = {option}" for name, option in named.items())
