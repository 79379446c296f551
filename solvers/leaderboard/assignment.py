"""What was asked for: the task, the budget and the seeds that count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from dance_env.perturbations import split_task
from dance_env.problem import Problem
from dance_env.tasks import task_names
from solvers.comparison.sources import Sources
from solvers.contract.budget import Budget
from solvers.contract.result import Result
from solvers.leaderboard.submission import Submission

Value = TypeVar("Value", bound=Hashable)


@dataclass(frozen=True, eq=False)
class Assignment:
    """What every run of the leaderboard has in common.

    Attributes:
        problem: The task's problem, made here and never from what a submission says.
        budget: What each run might spend.
        seeds: The seeds that a solver needs a run of; others are passed over.
    """

    problem: Problem
    budget: Budget
    seeds: tuple[int, ...]

    @classmethod
    def of(
        cls,
        submissions: Sequence[Submission],
        *,
        task: str | Problem | None = None,
        budget: str | int | Budget | None = None,
        seeds: Sequence[int] | None = None,
        sources: Sources | None = None,
    ) -> Assignment:
        """Return what the caller says, and of the rest what most submissions have.

        Args:
            submissions: Those that were handed in.
            task: A task's name, a file's task or a problem; None for the catalog's task that most have.
            budget: As `dance compare` takes it; None for the one that most have.
            seeds: None for the set that most have.
            sources: What the task takes its accuracies from.

        Raises:
            ValueError: If no submission has a task of the catalog, two are equally frequent, or what is given is wrong.
        """
        readable = [[r.result for r in each.records if r.result is not None] for each in submissions]
        if task is None:
            known = [[result for result in results if _in_catalog(result.task)] for results in readable]
            task = _most("task", ({result.task for result in results} for results in known), "--task")
        problem = (sources or Sources()).problem(task)
        of_task = [[result for result in results if result.task == problem.name] for results in readable]
        if budget is None:
            budget = _most("budget", ({result.budget for result in results} for results in of_task), "--budget")
        budget = Budget.of(budget)
        if seeds is None:
            counted = ({_seeds_of(results, budget)} - {()} for results in of_task)
            seeds = _most("set of seeds", counted, "--seeds")
        if not seeds or min(seeds) < 0 or len(set(seeds)) != len(seeds):
            raise ValueError(f"give at least one seed, none negative and none twice; got {list(seeds)}")
        return cls(problem, budget, tuple(sorted(seeds)))


def _seeds_of(results: Iterable[Result], budget: Budget) -> tuple[int, ...]:
    """The seeds of a submission; those of deterministic solvers say nothing."""
    return tuple(sorted({r.seed for r in results if r.budget == budget and not r.deterministic}))


def _in_catalog(task: str) -> bool:
    """Whether a record's task is one of the catalog's: the only ones that are made by what a submission says."""
    try:
        name, _ = split_task(task)
    except ValueError:
        return False
    return name in task_names(needs_supernet=False)


def _most(what: str, votes: Iterable[Iterable[Value]], option: str) -> Value:
    """What most submissions have, one vote each."""
    counts = Counter(value for each in votes for value in each)
    ranked = counts.most_common(2)
    if not ranked:
        raise ValueError(f"no submission has a {what} that can be told; give it with {option}")
    if len(ranked) == 2 and ranked[0][1] == ranked[1][1]:
        both = " and ".join(str(value) for value, _ in ranked)
        raise ValueError(f"as many submissions have the {what} {both}; say which one counts with {option}")
    return ranked[0][0]
