"""Run the experiment, and write its record and page. What the record holds already and is not run again stays.

python -m experiments.search_cost                      # everything: hours on two cores; Ctrl-C, then go on
python -m experiments.search_cost --seeds 3 --tasks accel-nasbench/edap
python -m experiments.search_cost --page-only          # tables and figures again, from the record
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from experiments.search_cost.measure import load, measure, merged, save
from experiments.search_cost.page import write_page
from experiments.search_cost.plan import BAYESIAN, BLIND, DANCE, PLANNING, TASKS, groups

RECORD = Path("docs/records/search_cost")


def main(given: Sequence[str] | None = None) -> int:
    """Run; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=TASKS, metavar="TASK", help=", ".join(TASKS))
    known = BLIND + BAYESIAN + PLANNING + DANCE
    parser.add_argument("--solvers", nargs="+", choices=known, metavar="NAME", help="these alone (default: all)")
    parser.add_argument(
        "--budgets", nargs="+", metavar="BUDGET", help="these alone, such as 100networks (default: all)"
    )
    parser.add_argument("--seeds", type=int, default=10, metavar="N", help="runs of each solver (default: 10)")
    parser.add_argument("--runs", type=Path, default=Path("runs/search_cost"), help="where single runs are kept")
    parser.add_argument("--out", type=Path, default=RECORD, help=f"record and page (default: {RECORD})")
    parser.add_argument("--page-only", action="store_true", help="tables and figures alone, from the record")
    asked = parser.parse_args(given)
    console = Console(stderr=True)
    asked.out.mkdir(parents=True, exist_ok=True)
    record = asked.out / "readings.csv.gz"
    if asked.page_only:
        write_page(load(record), asked.out)
        return 0
    readings = load(record) if record.is_file() else []
    solvers, budgets = (None if each is None else tuple(each) for each in (asked.solvers, asked.budgets))
    planned = list(groups(tuple(asked.tasks), solvers=solvers, budgets=budgets))
    if not planned:
        parser.error("the plan has no such runs")
    try:
        for group in planned:
            new = measure([group], seeds=tuple(range(asked.seeds)), out=asked.runs, tell=console.print)
            readings = merged(readings, new)
            save(readings, record)
    except KeyboardInterrupt:
        console.print("interrupted; finished runs are kept: the same command goes on")
        return 130
    write_page(readings, asked.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
