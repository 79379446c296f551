"""One run of a comparison, and all of them together."""

from __future__ import annotations

from dataclasses import dataclass

from dance_env.problem import Problem
from solvers.comparison.reference import Reference
from solvers.comparison.settings import Settings
from solvers.comparison.trials import Tuning
from solvers.contract.result import Result


@dataclass(frozen=True, eq=False)
class Run:
    """A result, and what it is called in its comparison.

    Attributes:
        task: The task.
        label: The solver's label.
        settings_digest: The digest of the solver's settings.
        result: The result; where evaluations are noisy, judged without noise (`solvers.comparison.judging`).
    """

    task: str
    label: str
    settings_digest: str
    result: Result


@dataclass(frozen=True, eq=False)
class TaskRuns:
    """The runs of a comparison on one task.

    Attributes:
        task: The task.
        problem: Its problem, without noise.
        reference: What objectives are measured from: the exact optimum, or the best known.
        runs: Solver by solver as given, seed by seed.
    """

    task: str
    problem: Problem
    reference: Reference
    runs: tuple[Run, ...]

    @property
    def results(self) -> tuple[Result, ...]:
        """The result of each run."""
        return tuple(run.result for run in self.runs)

    def by_solver(self) -> dict[str, list[Result]]:
        """Return the results of each solver, by label in the order of the runs."""
        groups: dict[str, list[Result]] = {}
        for run in self.runs:
            groups.setdefault(run.label, []).append(run.result)
        return groups


@dataclass(frozen=True, eq=False)
class Comparison:
    """What came out of a comparison.

    Attributes:
        settings: What was compared.
        tasks: The runs on each task, in the order given.
        left_out: Why solvers were not compared on some task, a sentence each.
        tunings: How settings of its solvers were chosen; empty where none were tuned.
    """

    settings: Settings
    tasks: tuple[TaskRuns, ...]
    left_out: tuple[str, ...] = ()
    tunings: tuple[Tuning, ...] = ()

    @property
    def runs(self) -> tuple[Run, ...]:
        """Every run, task by task."""
        return tuple(run for task in self.tasks for run in task.runs)

    @property
    def results(self) -> tuple[Result, ...]:
        """The result of each run."""
        return tuple(run.result for run in self.runs)
