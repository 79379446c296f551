"""The leaderboard as a table on the terminal and as JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from dance_env.command_line import printable
from solvers.leaderboard.judging import Entry, Leaderboard, Refused

if TYPE_CHECKING:
    from rich.console import Console


def content(board: Leaderboard) -> dict[str, Any]:
    """Return the leaderboard as values that JSON can hold but for infinity."""
    return {
        "task": board.assignment.problem.name,
        "budget": str(board.assignment.budget),
        "seeds": list(board.assignment.seeds),
        "reference": {"objective": board.reference.objective, "kind": board.reference.name},
        "participants": board.participants,
        "designs_evaluated_again": board.designs,
        "ranking": [
            {
                "rank": entry.rank,
                "participant": entry.participant,
                "solver": entry.solver,
                "access": entry.access,
                "objective": {"median": entry.median, "each": list(entry.objectives)},
                "regret_pct": {"median": entry.median_pct, "worst": entry.worst_pct},
                "gpu_hours": entry.gpu_hours,
                "deterministic": entry.deterministic,
                "same_runs_as": list(entry.same_as),
            }
            for entry in board.entries
        ],
        "refused": [
            {"participant": each.participant, "solver": each.solver, "reasons": list(each.reasons)}
            for each in board.refused
        ],
    }


def lead(board: Leaderboard) -> str:
    """Return in a sentence what was asked for."""
    seeds = ", ".join(map(str, board.assignment.seeds))
    return (
        f"Budget of a run: {board.assignment.budget.described}. Seeds: {seeds}. Reference: {board.reference}. "
        f"{board.designs:,} designs of {board.participants} submission{'s' * (board.participants != 1)} evaluated again."
    )


def note(entry: Entry) -> str:
    """Return what is worth knowing of an entry beside its figures; empty if nothing."""
    notes = ["one run, declared deterministic"] if entry.deterministic else []
    if entry.same_as:
        notes.append(f"the same runs as {', '.join(entry.same_as)}")
    return "; ".join(notes)


def figure(value: float | None, digits: int = 2) -> str:
    """Return a figure as text: "none" for infinity, a dash where it is not known."""
    if value is None:
        return "–"
    return f"{value:,.{digits}f}" if math.isfinite(value) else "none"


def of(refused: Refused) -> str:
    """Return what is refused: a participant's solver, or all of a submission."""
    return f"{refused.participant}: {refused.solver}" if refused.solver else refused.participant


def print_table(board: Leaderboard, console: Console) -> None:
    """Print the leaderboard; names are shown as they are, never as markup."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    title = f"Leaderboard of {board.assignment.problem.name}"
    table = Table(title=escape(title), box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    table.add_column("", justify="right")
    for heading in ("participant", "solver"):
        table.add_column(heading, overflow="fold", ratio=1)
    table.add_column("access", no_wrap=True)
    for heading in ("objective", "regret %", "worst", "GPU-h"):
        table.add_column(heading, justify="right", no_wrap=True)
    for entry in board.entries:
        figures = (
            figure(entry.median, 4),
            figure(entry.median_pct),
            figure(entry.worst_pct),
            figure(entry.gpu_hours, 1),
        )
        names = (printable(entry.participant), printable(entry.solver))
        table.add_row(str(entry.rank), *map(escape, names), entry.access, *figures)
    console.print(table)
    console.print(escape(lead(board)), highlight=False)
    for entry in board.entries:
        if note(entry):
            console.print(escape(printable(f"{entry.participant}: {entry.solver}: {note(entry)}")), highlight=False)
    if board.refused:
        console.print("\nNot ranked:", highlight=False)
    for each in board.refused:
        console.print(escape(printable(of(each))), style="bold", highlight=False)
        for reason in each.reasons:
            console.print(escape(printable(f"  {reason}")), highlight=False)
