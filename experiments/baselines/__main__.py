"""Run every solver on every task, and write the record and its page.

python -m experiments.baselines                 # everything: hours on two cores; Ctrl-C, then go on
python -m experiments.baselines --seeds 3 --tasks tiny/balanced
python -m experiments.baselines --first-seed 5 --seeds 5    # added to the rows of the record
python -m experiments.baselines --page-only     # tables and figure again, from the record
python -m experiments.baselines --verify 50     # 50 rows of the record made again, and every design evaluated again
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from experiments.baselines.checking import drift, run_again, sampled
from experiments.baselines.page import write_page
from experiments.baselines.plan import BUDGET, SEEDS, TASKS, TRAINED, solvers
from experiments.baselines.store import Row, load, merged, rows_of, save
from solvers.catalog import make_solver
from solvers.comparison.compare import compare
from solvers.comparison.listener import Listener
from solvers.comparison.settings import Settings

RECORD = Path("docs/records/baselines")
RUN_LIMIT_S = 1800.0


def main(given: Sequence[str] | None = None) -> int:
    """Run; return the exit status: 1 where a row of the record could not be made again, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=TASKS, metavar="TASK", help=", ".join(TASKS))
    parser.add_argument("--solvers", nargs="+", metavar="NAME", help="these alone (default: all)")
    parser.add_argument("--seeds", type=int, default=SEEDS, metavar="N", help=f"runs of each solver (default: {SEEDS})")
    parser.add_argument(
        "--first-seed", type=int, default=0, metavar="N", help="of these runs; rows of others stay (default: 0)"
    )
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="runs side by side (default: 2)")
    parser.add_argument("--runs", type=Path, default=Path("runs/baselines"), help="where single runs are kept")
    parser.add_argument("--out", type=Path, default=RECORD, help=f"record and page (default: {RECORD})")
    parser.add_argument("--page-only", action="store_true", help="tables and figure alone, from the record")
    parser.add_argument(
        "--verify", type=int, metavar="N", help="make N rows of the record again, and evaluate all designs"
    )
    parser.add_argument("--verify-seed", type=int, default=0, metavar="N", help="which rows (default: 0)")
    asked = parser.parse_args(given)
    console = Console(stderr=True)
    record = asked.out / "runs.csv.gz"
    rows = load(record) if record.is_file() else []
    try:
        if asked.verify is not None:
            return _verify(rows, asked, console)
        if not asked.page_only:
            rows = _ordered(merged(rows, _run(asked, console)))
            save(rows, record)
    except KeyboardInterrupt:
        console.print("interrupted; finished runs are kept: the same command goes on")
        return 130
    write_page(rows, asked.out)
    return 0


def _run(asked: argparse.Namespace, console: Console) -> list[Row]:
    """Run everything that is asked for and not on record, all solvers with the first seed before any with the second."""
    found: list[Row] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        names_asked = asked.solvers or (*solvers(), *TRAINED)
        if asked.first_seed:  # a deterministic solver has one run, whatever the seed
            names_asked = [name for name in names_asked if not make_solver(name).capabilities.deterministic]
        for names, tasks in _groups(names_asked, asked.tasks):
            step = bar.add_task("runs", total=None)
            listener = Listener(on_cell=lambda cell, result, step=step: bar.advance(step))  # type: ignore[misc]  # a default
            settings = Settings(
                tasks=tasks,
                solvers=names,
                seeds=range(asked.first_seed, asked.first_seed + asked.seeds),
                budget=BUDGET,
                out=asked.runs,
                workers=asked.workers,
                timeout_s=RUN_LIMIT_S,
            )
            comparison = compare(settings, listener=listener)
            for reason in comparison.left_out:
                console.print(f"left out: {reason}")
            found += rows_of(comparison)
    return found


def _groups(names: Sequence[str], tasks: Sequence[str]) -> list[tuple[list[str], list[str]]]:
    """Solvers with the tasks that they are run on together."""
    everywhere = [name for name in names if name not in TRAINED]
    groups = [(everywhere, list(tasks))] if everywhere else []
    for name in names:
        if name in TRAINED and (some := [task for task in tasks if task in TRAINED[name]]):
            groups.append(([name], some))
    return groups


def _ordered(rows: Sequence[Row]) -> list[Row]:
    places = {name: place for place, name in enumerate((*solvers(), *TRAINED))}
    return sorted(rows, key=lambda row: (TASKS.index(row.task), places.get(row.solver, len(places)), row.seed))


def _verify(rows: Sequence[Row], asked: argparse.Namespace, console: Console) -> int:
    rows = [row for row in rows if row.task in asked.tasks and (not asked.solvers or row.solver in asked.solvers)]
    if not rows:
        console.print(f"there is no row to make again in {asked.out}: run the baselines first")
        return 2
    wrong = [
        text for task in dict.fromkeys(row.task for row in rows) for text in drift([r for r in rows if r.task == task])
    ]
    console.print(f"{len(rows):,} designs evaluated again: {len(wrong)} are not as published")
    again = sampled(rows, asked.verify, seed=asked.verify_seed)
    for old, new in run_again(again, asked.runs / "verify"):
        if not old.same_run(new):
            wrong.append(
                f"{old.solver} on {old.task}, seed {old.seed}: another run\n  published {old}\n  now       {new}"
            )
    console.print(f"{len(again):,} runs made again")
    for text in wrong:
        print(text)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
