"""Search cost on small tasks, read from the table of runs (runs.csv) of a comparison on record."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np

from experiments.claims.claim import Finding, Table, Verdict

_DANCE = "dance"
_MEASURES = {
    "networks_to_close": ("networks trained, the supernet counted as its price", "1 against 160 to 2300", 10.0),
    "gpu_hours_to_close": ("GPU-hours of training, supernet included", "3 against 3.5 to 2300", 1.0),
}
"""Column -> words, the paper's figure, and how many times less DANCE has to need. Close: a regret of 1 % at most."""

Runs = dict[str, list[dict[str, str]]]
"""Solver -> its runs, a row each."""


def load_runs(path: Path, task: str) -> Runs:
    """The runs of one task, by solver.

    Raises:
        ValueError: the table has no run of DANCE on the task.
    """
    found: Runs = defaultdict(list)
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["task"] == task:
                found[row["solver"]].append(row)
    if _DANCE not in found:
        raise ValueError(f"{path} has no run of {_DANCE!r} on {task!r}; it has {sorted(found) or 'none of the task'}")
    return dict(found)


def judged_runs(task: str, runs: Runs) -> list[Finding]:
    """DANCE against the best solver that samples networks, by the median over seeds."""
    found = []
    for column, (words, paper, least) in _MEASURES.items():
        ours = _median(runs[_DANCE], column)
        theirs, rival = min(
            (_median(rows, column), name) for name, rows in runs.items() if rows[0]["access"] == "values"
        )
        if np.isinf(ours) and np.isinf(theirs):
            verdict = Verdict.NOT_TESTABLE
        else:
            verdict = Verdict.of(theirs >= least * ours)
        found.append(
            Finding(
                what=f"{task}: {words}",
                paper=paper,
                ours=f"DANCE {ours:.3g}, {rival} {theirs:.3g} ({theirs / ours:.3g} times as much)",
                verdict=verdict,
                rule=f"the best solver that samples networks needs at least {least:g} times as much, exact gradients given",
            )
        )
    return found


def runs_headline(task: str, runs: Runs) -> str:
    """What each solver needs."""
    return f"{task}: " + ", ".join(
        f"{name} {_median(rows, 'networks_to_close'):.3g} trained networks"
        for name, rows in runs.items()
        if name != "random"
    )


def runs_table(task: str, runs: Runs) -> Table:
    """What every solver of the comparison needs."""
    return Table(
        f"{task}, from the record of the default comparison (docs/records/compare_default): spent when the regret was first "
        "at most 1 %, median over seeds (inf: fewer than half of the runs got there)",
        ("solver", "access", "seeds", "trained networks, supernet included", "GPU-hours"),
        tuple(
            (name, rows[0]["access"], len(rows), *(_median(rows, each) for each in _MEASURES))
            for name, rows in runs.items()
        ),
    )


def _median(rows: list[dict[str, str]], column: str) -> float:
    return float(np.quantile([float(row[column] or "inf") for row in rows], 0.5, method="higher"))
