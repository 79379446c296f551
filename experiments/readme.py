"""README's table of results, made from a committed record: `python -m experiments.readme` writes it.

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

_HEAD = (
    "solver", "access", "objective", "regret %", "worst", "queries to 1 %", "cost pairs", "search s", "training s",
)  # fmt: skip


def result(record: Path = RECORD) -> str:
    """Return the region of README between its marks: the table, what its columns mean, and where it comes from.

    Args:
        record: folder with `table.csv` (the figures of each solver) and `README.md` (when and where it was made).

    Raises:
        OSError: If the record is incomplete.
    """
    with (record / "table.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    made = (record / "README.md").read_text(encoding="utf-8")
    seconds = re.search(r"(\d+) s wall", made)
    took = f", {seconds[1]} s on two cores with empty caches" if seconds else ""
    runs = max(int(row["runs"]) for row in rows)
    table = [f"| {' | '.join(_HEAD)} |", "| --- | --- |" + " ---: |" * (len(_HEAD) - 2), *map(_line, rows)]
    return f"""{START}
{chr(10).join(table)}

Median over {runs} seeds; *worst*: the worst of them. *Regret*: objective above the exact optimum. *Queries to 1 %*:
evaluations plus gradient queries until regret was first at most 1 %. *Cost pairs*: distinct (layer, accelerator) pairs whose
cost was asked for; the budget of 1,000 queries does not limit them. *Training s*: of a learned evaluator; the two shipped ones
were trained beforehand, and each run is billed in full. *Access*: what a solver asks for: values of designs, gradients of
expected accuracy, or the tables themselves (white box), which exact search
enumerates at once on a task as small as this. [The record]({record.relative_to(ROOT).as_posix()}/report.md) of
that command{took}.
{END}"""


def _line(row: Mapping[str, str]) -> str:
    cells = [
        f"`{row['solver']}`",
        row["access"],
        f"{float(row['objective_median']):.3f}",
        f"{float(row['regret_pct_median']):.2f}",
        f"{float(row['regret_pct_worst']):.2f}",
        _count(float(row["spent_to_close_median"])),
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
