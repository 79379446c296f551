"""Run the experiment, and write its record, page and figure.

python -m experiments.buffers                # resumable; tables of costs are cached
python -m experiments.buffers --tasks macro-cifar10/edap
python -m experiments.buffers --page-only    # page and figure again, from the record
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from experiments.buffers.measure import Reading, load, measure, save
from experiments.buffers.page import load_proofs, write_page
from experiments.buffers.picture import draw
from experiments.buffers.plan import TASKS

RECORD = Path("docs/records/buffers")
PAGE = Path("docs/buffers.md")


def main(given: Sequence[str] | None = None) -> int:
    """Run; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=TASKS, metavar="TASK", help=", ".join(TASKS))
    parser.add_argument("--out", type=Path, default=RECORD, help=f"record and figure (default: {RECORD})")
    parser.add_argument("--page", type=Path, default=PAGE, help=f"the page (default: {PAGE})")
    parser.add_argument("--page-only", action="store_true", help="page and figure alone, from the record")
    asked = parser.parse_args(given)
    console = Console(stderr=True)
    record = asked.out / "readings.csv"
    readings = load(record) if record.exists() else []
    try:
        for task in () if asked.page_only else asked.tasks:
            others = [each for each in readings if each.task != task]

            def keep(of_task: list[Reading], others: list[Reading] = others) -> None:
                save(others + of_task, record)

            known = [each for each in readings if each.task == task]
            readings = others + measure(task, known, tell=console.print, keep=keep)
    except KeyboardInterrupt:
        console.print("interrupted; what is done is kept: the same command goes on")
        return 130
    write_page(readings, load_proofs(asked.out), asked.page)
    draw(readings, asked.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
