"""`dance report`: the report of one or several run folders, nothing run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dance_env.command_line import Exit, Parser, as_json, say
from solvers.commands.sources import add_accuracies, add_problems, sources_of
from solvers.comparison.spending import AXES


def main(argv: Sequence[str] | None = None) -> int:
    """Write the report again, print its tables, and return 0.

    Raises:
        ValueError: If a folder holds no run, records cannot stand in one comparison, or several have no folder to go to.
        OSError: If a folder cannot be read or written.
    """
    asked = _parser().parse_args(argv)
    from solvers.commands.answers import (
        comparison_content,
        console_for,
    )  # after the arguments: rich and scipy take a second
    from solvers.commands.console import show_comparison
    from solvers.comparison.archive.folder import RunFolder
    from solvers.comparison.archive.merging import merged
    from solvers.comparison.archive.problems import Problems

    if len(asked.runs) > 1 and asked.out is None:
        raise ValueError("several run folders make a report of their own: give its folder with --out")
    folders = [RunFolder.open(run) for run in asked.runs]
    problems = Problems.of(folders, asked.problem, sources_of(asked))
    comparison = merged(folders, problems, out=asked.out or asked.runs[0])
    command = (Path(sys.argv[0]).name, *sys.argv[1:])
    show_comparison(comparison, command=command, curves=asked.curves, console=console_for(json=asked.json))
    if asked.json:
        say(as_json(comparison_content(comparison)))
    return Exit.ANSWER


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        "report",
        "Write the report of a run folder again, or one of several together, from their records; nothing is run. Records that "
        "cannot stand in one comparison are refused with the reason.",
        examples=["report runs/compare/tiny", "report runs/monday runs/tuesday --out runs/both"],
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="output folders of comparisons")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="for the report (default: the run folder; needed for several)"
    )
    parser.add_argument(
        "--curves",
        nargs="+",
        choices=list(AXES),
        default=list(AXES),
        metavar="AXIS",
        help=f"what the best design so far is drawn against: some of {', '.join(AXES)} (default: all)",
    )
    add_problems(parser)
    add_accuracies(parser)
    parser.add_json()
    return parser
