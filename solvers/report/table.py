"""The comparison as tables: on the terminal, as Markdown, as CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from solvers.comparison.reference import Reference
from solvers.comparison.table import CLOSE_PCT
from solvers.report.summary import Sample, SolverRow

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Column:
    """A column as a person reads it.

    Attributes:
        heading: with its unit; empty for a column of the terminal alone.
        figure: a name in `SolverRow.samples`.
        write: the sample as text.
        short: heading on the terminal; empty for a column that is left out there.
        brief: the sample as text on the terminal; `write` if None.
    """

    heading: str
    figure: str
    write: Callable[[Sample], str]
    short: str = ""
    brief: Callable[[Sample], str] | None = None


def number(value: float, digits: int = 2) -> str:
    """Return a number with so many digits behind the point; an en dash where there is none."""
    return "–" if not math.isfinite(value) else f"{value:,.{digits}f}"


def count(value: float) -> str:
    """Return a count: whole below a million, three significant digits above; "never" for infinity."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "never"
    return f"{value:,.0f}" if value < 1e6 else f"{value:.2e}".replace("e+0", "e").replace("e+", "e")


def _significant(value: float) -> str:
    """Return three significant digits."""
    if not math.isfinite(value):
        return "–"
    return number(value, max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0)


def _median(write: Callable[[float], str]) -> Callable[[Sample], str]:
    return lambda sample: write(sample.median)


def _with_range(write: Callable[[float], str]) -> Callable[[Sample], str]:
    """Return a writer of "median (least to greatest)"; the median alone where they are the same."""

    def text(sample: Sample) -> str:
        middle, low, high = write(sample.median), write(sample.best), write(sample.worst)
        return middle if low == middle == high else f"{middle} ({low} to {high})"

    return text


def _reached(sample: Sample) -> str:
    """Return the median, and how many runs got there where not all did."""
    text = count(sample.median)
    return text if sample.reached in (0, len(sample.values)) else f"{text} ({sample.reached}/{len(sample.values)})"


def _hours_reached(sample: Sample) -> str:
    """Return the median, and how many runs got there where not all did."""
    text = "never" if math.isinf(sample.median) else _significant(sample.median)
    return text if sample.reached in (0, len(sample.values)) else f"{text} ({sample.reached}/{len(sample.values)})"


def _one(value: float) -> str:
    return number(value, 1)


def _two(value: float) -> str:
    return number(value, 2)


COLUMNS = (
    Column("objective", "objective", _median(lambda value: number(value, 3)), "objective"),
    Column("regret %", "regret_pct", _with_range(_two), "regret\n%", _median(_two)),
    Column("error %", "error_pct", _median(_two)),
    Column("latency ms", "latency_ms", _median(_significant)),
    Column("energy mJ", "energy_mj", _median(_significant)),
    Column("area mm²", "area_mm2", _median(_two)),
    Column("EDAP nJ·s·mm²", "edap_njs_mm2", _median(_significant)),
    Column("evaluations", "evaluations", _median(count)),
    Column("gradient queries", "gradient_queries", _median(count)),
    Column(f"queries to {CLOSE_PCT:g} %", "spent_to_close", _reached, f"to {CLOSE_PCT:g} %", _median(count)),
    Column("trained networks", "trained_networks", _median(count)),
    Column("GPU-h", "gpu_hours", _median(_significant), "GPU-h"),
    Column(f"GPU-h to {CLOSE_PCT:g} %", "gpu_hours_to_close", _hours_reached),
    Column("cost pairs", "cost_pairs", _median(count), "pairs"),
    Column("evaluator samples", "evaluator_samples", _median(count)),
    Column("search s", "search_seconds", _with_range(_one)),
    Column("training s", "all_training_seconds", _with_range(_one)),
    Column("", "all_seconds", _median(_one), "s"),
)
ACCESS = "access"
ALWAYS = ("objective", "regret_pct", "cost_pairs")
"""Figures whose column is shown even where it holds nothing but zeros."""


def note(rows: Sequence[SolverRow], reference: Reference) -> str:
    """Return what the columns mean, those of this table only."""
    shown = {column.figure for column in shown_columns(rows)}
    about = f"Regret: objective above the {reference.name}, in percent of it."
    if not reference.exact:
        about = (
            "The space is too large to compute the optimum, so objectives are measured from the best design that these runs "
            "found."
        )
    seeds = max((row.runs for row in rows), default=0)
    parts = [
        f"Median over {seeds} seeds" + (", least to greatest in brackets." if seeds > 1 else "."),
        about,
        "Access: values (of designs), gradients (of expectations), white box (reads the tables).",
        "Cost pairs: distinct (layer, accelerator) pairs whose cost was asked for; the budget does not limit them.",
        "Seconds: search and training.",
    ]
    if "spent_to_close" in shown:
        close = (
            "regret was first at most" if reference.exact else "the objective was first above the best known by at most"
        )
        parts.append(
            f"Queries to {CLOSE_PCT:g} %: evaluations + gradient queries until {close} {CLOSE_PCT:g} % "
            "(runs that got there/runs)."
        )
    if "gpu_hours" in shown:
        parts.append(
            "GPU-h: what training the evaluated networks would have taken, each once, and a supernet's training once "
            "gradients are asked for (an assumed multiple of the largest network's)."
        )
    if "evaluator_samples" in shown:
        parts.append(
            "Evaluator samples and training s: of a learned evaluator, charged to each run in full although runs share it."
        )
    shared = [row.solver for row in rows if row["evaluator_shared"].known.any()]
    if shared:
        parts.append(
            f"One evaluator served all seeds of {', '.join(shared)}: their spread leaves out its training "
            "(`--fresh-evaluators` trains one for each seed)."
        )
    if any(row.failed for row in rows):
        parts.append("A failed run counts as one that found nothing.")
    return " ".join(parts)


def heading(column: Column, reference: Reference, *, short: bool = False, error_name: str = "error") -> str:
    """Return what stands above a column; `error_name` is what the error is called, a percentage where it is "error"."""
    if column.figure == "regret_pct" and not reference.exact:
        return "above\nbest %" if short else "above best %"
    if column.figure == "error_pct" and error_name != "error":
        return error_name
    return column.short if short else column.heading


def row_name(row: SolverRow) -> str:
    """Return the label, and how many runs failed or found nothing."""
    empty = row.without_design - row.failed
    notes = [f"{row.failed} of {row.runs} failed"] * bool(row.failed)
    notes += [f"{empty} of {row.runs} found none"] * bool(empty)
    return f"{row.solver} ({', '.join(notes)})" if notes else row.solver


def plain(text: str) -> str:
    """Return a user's text as Markdown shows it literally: in one line, without HTML, links, pictures or cells."""
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    for character in "\\|[]!`*_":
        text = text.replace(character, f"\\{character}")
    return text


def shown_columns(rows: Sequence[SolverRow]) -> list[Column]:
    """Return the columns in which a solver has a figure other than zero, and those that are always shown."""
    return [
        column
        for column in COLUMNS
        if column.figure in ALWAYS or any(row[column.figure].reached and row[column.figure].known.any() for row in rows)
    ]


def rich_table(rows: Sequence[SolverRow], *, title: str, reference: Reference) -> Table:
    """Return the table for a terminal of 80 columns: a row per solver, the figures that matter most."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from dance_env.command_line import printable

    table = Table(
        title=escape(printable(title)), box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False, collapse_padding=True
    )
    table.add_column("solver", style="bold", overflow="fold", ratio=1)
    table.add_column(ACCESS, no_wrap=True)
    columns = [column for column in shown_columns(rows) if column.short]
    for column in columns:
        table.add_column(heading(column, reference, short=True), justify="right", no_wrap=True)
    for row in rows:
        cells = ((column.brief or column.write)(row[column.figure]) for column in columns)
        table.add_row(escape(printable(row_name(row))), row.access, *cells)
    return table


def markdown(rows: Sequence[SolverRow], *, reference: Reference, error_name: str = "error") -> str:
    """Return the table as Markdown; `error_name` is what the error is called, a percentage where it is "error"."""
    columns = [column for column in shown_columns(rows) if column.heading]
    headings = [heading(column, reference, error_name=error_name) for column in columns]
    lines = [f"| solver | {ACCESS} | " + " | ".join(headings) + " |", "| --- | --- |" + " ---: |" * len(columns)]
    for row in rows:
        cells = " | ".join(column.write(row[column.figure]) for column in columns)
        lines.append(f"| {plain(row_name(row))} | {row.access} | {cells} |")
    return "\n".join(lines) + "\n"


Amount = Literal["regret_pct_at", "regret_pct_at_networks", "regret_pct_at_gpu_hours"]
AMOUNTS: dict[Amount, str] = {
    "regret_pct_at": "evaluations + gradient queries",
    "regret_pct_at_networks": "trained networks",
    "regret_pct_at_gpu_hours": "GPU-hours",
}
"""What regret is read off at: the fields of `SolverRow`, and what they count."""


def budget_cells(rows: Sequence[SolverRow], *, of: Amount = "regret_pct_at") -> tuple[list[str], list[list[str]]]:
    """Return growing amounts spent, and each solver's median regret there; nothing where it was not read off.

    Args:
        rows: The solvers.
        of: What the amounts count.
    """
    regrets = [getattr(row, of) for row in rows]
    amounts = sorted({at for each in regrets for at in each})
    cells = [[_two(each[at].median) if at in each else "–" for at in amounts] for each in regrets]
    return [f"{at:,}" for at in amounts], cells


def regret_at_budgets(rows: Sequence[SolverRow], *, of: Amount = "regret_pct_at") -> str:
    """Return `budget_cells` as Markdown; empty where there are none."""
    amounts, cells = budget_cells(rows, of=of)
    if not amounts:
        return ""
    lines = ["| solver | " + " | ".join(amounts) + " |", "| --- |" + " ---: |" * len(amounts)]
    lines += [f"| {plain(row.solver)} | " + " | ".join(each) + " |" for row, each in zip(rows, cells, strict=True)]
    return "\n".join(lines) + "\n"


def csv_text(rows: Sequence[SolverRow]) -> str:
    """Return every figure as CSV: median, least, greatest, mean, standard deviation, and the number of runs that have it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = list(dict.fromkeys(name for row in rows for name in row.samples))
    parts = ("median", "best", "worst", "mean", "std", "reached")
    head = ["task", "solver", ACCESS, "runs", "failed", "without_design"]
    writer.writerow([*head, *(f"{name}_{part}" for name in names for part in parts)])
    for row in rows:
        samples = [row[name] for name in names]
        figures = [getattr(sample, part) for sample in samples for part in parts]
        solver = f"'{row.solver}" if row.solver.startswith(("=", "+", "-", "@")) else row.solver
        writer.writerow([row.task, solver, row.access, row.runs, row.failed, row.without_design, *figures])
    return out.getvalue()
