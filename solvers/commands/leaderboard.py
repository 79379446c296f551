"""`dance leaderboard`: the run folders of a class, verified, ranked, on one page."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from dance_env.command_line import TASK_HELP, Exit, Parser, as_json, say
from solvers.commands.compare import seeds_of
from solvers.commands.sources import add_accuracies, sources_of

PAGE = "leaderboard.html"


def main(argv: Sequence[str] | None = None) -> int:
    """Verify and rank what was handed in, print the table, write the page, and return 0.

    Raises:
        ValueError: If it cannot be told what the task, budget or seeds are, or what is given is wrong.
        OSError: If there is no such folder, or the page cannot be written.
    """
    asked = _parser().parse_args(argv)
    from rich.console import Console

    from solvers.leaderboard import Assignment, leaderboard, read_submissions
    from solvers.leaderboard.answer import content, print_table
    from solvers.leaderboard.page import write_page

    submissions = read_submissions(asked.folder)
    assignment = Assignment.of(
        submissions, task=asked.task, budget=asked.budget, seeds=asked.seeds, sources=sources_of(asked)
    )
    board = leaderboard(submissions, assignment)
    page = write_page(asked.page or asked.folder / PAGE, board)
    if asked.json:
        say(as_json(content(board)))
    else:
        console = Console()
        print_table(board, console)
        console.print(f"\nPage: {page}", markup=False, highlight=False, soft_wrap=True)
    return Exit.ANSWER


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        "leaderboard",
        "Verify the run folders that a class handed in, rank those that hold, and write one HTML page. Each participant's run "
        "folder (the --out of dance compare) stands in FOLDER under the participant's name. Every design on record is "
        "evaluated again; records that are edited, of another task or of another budget are shown with the reason, and "
        "not ranked. No code of a submission runs.",
        examples=[
            "leaderboard submissions",
            "leaderboard submissions --task macro-cifar10/balanced --budget 400 --seeds 5",
            "leaderboard submissions --page index.html --json",
        ],
        notes="Task, budget and seeds that are not given are those that most submissions have.",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="holds a run folder for each participant")
    parser.add_argument("--task", metavar="TASK", help=f"the task that counts: {TASK_HELP}")
    parser.add_argument("--budget", help="the budget that counts, as dance compare takes it: 400, 300networks, 500gpuh")
    parser.add_argument(
        "--seeds",
        type=seeds_of,
        metavar="SEEDS",
        help="that each solver needs a run of: how many (5), or which (0,1,2)",
    )
    parser.add_argument("--page", type=Path, metavar="FILE", help=f"the page's file (default: {PAGE} in the folder)")
    add_accuracies(parser)
    parser.add_json()
    return parser
