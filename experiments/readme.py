"""README's tables of results, made from a committed record: `python -m experiments.readme` writes them.

The record is a run folder of `examples/compare.py`, kept in `docs/records/compare_default`. A test holds README against it.
"""

from __future__ import annotations

import csv
import math
import re
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / "docs" / "records" / "compare_default"
README = ROOT / "README.md"
START, END = "<!-- result -->", "<!-- /result -->"
TASKS = {
    "macro-cifar10/balanced": "91 million designs, all enumerated",
    "accel-nasbench/edap": "1.4e15 designs, the optimum proved",
}
"""The default tasks, and what is known of each."""

_HEAD = (
    "solver", "access", "objective", "regret %", "worst", "queries to 1 %", "trained networks", "GPU-hours", "cost pairs",
    "search s", "training s",
)  # fmt: skip


def result(record: Path = RECORD) -> str:
    """Return the region of README between its marks: a table for each task, what its columns mean, where it comes from.

    Args:
        record: folder with a folder for each task that holds `table.csv` (the figures of each solver) and `report.md`, and
            `README.md` (when and where it was made).

    Raises:
        OSError: If the record is incomplete.
    """
    made = (record / "README.md").read_text(encoding="utf-8")
    seconds = re.search(r"(\d+) s wall", made)
    took = f", {seconds[1]} s on two cores with empty caches" if seconds else ""
    tables = "\n\n".join(_table(record, task, known) for task, known in TASKS.items())
    with _rows(record, "macro-cifar10/balanced").open(newline="", encoding="utf-8") as file:
        runs = max(int(row["runs"]) for row in csv.DictReader(file))
    return f"""{START}
{tables}

Median over {runs} seeds; *worst*: the worst of them. *Regret*: objective above the optimum. *Queries to 1 %*:
evaluations plus gradient queries until regret was first at most 1 %; the budget is 1,000 of them. *Trained networks*,
*GPU-hours*: what the run would have trained where an evaluation is a training; a supernet, for gradients, counts as 4
trainings of the largest network, which is [an assumption](docs/bill.md). *Cost pairs*: distinct (layer, accelerator)
pairs whose cost was asked for. *Training s*: of a learned evaluator, billed to each run in full. *Access*: what a solver
asks for: values of designs, gradients of expected accuracy, or the tables themselves (white box).
The records of that command{took}: {_links(record)}.
{END}"""


def _rows(record: Path, task: str) -> Path:
    return record / task.replace("/", ".") / "table.csv"


def _table(record: Path, task: str, known: str) -> str:
    with _rows(record, task).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lines = [f"| {' | '.join(_HEAD)} |", "| --- | --- |" + " ---: |" * (len(_HEAD) - 2), *map(_line, rows)]
    return f"`{task}` ({known}):\n\n" + "\n".join(lines)


def _links(record: Path) -> str:
    folder = record.relative_to(ROOT).as_posix()
    return ", ".join(f"[`{task}`]({folder}/{task.replace('/', '.')}/report.md)" for task in TASKS)


def _line(row: Mapping[str, str]) -> str:
    cells = [
        f"`{row['solver']}`",
        row["access"],
        f"{float(row['objective_median']):.3f}",
        f"{float(row['regret_pct_median']):.2f}",
        f"{float(row['regret_pct_worst']):.2f}",
        _count(float(row["spent_to_close_median"])),
        _count(float(row["trained_networks_median"])),
        f"{float(row['gpu_hours_median']):,.1f}",
        _count(float(row["cost_pairs_median"])),
        f"{float(row['search_seconds_median']):.1f}",
        f"{training:.1f}" if (training := float(row["all_training_seconds_median"])) else "",
    ]
    return f"| {' | '.join(cells)} |"


def _count(value: float) -> str:
    return "never" if math.isinf(value) else f"{value:,.0f}"


def updated(readme: str, region: str) -> str:
    """Return README with the region between its marks replaced.

    Raises:
        ValueError: If README lacks the marks.
    """
    if START not in readme or END not in readme:
        raise ValueError(f"README.md must hold {START} and {END}")
    return readme[: readme.index(START)] + region + readme[readme.index(END) + len(END) :]


def main() -> int:
    """Write the region into README; return the exit status."""
    README.write_text(updated(README.read_text(encoding="utf-8"), result()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
