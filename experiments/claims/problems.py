"""The problems that claims are tested on: the named tasks, and the spaces for which only costs are known."""

from __future__ import annotations

from pathlib import Path

from dance_env.analysis.exact import MAX_DESIGNS, optimum
from dance_env.problem import Problem
from experiments.claims.scale import Scale
from experiments.claims.work import Work

COSTS_ONLY = ("dance-cifar10",)
"""Tasks whose networks nobody has trained a supernet for: claims about costs need none."""


def problem_of(name: str, scale: Scale, work: Work) -> Problem:
    """A task by name, or ("dance-cifar10") the paper's own space under EDAP, of which only costs can be asked.

    Raises:
        ValueError: an unknown name.
    """
    from dance_env.tasks import get_task, make_problem

    def tell(done: int, total: int) -> None:
        work.tell(f"cost table of {name}", done, total)

    if name not in COSTS_ONLY:
        return make_problem(name, accuracy_table=table_for(name, scale), progress=tell)
    task = get_task(name)
    return Problem.build(
        task.name,
        network_space=task.network_space,
        accelerator_space=task.accelerator_space,
        accuracy=None,
        objective=task.variant.objective,
        cost_model=task.cost_model(),
        progress=tell,
    )


def table_for(name: str, scale: Scale) -> Path | None:
    """NAS-Bench-Macro's table, where the scale has it and the task is one of its networks'."""
    return scale.accuracy_table if name.split("/", maxsplit=1)[0] in ("macro-cifar10", "tiny") else None


def by_name(problem: Problem, scale: Scale) -> Problem | str:
    """The name of the task that the problem is, or the problem where no name says all of it."""
    from dance_env.tasks import task_names

    return problem.name if scale.accuracy_table is None and problem.name in task_names() else problem


def least_objective(problem: Problem, work: Work) -> float:
    """The exact optimum's objective: by enumeration, from the proof that ships, or proved here.

    Raises:
        ValueError: the space cannot be enumerated, and the problem does not fit the proof.
    """
    if problem.space.size <= MAX_DESIGNS:
        return optimum(problem).objective
    from dance_env.analysis.optimum import prove, shipped_optimum

    return (shipped_optimum(problem) or prove(problem, workers=work.workers)).objective


def knows_accuracy(problem: Problem) -> bool:
    """Whether designs of the problem can be evaluated, or only their costs looked up."""
    return problem.accuracy is not None
