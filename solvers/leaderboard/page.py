"""The leaderboard as one HTML file that needs nothing else, and fetches nothing; everything that users name is escaped."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from dance_env.atomic import write_whole
from dance_env.command_line import printable
from solvers.contract.result import software_versions
from solvers.leaderboard.answer import figure, lead, note, of
from solvers.leaderboard.judging import Leaderboard
from solvers.report.html.page import stylesheet


def write_page(path: Path, board: Leaderboard) -> Path:
    """Write the page of a leaderboard.

    Raises:
        OSError: If the file cannot be written.
    """
    rows = [
        {
            "rank": entry.rank,
            "participant": printable(entry.participant),
            "solver": printable(entry.solver),
            "access": entry.access,
            "figures": (
                figure(entry.median, 4),
                figure(entry.median_pct),
                figure(entry.worst_pct),
                figure(entry.gpu_hours, 1),
            ),
            "note": printable(note(entry)),
        }
        for entry in board.entries
    ]
    refused = [{"of": printable(of(each)), "reasons": [printable(r) for r in each.reasons]} for each in board.refused]
    versions = software_versions()
    text = (
        _environment()
        .get_template("leaderboard.html.jinja")
        .render(
            task=printable(board.assignment.problem.name),
            lead=lead(board),
            rows=rows,
            refused=refused,
            manifest=[("fingerprint of the task", board.assignment.problem.fingerprint() or "none"), *versions.items()],
            version=versions.get("dance-env", ""),
            style=Markup(stylesheet()),
        )
    )
    return write_whole(path, text)


@cache
def _environment() -> Environment:
    loader = PackageLoader("solvers.leaderboard")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
