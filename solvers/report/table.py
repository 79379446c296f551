"""The comparison as a table: on the terminal, as Markdown, as CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from solvers.comparison.reference import Reference
from solvers.comparison.table import CLOSE_PCT
from solvers.report.summary import Row, Spread, spread_columns

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Column:
    """A column as a person reads it: heading with unit, the figure, and how it is written."""

    heading: str
    figure: str
    write: Callable[[Spread], str]


def _digits(digits: int) -> Callable[[Spread], str]:
    def write(spread: Spread) -> str:
        if not spread.seeds:
            return "–"
        mean = f"{spread.mean:,.{digits}f}"
        return mean if spread.seeds == 1 else f"{mean} ± {spread.std:,.{digits}f}"

    return write


def _significant(spread: Spread) -> str:
    """Three significant digits of the mean, the spread to the same place."""
    if not spread.seeds:
        return "–"
    place = 0 if spread.mean == 0 else 2 - math.floor(math.log10(abs(spread.mean)))
    return _digits(max(0, place))(spread)


def _count(spread: Spread) -> str:
    if not spread.seeds:
        return "–"
    return f"{spread.mean:,.0f}" if spread.mean < 1e6 else f"{spread.mean:.3g}"


COLUMNS = (
    Column("objective", "objective", _digits(3)),
    Column("regret %", "regret_pct", _digits(2)),
    Column("accuracy %", "accuracy_pct", _digits(2)),
    Column("latency ms", "latency_ms", _significant),
    Column("energy mJ", "energy_mj", _significant),
    Column("area mm²", "area_mm2", _digits(2)),
    Column("EDAP nJ·s·mm²", "edap_njs_mm2", _significant),
    Column("evals", "evaluations", _count),
    Column("gradients", "gradient_queries", _count),
    Column(f"to {CLOSE_PCT:g} %", "spent_to_close", _count),
    Column("cost pairs", "cost_pairs", _count),
    Column("samples", "evaluator_samples", _count),
    Column("solver s", "solver_s", _digits(1)),
    Column("oracle s", "oracle_s", _digits(2)),
    Column("training s", "evaluator_s", _digits(1)),
)

EXACT = Reference(0.0, exact=True)

_ABOUT_EXACT = "Regret: objective above the exact optimum, in per cent of it. "
_ABOUT_BEST_KNOWN = (
    "There are too many designs to know the optimum: objectives are measured from the best that these runs found. "
)
_ABOUT_ALL = (
    f"to {CLOSE_PCT:g} %: evaluations + gradients until that was so small, over the seeds that got there "
    "(n/m says how many did). cost queries: costs of a network on an accelerator asked for apart from evaluations; "
    "samples: what a surrogate was trained on; training s: its seconds. These are charged to each seed in full, "
    "although a cache shares them. †: read the problem's tables behind the meter, so that its counts do not tell all."
)


def note(reference: Reference = EXACT) -> str:
    """What the table's columns mean."""
    about = _ABOUT_EXACT if reference.exact else _ABOUT_BEST_KNOWN
    return f"Mean ± standard deviation over seeds. {about}{_ABOUT_ALL}"


def _heading(column: Column, reference: Reference) -> str:
    return "above best %" if column.figure == "regret_pct" and not reference.exact else column.heading


def _cell(row: Row, column: Column) -> str:
    text = column.write(getattr(row, column.figure))
    spread = getattr(row, column.figure)
    if column.figure == "spent_to_close" and 0 < spread.seeds < row.runs:
        text += f" ({spread.seeds}/{row.runs})"
    if column.figure == "objective" and row.without_design:
        text += f" ({row.without_design} of {row.runs} runs found none)"
    if column.figure == "objective" and row.failed:
        text += f" ({row.failed} of {row.runs} runs failed)"
    return text


def _name(row: Row) -> str:
    return f"{row.solver} †" if row.tables_read else row.solver


def plain(text: str) -> str:
    """Text of others as Markdown shows it: in one line, without HTML or cells of its own."""
    return " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")


def rich_table(rows: Sequence[Row], *, title: str, reference: Reference = EXACT) -> Table:
    """The table for a terminal: a column per solver, so that it fits; figures that say nothing here are left out."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(title), box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False, collapse_padding=True)
    table.add_column("", no_wrap=True, style="bold")
    for row in rows:
        table.add_column(escape(_name(row)), justify="right")
    for column in telling_columns(rows):
        table.add_row(_heading(column, reference), *(_cell(row, column).replace(" ± ", "±") for row in rows))
    return table


def telling_columns(rows: Sequence[Row]) -> list[Column]:
    """The columns in which at least one solver has a figure other than zero."""

    def tells(column: Column) -> bool:
        return any(not math.isnan(mean) and mean != 0 for mean in (getattr(row, column.figure).mean for row in rows))

    return [column for column in COLUMNS if column.figure in ("objective", "regret_pct") or tells(column)]


def markdown(rows: Sequence[Row], *, reference: Reference = EXACT) -> str:
    """The table as Markdown."""
    columns = telling_columns(rows)
    lines = [
        "| solver | " + " | ".join(_heading(column, reference) for column in columns) + " |",
        "| --- |" + " ---: |" * len(columns),
    ]
    for row in rows:
        lines.append(f"| {plain(_name(row))} | " + " | ".join(_cell(row, column) for column in columns) + " |")
    return "\n".join(lines) + "\n"


def csv_text(rows: Sequence[Row]) -> str:
    """Every figure as CSV, mean, standard deviation and seeds apart."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = spread_columns()
    writer.writerow(
        [
            "solver",
            "runs",
            "without_design",
            "failed",
            "tables_read",
            *(f"{name}_{part}" for name in names for part in ("mean", "std", "seeds")),
        ]
    )
    for row in rows:
        figures = [getattr(row, name) for name in names]
        writer.writerow(
            [
                row.solver,
                row.runs,
                row.without_design,
                row.failed,
                row.tables_read,
                *(part for each in figures for part in (each.mean, each.std, each.seeds)),
            ]
        )
    return out.getvalue()
