"""What each solver's search would have cost, line by line, and from how many designs on one is cheaper than another."""

from __future__ import annotations

import math
from collections.abc import Sequence

from solvers.contract.ledger import TIMELOOP_PRICE, break_even
from solvers.report.summary import SolverRow
from solvers.report.table import number, plain

_LINES = (
    ("trained networks", "network_trainings", 0),
    ("supernet, in trainings", "supernet_trainings", 1),
    ("training GPU-h", "training_gpu_hours", 2),
    ("supernet GPU-h", "supernet_gpu_hours", 2),
    ("tuning, queries", "tuning_queries", 0),
    ("tuning GPU-h", "tuning_gpu_hours", 2),
    ("final training GPU-h", "final_training_gpu_hours", 2),
    ("all-in GPU-h", "all_in_gpu_hours", 2),
    ("cost pairs, CPU-h at our price", "our_pair_hours", 4),
    (f"at {TIMELOOP_PRICE.name}'s", "timeloop_pair_hours", 1),
)


def bill_cells(rows: Sequence[SolverRow]) -> tuple[list[str], list[list[str]]]:
    """Return headings and, for each solver, the median of each line; lines of training only where they are known."""
    lines = [line for line in _LINES if any(row[line[1]].known.any() for row in rows)]
    cells = [[number(row[figure].median, digits) for _, figure, digits in lines] for row in rows]
    return [heading for heading, _, _ in lines], cells


def bill_table(rows: Sequence[SolverRow]) -> str:
    """Return the bill as Markdown, as `bill_cells` has it."""
    headings, cells = bill_cells(rows)
    text = [f"| solver | access | {' | '.join(headings)} |"]
    text.append("| --- | --- |" + " ---: |" * len(headings))
    text += [
        f"| {plain(row.solver)} | {row.access} | {' | '.join(each)} |" for row, each in zip(rows, cells, strict=True)
    ]
    return "\n".join(text) + "\n"


def break_even_cells(rows: Sequence[SolverRow]) -> tuple[list[str], list[tuple[SolverRow, list[str]]]]:
    """Return from how many designs on each solver that pays for a supernet is not dearer than the others.

    Medians of the lines are compared. Nothing where no solver pays for one, or GPU-hours are not known.

    Returns:
        The others' labels, and each solver that pays with its cells.
    """
    fixed = [row for row in rows if row["supernet_gpu_hours"].median > 0]
    others = [row for row in rows if row["supernet_gpu_hours"].median == 0 and row.access == "values"]
    if not fixed or not others:
        return [], []
    return [row.solver for row in others], [(row, [_designs(row, other) for other in others]) for row in fixed]


def break_even_table(rows: Sequence[SolverRow]) -> str:
    """Return `break_even_cells` as Markdown; empty where there are none."""
    headings, found = break_even_cells(rows)
    if not found:
        return ""
    text = [f"| designs from which it is cheaper than | {' | '.join(map(plain, headings))} |"]
    text.append("| --- |" + " ---: |" * len(headings))
    text += [f"| {plain(row.solver)} | {' | '.join(cells)} |" for row, cells in found]
    return "\n".join(text) + "\n"


def _designs(row: SolverRow, other: SolverRow) -> str:
    designs = break_even(
        row["fixed_gpu_hours"].median,
        row["per_design_gpu_hours"].median,
        other["fixed_gpu_hours"].median,
        other["per_design_gpu_hours"].median,
    )
    return "never" if math.isinf(designs) else f"{designs:,.0f}"
