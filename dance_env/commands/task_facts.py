"""What `dance tasks` says of a task: from its description where it is in the catalog, else from its problem."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from dance_env.analysis.exact import MAX_DESIGNS
from dance_env.analysis.optimum.records import shipped_record, shipped_records
from dance_env.graph import NetworkSpace
from dance_env.objective import Objective
from dance_env.perturbations import Perturbation, split_task
from dance_env.problem import Problem
from dance_env.space import AcceleratorSpace
from dance_env.tasks import TASKS, Task, get_task, is_made_by_user, make_problem
from dance_env.tasks.plug_ins import origin, plug_in_tasks

ENUMERATED, PROVED, UNKNOWN = "enumerated", "proved", "not known"


def every_task() -> list[dict[str, Any]]:
    """Return the facts of every task, without its choices; those of plug-ins, which are not imported, have a name only."""
    ours = [{name: value for name, value in _of_task(task).items() if name != "choices"} for task in TASKS.values()]
    unknown: dict[str, Any] = {**dict.fromkeys(ours[0]), "optimum": UNKNOWN, "needs_supernet": False}
    return [
        *ours,
        *(unknown | {"name": name, "objective": f"what {origin(each)} says"} for name, each in plug_in_tasks().items()),
    ]


def facts_of(name: str) -> dict[str, Any]:
    """Return everything about one task.

    Args:
        name: As for `make_problem`. The problem is built only where the name is not one of the catalog's.

    Raises:
        ValueError: If there is no such task.
        OSError, ImportError: If its file cannot be read or run.
    """
    plain, modifiers = split_task(name)
    Perturbation.parse(modifiers)  # refuses what there is not
    facts = _of_problem(make_problem(plain)) if is_made_by_user(plain) else _of_task(get_task(plain))
    return {**facts, "perturbations": modifiers}


def _of_task(task: Task) -> dict[str, Any]:
    objective = task.variant.objective
    networks, accelerators = task.network_space, task.accelerator_space
    return {
        "name": task.name,
        **_sizes(networks, accelerators),
        "network_space": task.network,
        "needs_supernet": task.needs_supernet,
        "needs_accuracy_table": task.needs_table,
        "objective": str(objective),
        "limits": _limits(objective),
        "workloads": list(task.variant.phases),
        "technology": task.variant.technology.name,
        "accuracies": task.family.source,
        "training_times": task.family.training_times,
        "optimum": _optimum_of_task(task),
        "choices": _choices(networks, accelerators),
    }


def _of_problem(problem: Problem) -> dict[str, Any]:
    networks, accelerators = problem.network_space, problem.accelerator_space
    if problem.space.size <= MAX_DESIGNS and problem.accuracy is not None:
        optimum = ENUMERATED
    else:
        optimum = UNKNOWN if shipped_record(problem) is None else PROVED
    return {
        "name": problem.name,
        **_sizes(networks, accelerators),
        "network_space": type(networks).__name__,
        "needs_supernet": False,
        "needs_accuracy_table": False,
        "objective": problem.objective.describe(problem.error_name),
        "limits": _limits(problem.objective),
        "workloads": [each.name for each in problem.workloads],
        "technology": _technology(problem),
        "accuracies": "none" if problem.accuracy is None else type(problem.accuracy).__name__,
        "training_times": "known" if problem.is_timed else "not known",
        "optimum": optimum,
        "choices": _choices(networks, accelerators),
    }


def _technology(problem: Problem) -> str:
    """Return the name of the technology; where the cost model has none that is known, the cost model's."""
    model = problem.cost_model
    if model is None:
        return UNKNOWN
    return str(getattr(getattr(model, "technology", None), "name", f"that of {type(model).__name__}"))


def _sizes(networks: NetworkSpace, accelerators: AcceleratorSpace) -> dict[str, int]:
    sizes = {"networks": networks.size, "accelerators": accelerators.size}
    return sizes | {"designs": networks.size * accelerators.size}


def _limits(objective: Objective) -> list[str]:
    return [str(limit) for limit in objective.constraints]


def _choices(networks: NetworkSpace, accelerators: AcceleratorSpace) -> list[dict[str, Any]]:
    groups: Iterable[tuple[str, Any]] = (("network", networks.choices()), ("accelerator", accelerators.choices()))
    return [
        {"name": choice.name, "of": part, "options": list(choice.options)}
        for part, choices in groups
        for choice in choices
    ]


def _optimum_of_task(task: Task) -> str:
    """How the optimum is known; that of a noisy task is that of its expected accuracies."""
    if task.needs_supernet:
        return UNKNOWN
    if task.network_space.size * task.accelerator_space.size <= MAX_DESIGNS:
        return ENUMERATED
    proved = {f"{path.parent.name}/{path.stem}" for path in shipped_records()}
    quiet = replace(task.variant, noise_seed=None)
    same = [name for name, other in TASKS.items() if other.network == task.network and other.variant == quiet]
    return PROVED if "@" not in task.name and proved & {task.name, *same} else UNKNOWN
