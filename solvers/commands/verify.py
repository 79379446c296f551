"""`dance verify`: every design on record evaluated again."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dance_env.command_line import Exit, Parser, as_json, say
from solvers.commands.sources import add_accuracies, add_problems, sources_of
from solvers.comparison.archive.folder import RunFolder
from solvers.comparison.archive.problems import Problems
from solvers.comparison.archive.verifying import TOLERANCE, RecordCheck, verify


def main(argv: Sequence[str] | None = None) -> int:
    """Check every record of a run folder, print what is wrong, and return 0 if nothing is, else 1."""
    asked = _parser().parse_args(argv)
    if not asked.tolerance >= 0:
        raise ValueError(f"--tolerance is a relative difference of at least 0; got {asked.tolerance:g}")
    folder = RunFolder.open(asked.run)
    problems = Problems.of([folder], asked.problem, sources_of(asked))
    checks = []
    for check in verify(folder, problems, tolerance=asked.tolerance):
        checks.append(check)
        if not asked.json and not check.holds:
            say(f"{_told(check)}\n")
            sys.stdout.flush()
    holds = all(check.holds for check in checks)
    if asked.json:
        say(as_json({"folder": asked.run.name, "holds": holds, "records": checks}))
    else:
        rows = sum(check.rows for check in checks)
        bad = sum(not check.holds for check in checks)
        print(  # noqa: T201
            f"{len(checks):,} records, {rows:,} designs evaluated again: "
            + ("all as recorded" if holds else f"{bad:,} records are not as recorded")
        )
    return Exit.ANSWER if holds else Exit.NEGATIVE


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        "verify",
        "Evaluate every design on record in a run folder again with the code as it is now, and report what differs: figures "
        "that drift, records that are damaged, edited or missing. The exit status is 1 if anything does.",
        examples=["verify runs/compare/tiny", "verify runs/compare/tiny --tolerance 1e-9 --json"],
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="the output folder of a comparison")
    parser.add_argument(
        "--tolerance",
        type=float,
        default=TOLERANCE,
        help="largest relative difference that is not reported (default: %(default)g)",
    )
    add_problems(parser)
    add_accuracies(parser)
    parser.add_json()
    return parser


def _told(check: RecordCheck) -> str:
    of = f"{check.label} on {check.task}, seed {check.seed} ({check.file})" if check.task else check.file
    return "\n".join([of, *(f"  {problem}" for problem in check.problems)])
