"""The figures of each solver on a task: the long table's rows, gathered over seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from solvers.comparison.table import RunRow
from solvers.contract.ledger import OUR_PRICE, TIMELOOP_PRICE


@dataclass(frozen=True)
class Sample:
    """A figure over the runs of a solver, with every value kept.

    Attributes:
        values: one for each run, in the order of the seeds; infinite where the run never got there, NaN where the run has
            no such figure.
    """

    values: tuple[float, ...]

    @property
    def known(self) -> np.ndarray:
        """The finite values, (known,) float64."""
        return np.array([value for value in self.values if math.isfinite(value)], dtype=np.float64)

    @property
    def reached(self) -> int:
        """How many runs have a finite value."""
        return len(self.known)

    @property
    def median(self) -> float:
        """Upper median over all runs; a run without the figure counts as infinite, so that luck is not rewarded."""
        ranked = [value if not math.isnan(value) else math.inf for value in self.values]
        return float(np.quantile(ranked, 0.5, method="higher")) if ranked else math.nan

    @property
    def worst(self) -> float:
        """The greatest value; infinite where a run has none."""
        return max((math.inf if math.isnan(value) else value for value in self.values), default=math.nan)

    @property
    def best(self) -> float:
        """The least finite value; NaN where there is none."""
        return float(self.known.min()) if self.reached else math.nan

    @property
    def mean(self) -> float:
        """Mean of the finite values; NaN where there is none."""
        return float(self.known.mean()) if self.reached else math.nan

    @property
    def std(self) -> float:
        """Sample standard deviation of the finite values; 0 for a single one, NaN for none."""
        if not self.reached:
            return math.nan
        return float(self.known.std(ddof=1)) if self.reached > 1 else 0.0


@dataclass(frozen=True, eq=False)
class SolverRow:
    """What one solver reached on one task, and what it used.

    Attributes:
        task: the task.
        solver: the solver's label.
        access: the widest access class of its runs.
        runs: how many.
        failed: how many failed or timed out; they count as runs that found nothing.
        without_design: how many found no feasible design, the failed ones included.
        samples: by name of a figure of the long table, or of a line of the ledger, its values over the runs.
        regret_pct_at: by number of queries, the regret (%) at that number.
        regret_pct_at_networks: the same by number of trained networks.
        regret_pct_at_gpu_hours: the same by GPU-hours; empty where the problem has no training times.
    """

    task: str
    solver: str
    access: str
    runs: int
    failed: int
    without_design: int
    samples: Mapping[str, Sample]
    regret_pct_at: Mapping[float, Sample]
    regret_pct_at_networks: Mapping[float, Sample]
    regret_pct_at_gpu_hours: Mapping[float, Sample]

    def __getitem__(self, figure: str) -> Sample:
        """The values of a figure."""
        return self.samples[figure]


_ACCESS = ("values", "gradients", "white box")


def summarize(rows: Iterable[RunRow]) -> list[SolverRow]:
    """Return one row per solver and task, tasks in their order.

    Within a task the solvers that found a feasible design in most of their runs come first; among them the lowest median
    objective, then the lowest worst one. A failed run has no figures, so it lowers its solver's rank.
    """
    groups: dict[tuple[str, str], list[RunRow]] = {}
    for row in rows:
        groups.setdefault((row.task, row.solver), []).append(row)
    summaries = [_summary(group) for group in groups.values()]
    tasks = list(dict.fromkeys(each.task for each in summaries))
    return sorted(summaries, key=lambda each: (tasks.index(each.task), *_rank(each)))


def _rank(row: SolverRow) -> tuple[float, float, float]:
    objective = row["objective"]
    return (row.without_design / row.runs, objective.median, objective.worst)


def _summary(group: Sequence[RunRow]) -> SolverRow:
    figures = [
        {**row.figures, **_numbers(row.ledger), "error_pct": 100.0 - row.figures["accuracy_pct"]} for row in group
    ]
    for figure, row in zip(figures, group, strict=True):
        figure["queries"] = figure["evaluations"] + figure["gradient_queries"]
        figure["search_seconds"] = figure["solver_seconds"] + figure["oracle_seconds"]
        figure["all_training_seconds"] = figure["evaluator_seconds"] + figure["training_seconds"]
        figure["trained_networks"] = row.trained_networks
        figure["network_trainings"] = round(figure["trained_networks"] - figure["supernet_trainings"])
        figure["gpu_hours"] = figure["training_gpu_hours"] + figure["supernet_gpu_hours"]
        figure["per_design_gpu_hours"] = figure["training_gpu_hours"] + figure["final_training_gpu_hours"]
        figure["fixed_gpu_hours"] = figure["supernet_gpu_hours"] + figure["tuning_gpu_hours"]
        figure["all_in_gpu_hours"] = figure["fixed_gpu_hours"] + figure["per_design_gpu_hours"]
        figure["our_pair_hours"] = OUR_PRICE.hours(figure["cost_pairs"])
        figure["timeloop_pair_hours"] = TIMELOOP_PRICE.hours(figure["cost_pairs"])
        figure["all_seconds"] = figure["search_seconds"] + figure["all_training_seconds"]
    first = group[0]
    return SolverRow(
        task=first.task,
        solver=first.solver,
        access=max((row.access for row in group), key=_ACCESS.index),
        runs=len(group),
        failed=sum(row.failed for row in group),
        without_design=sum(not row.found for row in group),
        samples={name: Sample(tuple(each[name] for each in figures)) for name in figures[0]},
        regret_pct_at=_at([row.regret_pct_at for row in group]),
        regret_pct_at_networks=_at([row.regret_pct_at_networks for row in group]),
        regret_pct_at_gpu_hours=_at([row.regret_pct_at_gpu_hours for row in group]),
    )


def _at(regrets: Sequence[Mapping[float, float]]) -> dict[float, Sample]:
    """The values of several runs by amount spent."""
    return {at: Sample(tuple(each[at] for each in regrets)) for at in regrets[0]}


def _numbers(ledger: Mapping[str, float | None]) -> dict[str, float]:
    return {name: math.nan if value is None else float(value) for name, value in ledger.items()}
