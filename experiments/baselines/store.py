"""A row for each run, as CSV: what it found, at which price, and how it came there."""

from __future__ import annotations

import csv
import gzip
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from dance_env.atomic import write_whole
from solvers.comparison.run import Comparison
from solvers.comparison.table import RunRow, long_table
from solvers.contract.result import Result

AT = (10, 30, 100)
"""Numbers of trained networks at which the regret is read off."""

CLOCKS = ("search_s", "training_s")
"""What differs between two runs of one seed."""


@dataclass(frozen=True)
class Row:
    """A run.

    Attributes:
        task, solver, seed: Whose run it is.
        access: What it made use of: values, gradients, or the tables themselves (white box).
        status: How it ended (`solvers.Status`).
        design: Option indices of the design that it reports, joined by dashes; empty where it reports no feasible one.
        objective: Of that design, judged without noise; infinite where there is none.
        regret_pct: The objective above the optimum, in % of the optimum; infinite where there is none.
        at_10, at_30, at_100: The regret when so many networks were trained; a supernet counts as its price in trainings.
        evaluations, gradient_queries, networks, cost_pairs: Of the bill, counts.
        gpu_hours: Of the bill; NaN where the task has no training times.
        search_s: Processor seconds of the solver itself.
        training_s: Seconds of the training of a learned evaluator.
    """

    task: str
    solver: str
    seed: int
    access: str
    status: str
    design: str
    objective: float
    regret_pct: float
    at_10: float
    at_30: float
    at_100: float
    evaluations: int
    gradient_queries: int
    networks: int
    cost_pairs: int
    gpu_hours: float
    search_s: float
    training_s: float

    @property
    def indices(self) -> list[int]:
        """Option indices of the design; empty where there is none."""
        return [int(index) for index in self.design.split("-")] if self.design else []

    def same_run(self, other: Row) -> bool:
        """Whether two rows are of one run, clocks apart."""
        return all(_equal(value, getattr(other, name)) for name, value in asdict(self).items() if name not in CLOCKS)


def rows_of(comparison: Comparison) -> list[Row]:
    """Return a row for each run of a comparison."""
    runs = [run for task in comparison.tasks for run in task.runs]
    return [_row(flat, run.result) for flat, run in zip(long_table(comparison), runs, strict=True)]


def _row(flat: RunRow, result: Result) -> Row:
    best = result.best
    found = flat.found and best is not None
    ledger = flat.ledger
    return Row(
        task=flat.task,
        solver=flat.solver,
        seed=flat.seed,
        access=flat.access,
        status=flat.status.name,
        design="-".join(str(index) for index in result.trace.designs[best]) if found else "",
        objective=flat.figures["objective"] if found else math.inf,
        regret_pct=_rounded(flat.figures["regret_pct"]) if found else math.inf,
        **{f"at_{number}": _rounded(flat.regret_pct_at_networks.get(number, math.inf)) for number in AT},
        evaluations=ledger["evaluations"],
        gradient_queries=ledger["gradient_queries"],
        networks=ledger["networks"],
        cost_pairs=ledger["cost_pairs"],
        gpu_hours=math.nan if flat.gpu_hours is None else _rounded(flat.gpu_hours),
        search_s=round(ledger["solver_seconds"], 3),
        training_s=round(ledger["evaluator_seconds"], 1),
    )


def save(rows: Iterable[Row], path: Path) -> None:
    """Write the rows in the order of the plan, as gzipped CSV; equal rows give equal bytes."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Row)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    write_whole(path, gzip.compress(text.getvalue().encode(), mtime=0))


def load(path: Path) -> list[Row]:
    """Read what `save` wrote.

    Raises:
        OSError: If there is no such file.
        ValueError: If a row is not one.
    """
    text = gzip.decompress(path.read_bytes()).decode()
    kinds = {field.name: {"int": int, "float": float, "str": str}[str(field.type)] for field in fields(Row)}
    found = []
    for number, row in enumerate(csv.DictReader(io.StringIO(text)), start=2):
        try:
            found.append(Row(**{name: kind(row[name]) for name, kind in kinds.items()}))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"line {number} of {path.name} is not a row of baselines: {error}") from None
    return found


def merged(old: Iterable[Row], new: Sequence[Row]) -> list[Row]:
    """Return old rows and new ones; a new row takes the place of an old one of the same run."""
    known = {(row.task, row.solver, row.seed): row for row in (*old, *new)}
    return list(known.values())


def _rounded(value: float) -> float:
    return float(f"{value:.9g}")


def _equal(first: object, second: object) -> bool:
    if isinstance(first, float) and isinstance(second, float):
        return math.isclose(first, second, rel_tol=1e-8, abs_tol=1e-10) or (math.isnan(first) and math.isnan(second))
    return first == second
