"""One cell of a comparison: a solver with a seed on a task, and its record on disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from solvers.catalog import make_solver
from solvers.contract.progress import Callback
from solvers.contract.record.file import RecordError
from solvers.contract.result import Result, json_settings, software_versions
from solvers.contract.solver import SolverFailed

if TYPE_CHECKING:
    from dance_env.problem import Problem
    from dance_env.progress import Progress


@dataclass(frozen=True)
class Sources:
    """What a task takes its accuracies from, besides what ships; arguments of `dance_env.make_problem`.

    Attributes:
        accuracy_table: file with the NAS-Bench-Macro table, in place of the surrogate fitted to it.
        supernet: a trained supernet's file, for tasks of images.
        images: where their images are: a folder, or another name on the hub.
        device: where a supernet runs.
    """

    accuracy_table: Path | None = None
    supernet: Path | None = None
    images: str | None = None
    device: str = "cpu"

    def problem(self, task: str, *, progress: Progress | None = None) -> Problem:
        """The problem of a task; `progress` as for `make_problem`."""
        from dance_env.tasks import make_problem

        return make_problem(
            task,
            accuracy_table=self.accuracy_table,
            supernet=self.supernet,
            images=self.images,
            device=self.device,
            progress=progress,
        )


@dataclass(frozen=True)
class Cell:
    """One run of the comparison: a solver with a seed."""

    task: str
    solver: str
    seed: int
    budget: int
    path: Path
    sources: Sources = field(default_factory=Sources)

    def run(self, callback: Callback | None = None) -> Result:
        """Run the solver and keep its record; an interrupted run is returned but not kept, so that it runs again."""
        try:
            result = make_solver(self.solver).solve(
                self.problem(), budget=self.budget, seed=self.seed, callback=callback
            )
        except SolverFailed as failure:
            result = failure.result
        if result.status.complete:
            result.save(self.path)
        return result

    def problem(self) -> Problem:
        """The cell's problem, its cost table out of the cache."""
        return self.sources.problem(self.task)

    def finished(self, problem: Problem) -> Result | None:
        """The record of this very cell where it is already there, else None."""
        try:
            result = Result.load(self.path)
        except (FileNotFoundError, RecordError):
            return None
        solver = make_solver(self.solver)
        same = (
            result.problem_fingerprint == problem.fingerprint()
            and result.solver == solver.name
            and result.settings == json_settings(solver)
            and result.software == software_versions(solver)
            and result.budget == self.budget
            and result.seed == self.seed
            and result.status.complete
        )
        return result if same else None
