"""The cells of a comparison: which solver runs on which task with which seed, and where its record stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dance_env.from_file import is_in_toml, names_a_file
from dance_env.problem import Problem
from solvers.catalog import load_solver, solver_names
from solvers.comparison.settings import Settings
from solvers.comparison.sources import Sources
from solvers.comparison.spec import Contestant, SolverSpec
from solvers.contract.allowance import Allowance
from solvers.contract.budget import Budget
from solvers.contract.preparing import Prepares
from solvers.contract.record.file import record_path

DEFAULT_SOLVERS = (
    "dance", "dance-refined", "dance-exact", "network-evolution", "evolution", "ppo", "random", "exhaustive",
)  # fmt: skip
"""What is compared if no solver is named; those that a task does not suit are left out."""


@dataclass(frozen=True, eq=False)
class Cell:
    """One run of a comparison.

    Attributes:
        task: The task's name in tables.
        problem: The name to make its problem by, or the problem.
        contestant: Whose run it is.
        seed: The run's seed.
        budget: The most that it may spend.
        sources: What the task takes its accuracies from.
        path: The file of its record.
    """

    task: str
    problem: str | Problem
    contestant: Contestant
    seed: int
    budget: Budget
    sources: Sources
    path: Path

    @property
    def label(self) -> str:
        """The solver's label."""
        return self.contestant.label

    def __str__(self) -> str:
        return f"{self.label} on {self.task}, seed {self.seed}"


@dataclass(frozen=True, eq=False)
class Plan:
    """What a comparison runs.

    Attributes:
        cells: Task by task, solver by solver as given, seed by seed.
        left_out: Why solvers are not among them on some task, a sentence each.
    """

    cells: tuple[Cell, ...]
    left_out: tuple[str, ...] = ()


def plan(settings: Settings, problems: Mapping[str, Problem]) -> Plan:
    """Return the cells of a comparison.

    Args:
        settings: What is compared.
        problems: The problem of each task, by the task's name in tables, in the order of `settings.task_list`.

    Raises:
        ValueError: If a solver is unknown or cannot be made, two have one label, or none that was named suits any task.
    """
    cells: list[Cell] = []
    left_out: list[str] = []
    fresh = settings.fresh_evaluators
    named = None
    if settings.specs is not None:
        named = _labeled(Contestant.of(spec, fresh_evaluator=fresh) for spec in settings.specs)
    sources, budget = settings.sources.resolved(), Budget.of(settings.budget)
    for given, (task, problem) in zip(settings.task_list, problems.items(), strict=True):
        Allowance(budget, problem)  # refuses a budget that does not suit a problem, before any run
        if named is None:
            contestants, reasons = default_contestants(problem, fresh_evaluators=fresh, prepared=settings.is_usual)
            left_out.extend(reason for reason in reasons if reason not in left_out)
        else:
            why = {each.label: each.solver.unsuitable(problem) for each in named}
            contestants = [each for each in named if not why[each.label]]
            left_out.extend(filter(None, why.values()))
        for contestant in contestants:
            seeds = settings.seeds[:1] if contestant.solver.capabilities.deterministic else settings.seeds
            cells.extend(
                Cell(
                    task=task,
                    problem=_resolved(given),
                    contestant=contestant,
                    seed=seed,
                    budget=budget,
                    sources=sources,
                    path=record_path(
                        settings.out.resolve() / "records",
                        task=given if isinstance(given, str) else given.name,
                        solver=contestant.label,
                        settings=contestant.settings_digest,
                        budget=budget,
                        seed=seed,
                    ),
                )
                for seed in seeds
            )
    if not cells and left_out:
        raise ValueError("; ".join(left_out))
    return Plan(tuple(cells), tuple(left_out))


def default_contestants(
    problem: Problem, *, fresh_evaluators: bool = False, prepared: bool = False
) -> tuple[list[Contestant], list[str]]:
    """Return the default solvers that suit a problem, and a sentence on each that does not.

    Args:
        problem: The problem.
        fresh_evaluators: Whether solvers with a learned evaluator train one for each seed.
        prepared: Whether solvers that have to train for minutes before their first run are left out.
    """
    contestants, left_out = [], []
    for name in DEFAULT_SOLVERS:
        if name not in solver_names():
            continue
        if reason := load_solver(name).why_not(problem):
            left_out.append(reason)
            continue
        contestant = Contestant.of(SolverSpec(name), fresh_evaluator=fresh_evaluators)
        if prepared and isinstance(contestant.solver, Prepares) and (reason := contestant.solver.unprepared(problem)):
            left_out.append(f"{reason}; name it to have it compared all the same (TASK --solver SOLVER)")
        else:
            contestants.append(contestant)
    return contestants, left_out


def _labeled(contestants: Iterable[Contestant]) -> list[Contestant]:
    by_label: dict[str, Contestant] = {}
    for contestant in contestants:
        if contestant.label in by_label:
            other = by_label[contestant.label].spec
            raise ValueError(
                f"{contestant.spec.name!r} and {other.name!r} are both called {contestant.label!r} here; give one of "
                "them another label: SolverSpec(name, settings, label) in Python, `label` in a TOML file"
            )
        by_label[contestant.label] = contestant
    return list(by_label.values())


def _resolved(task: str | Problem) -> str | Problem:
    """A task that holds in any working folder."""
    if isinstance(task, str) and names_a_file(task):
        file, ending, name = task.rpartition(".toml" if is_in_toml(task) else ".py")
        return f"{Path(file + ending).resolve()}{name}"
    return task
