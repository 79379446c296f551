"""Arguments that say what tasks take their accuracies from."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from solvers.comparison.sources import Sources


def add_accuracies(parser: argparse.ArgumentParser) -> None:
    """Add the files of a user's that accuracies may come from, and where a supernet runs."""
    parser.add_argument(
        "--accuracy-table",
        type=Path,
        metavar="FILE",
        help="measured accuracies: NAS-Bench-Macro's JSON, in place of the surrogate fitted to it; nb201's table, which it needs",
    )
    parser.add_argument(
        "--supernet",
        type=Path,
        metavar="FILE",
        help="a trained supernet, for tasks of images (default: what DANCE_SUPERNET names)",
    )
    parser.add_argument("--images", metavar="PLACE", help="a folder of those images, or another name on the hub")
    parser.add_argument("--device", default="cpu", help="where a supernet runs (default: %(default)s)")


def add_trainings(parser: argparse.ArgumentParser) -> None:
    """Add what chooses among the trainings on record, for tasks that have several."""
    parser.add_argument(
        "--fidelity", metavar="NAME", help="the training schedule of the accuracies (accel-nasbench: proxy, longer)"
    )
    parser.add_argument(
        "--noise-seed",
        type=int,
        metavar="N",
        help="evaluations are single trainings drawn with this seed (accel-nasbench); judged without noise",
    )


def add_problems(parser: argparse.ArgumentParser) -> None:
    """Add what makes a problem again that records name and no catalog has."""
    parser.add_argument(
        "--problem",
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE",
        help="path/to/task.toml or path/to/file.py:function, of a problem that the records name and the catalog does not have",
    )


def sources_of(asked: argparse.Namespace) -> Sources:
    """Return what these arguments name."""
    from solvers.comparison.sources import Sources

    return Sources(
        asked.accuracy_table,
        asked.supernet,
        asked.images,
        asked.device,
        fidelity=getattr(asked, "fidelity", None),
        noise_seed=getattr(asked, "noise_seed", None),
    )
