"""The problems that claims are tested on: the named tasks, and the spaces for which only costs are known."""

from __future__ import annotations

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
        return make_problem(name, accuracy_table=scale.accuracy_table, progress=tell)
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


def knows_accuracy(problem: Problem) -> bool:
    """Whether designs of the problem can be evaluated, or only their costs looked up."""
    return problem.accuracy is not None
