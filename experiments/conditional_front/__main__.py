"""Run the experiment, and write its record and page. What the record holds already and is not run again stays.

python -m experiments.conditional_front                # everything: 12 minutes of one core; Ctrl-C, then go on
python -m experiments.conditional_front --seeds 1 --tasks macro-cifar10/edap
python -m experiments.conditional_front --page-only    # tables and figures again, from the record
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from experiments.conditional_front.measure import (
    drawn_fronts,
    is_finished,
    load,
    load_fronts,
    measure_all,
    merged,
    save,
    save_fronts,
)
from experiments.conditional_front.page import write_page
from experiments.conditional_front.plan import BUDGETS, LIMITED, PARTS, cells

RECORD = Path("docs/records/conditional_front")


def main(given: Sequence[str] | None = None) -> int:
    """Run; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    tasks = (*BUDGETS, LIMITED)
    parser.add_argument("--tasks", nargs="+", default=list(tasks), choices=tasks, metavar="TASK", help=", ".join(tasks))
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="runs of each solver (default: 5)")
    parser.add_argument("--runs", type=Path, default=Path("runs/conditional_front"), help="where single runs are kept")
    parser.add_argument("--out", type=Path, default=RECORD, help=f"record and page (default: {RECORD})")
    parser.add_argument("--finished", action="store_true", help="run nothing: read what is on disk for all seeds")
    parser.add_argument("--page-only", action="store_true", help="tables and figures alone, from the record")
    asked = parser.parse_args(given)
    asked.out.mkdir(parents=True, exist_ok=True)
    record, drawn = asked.out / "readings.csv.gz", asked.out / "fronts.csv.gz"
    if not asked.page_only:
        chosen = list(cells(tuple(asked.parts), tuple(asked.tasks)))
        if asked.finished:
            chosen = [each for each in chosen if is_finished(each, range(asked.seeds), asked.runs)]
        try:
            readings, fronts = measure_all(
                chosen, range(asked.seeds), asked.runs, lambda line: print(line, file=sys.stderr, flush=True)
            )
        except KeyboardInterrupt:
            print("interrupted; finished runs are kept: the same command goes on", file=sys.stderr)
            return 130
        save(merged(load(record) if record.is_file() else [], readings), record)
        save_fronts({**(load_fronts(drawn) if drawn.is_file() else {}), **drawn_fronts(fronts)}, drawn)
    write_page(load(record), load_fronts(drawn), asked.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
