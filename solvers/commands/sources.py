"""Arguments that say what the tasks of records take their accuracies from."""

from __future__ import annotations

import argparse
from pathlib import Path

from solvers.comparison.sources import Sources


def add_sources(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that a record cannot answer: files of the user's."""
    parser.add_argument(
        "--task",
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE.py:FUNCTION",
        help="makes a problem that the records name and the catalog does not have",
    )
    parser.add_argument("--accuracy-table", type=Path, metavar="JSON", help="the NAS-Bench-Macro table, if it was used")
    parser.add_argument("--supernet", type=Path, metavar="FILE", help="the trained supernet, for tasks of images")
    parser.add_argument("--images", metavar="PLACE", help="a folder of those images, or another name on the hub")
    parser.add_argument("--device", default="cpu", help="where a supernet runs (default: %(default)s)")


def sources_of(asked: argparse.Namespace) -> Sources:
    """Return what they name."""
    return Sources(asked.accuracy_table, asked.supernet, asked.images, asked.device)
