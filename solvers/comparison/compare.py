"""One comparison: every solver, every seed, one task; each cell a record on disk, so that a stopped run resumes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dance_env.analysis.exact import MAX_DESIGNS, optimum
from dance_env.problem import Problem
from dance_env.tasks import get_task, task_names
from solvers.catalog import make_solver
from solvers.comparison.cell import Cell, Sources
from solvers.comparison.workers import OnProgress, run_cells
from solvers.contract.record.file import record_path
from solvers.contract.result import Result, Status
from solvers.contract.solver import Solver
from solvers.contract.suits import check_suits
from solvers.report.reference import Reference

DEFAULT_TASK = "macro-cifar10/balanced"
DEFAULT_SOLVERS = ("dance", "ppo", "evolution", "random", "exhaustive")
IMAGE_SOLVERS = ("evolution", "nsga2", "ppo", "random")
"""Those that suit a task whose accuracies a supernet tells: neither gradients nor every design can be asked for."""

DEFAULT_SEEDS = 3
DEFAULT_BUDGET = 4000


def default_solvers(task: str) -> tuple[str, ...]:
    """Who fights on a task if nobody is named."""
    judged_by_supernet = any(task in (name, get_task(name).network) for name in task_names(needs_supernet=True))
    return IMAGE_SOLVERS if judged_by_supernet else DEFAULT_SOLVERS


@dataclass(frozen=True)
class Settings:
    """What is compared.

    Attributes:
        task: name of the task.
        solvers: names of solvers, or `path/to/file.py:Class`.
        seeds: the seeds that every solver runs with; a solver that draws no random number runs with the first only.
        budget: the most evaluations plus gradient queries of one run.
        out: folder for the records, the table and the plots.
        sources: what the task takes its accuracies from, besides what ships.
        workers: processes that run cells side by side.
    """

    task: str = DEFAULT_TASK
    solvers: tuple[str, ...] = DEFAULT_SOLVERS
    seeds: tuple[int, ...] = tuple(range(DEFAULT_SEEDS))
    budget: int = DEFAULT_BUDGET
    out: Path = Path("runs/compare")
    sources: Sources = field(default_factory=Sources)
    workers: int = field(default_factory=lambda: min(2, os.cpu_count() or 1))

    def __post_init__(self) -> None:
        if not self.solvers:
            raise ValueError("there is nothing to compare: give at least one solver")
        for what, values in (("solver", self.solvers), ("seed", self.seeds)):
            twice = sorted({str(each) for each in values if values.count(each) > 1})
            if twice:
                raise ValueError(f"each {what} runs once, but {', '.join(twice)} is named twice")
        if not self.seeds or min(self.seeds) < 0:
            raise ValueError(f"give at least one seed, none of them negative, not {self.seeds}")
        if self.budget < 1:
            raise ValueError(f"the budget is at least 1, not {self.budget}")
        if self.workers < 1:
            raise ValueError(f"at least one worker is needed, not {self.workers}")


@dataclass(frozen=True, eq=False)
class Comparison:
    """What came out: one result per cell, and what they are measured from."""

    settings: Settings
    problem: Problem
    reference: Reference
    results: tuple[Result, ...]

    @property
    def optimum(self) -> float:
        """The objective that solvers are measured from: the exact optimum's, or the best known."""
        return self.reference.objective

    def by_solver(self) -> dict[str, list[Result]]:
        """The results of each solver, in the order of the cells."""
        groups: dict[str, list[Result]] = {}
        for result in self.results:
            groups.setdefault(result.solver, []).append(result)
        return groups


def plan(settings: Settings) -> list[Cell]:
    """The cells of a comparison; the longest first, so that two workers end together.

    Raises:
        ValueError: an unknown solver, or two solvers that call themselves alike.
    """
    named: dict[str, str] = {}
    cells: list[Cell] = []
    for spec in settings.solvers:
        solver = make_solver(spec)
        if solver.name in named:
            raise ValueError(f"{spec!r} and {named[solver.name]!r} are both named {solver.name!r}; rename one of them")
        named[solver.name] = spec
        cells.extend(
            Cell(
                task=settings.task,
                solver=spec,
                seed=seed,
                budget=settings.budget,
                path=record_path(settings.out / "records", task=settings.task, solver=solver.name, seed=seed),
                sources=settings.sources,
            )
            for seed in _seeds(solver, settings.seeds)
        )
    return cells


def _seeds(solver: Solver, seeds: Sequence[int]) -> Sequence[int]:
    """A solver that declares itself deterministic runs once."""
    return seeds[:1] if solver.deterministic else seeds


def compare(
    settings: Settings,
    *,
    on_cell: Callable[[Cell, Result], object] | None = None,
    on_progress: OnProgress | None = None,
    table_progress: Callable[[int, int], None] | None = None,
    optimum_progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Run what is not yet on record, and gather everything.

    Args:
        settings: what is compared.
        on_cell: told every finished cell, those found on record first.
        on_progress: told how far each running cell is.
        table_progress: told (layers done, layers in all) where the task's cost table has to be built first.
        optimum_progress: told (networks done, networks in all) where the exact optimum has to be found first.

    Raises:
        OSError: the output folder cannot be written.
        ValueError: an unknown task or solver (the nearest names are offered), a solver that the task does not suit, a
            supernet that is missing or another task's.
        KeyboardInterrupt: interrupted; finished cells are on record, and the same call goes on from there.
    """
    cells = plan(settings)
    check_writable(settings.out)
    problem = settings.sources.problem(settings.task, progress=table_progress)
    for spec in settings.solvers:
        check_suits(make_solver(spec), problem)
    exact = None
    if problem.space.size <= MAX_DESIGNS:
        exact = Reference.of(optimum(problem, progress=optimum_progress))
    results = {cell: result for cell in cells if (result := cell.finished(problem)) is not None}
    for cell, result in results.items():
        _tell(on_cell, cell, result)
    # Seed by seed, so that what a solver prepares in its first run (an evaluator) is there when its second one starts.
    missing = sorted((cell for cell in cells if cell not in results), key=lambda cell: settings.seeds.index(cell.seed))
    for cell, result in run_cells(missing, workers=settings.workers, on_progress=on_progress):
        results[cell] = result
        _tell(on_cell, cell, result)
        if result.status is Status.INTERRUPTED:
            raise KeyboardInterrupt
    ordered = tuple(results[cell] for cell in cells)
    return Comparison(settings, problem, exact or Reference.best_known(ordered), ordered)


def _tell(on_cell: Callable[[Cell, Result], object] | None, cell: Cell, result: Result) -> None:
    if on_cell is not None:
        on_cell(cell, result)


def check_writable(folder: Path) -> None:
    """Find out before the work, not after it, whether `folder` can be written.

    Raises:
        OSError: it cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(
            error.errno, f"cannot write into the output folder {folder}: {error.strerror}; give another one"
        ) from error
