"""Search cost on small tasks, read from the table of runs (runs.csv) of a comparison on record."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np

from experiments.claims.claim import Finding, Table
from experiments.claims.cost_criterion import DANCE, Needed, judged_costs

Run = dict[str, str]
Runs = dict[str, list[Run]]
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
    if DANCE not in found:
        raise ValueError(f"{path} has no run of {DANCE!r} on {task!r}; it has {sorted(found) or 'none of the task'}")
    return dict(found)


def judged_runs(task: str, runs: Runs) -> list[Finding]:
    """DANCE against the best solver that samples networks, by the median over seeds."""
    sampling = {name: needed(rows) for name, rows in runs.items() if rows[0]["access"] == "values"}
    return judged_costs(task, needed(runs[DANCE]), sampling)


def needed(rows: list[Run]) -> dict[str, Needed]:
    """What a solver needs until the regret is at most 1 %, median over seeds."""
    return {
        "candidates": _median([_candidates(row) for row in rows]),
        "trained": _median([_number(row["networks_to_close"]) for row in rows]),
        "gpu_hours": _median([_number(row["gpu_hours_to_close"]) for row in rows]),
    }


def runs_headline(task: str, runs: Runs) -> str:
    """What each solver needs."""
    each = (f"{name} {needed(rows)['trained']}" for name, rows in runs.items() if name != "random")
    return f"{task}, trained networks: {', '.join(each)}"


def runs_table(task: str, runs: Runs) -> Table:
    """What every solver of the comparison needs."""
    return Table(
        f"{task}, from the record of the default comparison (docs/records/compare_default): spent when the regret was first "
        "at most 1 %, median over seeds (inf: fewer than half of the runs got there)",
        ("solver", "access", "seeds", "candidates", "trained networks, supernet included", "GPU-hours"),
        tuple(
            (name, rows[0]["access"], len(rows), *(each.at_most for each in needed(rows).values()))
            for name, rows in runs.items()
        ),
    )


def _candidates(row: Run) -> float:
    """The trained networks without the supernet, which every gradient search asks before it evaluates a design."""
    return _number(row["networks_to_close"]) - float(row["supernet_trainings"])


def _number(cell: str) -> float:
    return float(cell) if cell else np.inf  # a failed run has no figures


def _median(values: list[float]) -> Needed:
    return Needed.exactly(float(np.quantile(values, 0.5, method="higher")))
