"""What a comparison compares."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dance_env.problem import Problem
from solvers.comparison.sources import Sources
from solvers.comparison.spec import SolverSpec
from solvers.contract.budget import Budget
from solvers.contract.solver import Solver

DEFAULT_TASKS = ("macro-cifar10/balanced", "accel-nasbench/edap")
"""One task that is enumerated, and one whose optimum is proved."""
DEFAULT_SEEDS = 3
DEFAULT_BUDGET = 1000
MAX_SEEDS = 10_000
"""The most seeds of one comparison: more are a mistake."""
_HOST_AND_PORT = re.compile(r"[^\s/]+:\d{1,5}")


@dataclass(frozen=True)
class Settings:
    """What is compared.

        compare(Settings(tasks="tiny", solvers=["random", "dance:steps=12", MySolver(step=3)]))

    Attributes:
        tasks: Names of tasks, `path/to/file.py:function`, or problems; or a single one.
        solvers: Solvers by name, as instances or as `SolverSpec`; None compares those of `DEFAULT_SOLVERS` that suit
            the task.
        seeds: The seeds that every solver runs with; a deterministic solver runs with the first only.
        budget: The most that one run may spend: a number of evaluations plus gradient queries, a text such as
            "300networks" or "500gpuh", or a `Budget`, which it becomes.
        out: Folder for the records, the tables and the plots.
        sources: What the tasks take their accuracies from, besides what ships.
        workers: How many runs go on side by side.
        timeout_s: Wall-clock limit of one run in seconds; None, or infinity, is no limit.
        fresh_evaluators: Whether solvers with a setting `fresh_evaluator` train an evaluator for each seed.
        ray: The Ray cluster that the runs go to: "local" (one of `workers` processors, started on this machine), "auto"
            (the one that this machine is part of), or "HOST:PORT" of its head; None is processes of this machine. A
            cluster that exists runs as many cells at a time as it has processors.

    Raises:
        TypeError: If a solver or a task is of another type.
        ValueError: If there is nothing to compare, something is named twice, or a number is out of range.
    """

    tasks: str | Problem | Sequence[str | Problem] = DEFAULT_TASKS
    solvers: Sequence[str | Solver | SolverSpec | type[Solver]] | None = None
    seeds: Sequence[int] = tuple(range(DEFAULT_SEEDS))
    budget: int | str | Budget = DEFAULT_BUDGET
    out: Path = Path("runs/compare")
    sources: Sources = field(default_factory=Sources)
    workers: int = field(default_factory=lambda: min(2, os.cpu_count() or 1))
    timeout_s: float | None = None
    fresh_evaluators: bool = False
    ray: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "out", Path(self.out))  # a text will do
        if self.specs is not None and not self.specs:
            raise ValueError("there is nothing to compare: give at least one solver")
        if not self.task_list:
            raise ValueError("there is nothing to compare: give at least one task")
        named = [(spec.name, repr(spec)) for spec in self.specs or ()]
        _once("solver", [name for name, key in named if [other for _, other in named].count(key) > 1])
        names = [task if isinstance(task, str) else task.name for task in self.task_list]
        _once("task", [name for name in names if names.count(name) > 1])
        _once("seed", [str(seed) for seed in self.seeds if list(self.seeds).count(seed) > 1])
        if not self.seeds or min(self.seeds) < 0:
            raise ValueError(f"give at least one seed, none of them negative; got {list(self.seeds)}")
        if len(self.seeds) > MAX_SEEDS:
            raise ValueError(f"at most {MAX_SEEDS:,} seeds are compared; got {len(self.seeds):,}")
        object.__setattr__(self, "budget", Budget.of(self.budget))
        if self.workers < 1:
            raise ValueError(f"at least one worker is needed; got {self.workers}")
        if self.timeout_s is not None and not self.timeout_s > 0:
            raise ValueError(f"the time limit is a positive number of seconds; got {self.timeout_s}")
        if self.timeout_s == math.inf:
            object.__setattr__(self, "timeout_s", None)
        if self.ray is not None and self.ray not in ("auto", "local") and not _HOST_AND_PORT.fullmatch(self.ray):
            raise ValueError(f'a Ray cluster is "auto", "local" or HOST:PORT of its head; got {self.ray!r}')

    @property
    def is_usual(self) -> bool:
        """Whether neither tasks nor solvers are chosen."""
        return self.solvers is None and self.task_list == DEFAULT_TASKS

    @property
    def specs(self) -> tuple[SolverSpec, ...] | None:
        """The specification of each solver; None stands for the default ones."""
        return None if self.solvers is None else tuple(SolverSpec.of(solver) for solver in self.solvers)

    @property
    def task_list(self) -> tuple[str | Problem, ...]:
        """The tasks, in the order given."""
        return (self.tasks,) if isinstance(self.tasks, str | Problem) else tuple(self.tasks)


def _once(what: str, repeated: Sequence[str]) -> None:
    if repeated:
        raise ValueError(f"each {what} is compared once, but {', '.join(sorted(set(repeated)))} is given twice")
