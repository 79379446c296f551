"""Joint against separate search on CIFAR-10 at a schedule for two cores, and the ranking of the supernet.

    python -m experiments.images_cifar10 --images FOLDER                  # hours of one core
    python -m experiments.images_cifar10 --images FOLDER --pieces 7       # the first seed alone
    python -m experiments.images_cifar10 --report docs/records/images_cifar10
    python -m experiments.images_cifar10 --images FOLDER --resume docs/records/images_cifar10

Seed by seed: searches that pay for the exact table, for the learned evaluator (joint), for multiply-accumulates and for
nothing (separate), each with the training of its network from scratch. Every piece is a record in `OUT/records`. Killed
or interrupted with Ctrl-C, it goes on from there when the same command runs again. `--resume` takes finished pieces from
a published report as well, so that another machine can go on.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

from rich.console import Console

from experiments.images_cifar10.page import take_over, write_page
from experiments.images_cifar10.plan import pieces
from experiments.images_cifar10.work import Workshop


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments.images_cifar10",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--images", metavar="PLACE", help="a folder of the images, or a name on the hub")
    parser.add_argument("--out", type=Path, default=Path("runs/images_cifar10"), help="default: %(default)s")
    parser.add_argument("--pieces", type=int, help="stop after so many (default: all)")
    parser.add_argument(
        "--report", type=Path, metavar="FOLDER", help="run nothing: write the report of what has run there"
    )
    parser.add_argument("--resume", type=Path, metavar="FOLDER", help="a report whose finished pieces are taken over")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    """Run what has not run yet, then write the report; return the exit status."""
    asked, console = arguments(given), Console(stderr=True)
    workshop = Workshop(asked.out, asked.images)
    plan = list(islice(pieces(), asked.pieces))
    if asked.resume is not None:
        take_over(asked.resume, workshop.folder / "records")
    if asked.report is None:
        for number, piece in enumerate(plan, start=1):
            if workshop.record(piece).exists():
                continue
            title, began = f"{number} of {len(plan)}: {piece.name}", time.monotonic()
            try:
                with console.status(title) as status:
                    workshop.run(piece, _showing(title, status.update))
            except KeyboardInterrupt:
                console.print("interrupted; the same command goes on from here")
                return 130
            console.print(f"{title}: {time.monotonic() - began:.0f} s", highlight=False)
    write_page(asked.out / "records", asked.report or asked.out)
    return 0


def _showing(title: str, update: Callable[[str], None]) -> Callable[[int, int], None]:
    return lambda done, of: update(f"{title}: {done} of {of}")


if __name__ == "__main__":
    sys.exit(main())
