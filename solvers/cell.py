"""One cell of a comparison: a solver with a seed on a task, and its record on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from solvers.catalog import make_solver
from solvers.progress import Callback
from solvers.record.file import RecordError
from solvers.result import Result, json_settings
from solvers.solver import SolverFailed

if TYPE_CHECKING:
    from dance_env.problem import Problem


@dataclass(frozen=True)
class Cell:
    """One run of the comparison: a solver with a seed."""

    task: str
    solver: str
    seed: int
    budget: int
    path: Path
    accuracy_table: Path | None = None

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
        from dance_env.tasks import make_problem

        return make_problem(self.task, accuracy_table=self.accuracy_table)

    def finished(self, problem: Problem) -> Result | None:
        """The record of this very cell where it is already there, else None."""
        try:
            result = Result.load(self.path)
        except (FileNotFoundError, RecordError):
            return None
        same = (
            result.problem_fingerprint == problem.fingerprint()
            and result.settings == json_settings(make_solver(self.solver))
            and result.budget == self.budget
            and result.seed == self.seed
            and result.status.complete
        )
        return result if same else None
