"""Tables of a page as values: a caption, headings, a row per solver or run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from solvers.comparison.reference import Reference
from solvers.report.bill import bill_cells, break_even_cells
from solvers.report.html.scale import Scale
from solvers.report.summary import Sample, SolverRow
from solvers.report.table import ACCESS, AMOUNTS, budget_cells, heading, shown_columns


@dataclass(frozen=True)
class Interval:
    """A median and a range on a small scale; places from 0 to 1, None where there is none.

    Attributes:
        low, median, high: Places.
        zero: Where zero lies.
        text: What it says.
        dots: Places of single values.
    """

    low: float | None
    median: float | None
    high: float | None
    zero: float
    text: str
    dots: Sequence[float] = ()


@dataclass(frozen=True)
class Cell:
    """A cell: text, or an interval.

    Attributes:
        text: What it says.
        bad: Whether it tells of a failure.
        interval: What is drawn in place of the text.
        prose: Whether it is text that may be wrapped.
    """

    text: str
    bad: bool = False
    interval: Interval | None = None
    prose: bool = False


@dataclass(frozen=True)
class Row:
    """A row.

    Attributes:
        solver: The number of its solver; None where it has none.
        name: Its heading.
        cells: The others.
    """

    solver: int | None
    name: str
    cells: Sequence[Cell]


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        caption: What it shows.
        headings: Of all columns, that of the rows' headings first.
        rows: Its rows.
    """

    caption: str
    headings: Sequence[str]
    rows: Sequence[Row]


def ranking(rows: Sequence[SolverRow], reference: Reference, numbers: Mapping[str, int], *, error_name: str) -> Table:
    """Return the solvers as they rank, with the range of their regret drawn."""
    columns = [column for column in shown_columns(rows) if column.heading]
    columns.sort(key=lambda column: column.figure != "regret_pct")  # first, where a phone shows it
    headings = [heading(column, reference, error_name=error_name) for column in columns]
    scale = _regret_scale(rows)
    found = []
    for row in rows:
        regret, *others = (Cell(column.write(row[column.figure])) for column in columns)
        drawn = Cell("", interval=_interval(row["regret_pct"], scale))
        ended = Cell(f"{row.runs - row.without_design} of {row.runs}", bad=row.without_design > 0)
        found.append(Row(numbers[row.solver], row.solver, [regret, drawn, Cell(row.access), ended, *others]))
    return Table(
        "Solvers as they rank: by median, then by worst objective; those with a design in most of their runs first.",
        ["solver", headings[0], "least – median – greatest", ACCESS, "runs with a design", *headings[1:]],
        found,
    )


def bill(rows: Sequence[SolverRow], numbers: Mapping[str, int]) -> Table:
    """Return what each search would have cost."""
    headings, cells = bill_cells(rows)
    return Table(
        "The bill: the median of each line. On a table an evaluation is a look-up; this is what it would have cost to train.",
        ["solver", ACCESS, *headings],
        [
            Row(numbers[row.solver], row.solver, [Cell(row.access), *map(Cell, each)])
            for row, each in zip(rows, cells, strict=True)
        ],
    )


def break_even(rows: Sequence[SolverRow], numbers: Mapping[str, int]) -> Table | None:
    """Return from how many designs on a solver with a supernet is not dearer than the others; None without one."""
    headings, found = break_even_cells(rows)
    if not found:
        return None
    return Table(
        "Break-even: the number of designs from which the solver is cheaper than the one above the column.",
        ["solver", *headings],
        [Row(numbers[row.solver], row.solver, list(map(Cell, cells))) for row, cells in found],
    )


def at_budgets(rows: Sequence[SolverRow], numbers: Mapping[str, int]) -> list[Table]:
    """Return the median regret at smaller amounts spent, a table for each unit that there is."""
    tables = []
    for of, unit in AMOUNTS.items():
        headings, cells = budget_cells(rows, of=of)
        if headings:
            body = [
                Row(numbers[row.solver], row.solver, list(map(Cell, each)))
                for row, each in zip(rows, cells, strict=True)
            ]
            tables.append(Table(f"Median regret in percent after so many {unit}", ["solver", *headings], body))
    return tables


def _regret_scale(rows: Sequence[SolverRow]) -> Scale:
    values = [value for row in rows for value in row["regret_pct"].known if value > 1e-9]
    low, high = (min(values), max(values)) if values else (0.1, 1.0)
    return Scale(max(low, 1e-4 * high), max(high, 10 * low), with_zero=True)


def _interval(sample: Sample, scale: Scale) -> Interval:
    def place(value: float) -> float | None:
        return None if math.isnan(value) else float(scale.at(np.array(value if value > 1e-9 else 0.0)))

    def said(value: float) -> str:
        return f"{value:.3g} %" if math.isfinite(value) else "none"

    text = f"least {said(sample.best)}, median {said(sample.median)}, greatest {said(sample.worst)}"
    median = None if math.isinf(sample.median) else place(sample.median)
    return Interval(place(sample.best), median, place(sample.worst), float(scale.at(np.array(0.0))), text)
