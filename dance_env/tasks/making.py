"""From a task's name to a problem."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from pathlib import Path

from dance_env.cost import Technology, get_technology
from dance_env.from_file import is_in_file, is_in_toml, load_from_file, naming_the_line
from dance_env.perturbations import Perturbation, perturbed, split_task
from dance_env.problem import Problem
from dance_env.progress import Progress
from dance_env.tasks.catalog import DEFAULT_TASK, TASKS, get_task
from dance_env.tasks.description import TaskFileError, problem_of_file
from dance_env.tasks.family import SOURCE_ARGUMENTS, Sources, Task
from dance_env.tasks.plug_ins import is_made_by_user, plug_in_problem


def make_problem(
    name: str = DEFAULT_TASK,
    *,
    accuracy_table: str | Path | None = None,
    supernet: str | os.PathLike[str] | None = None,
    images: str | os.PathLike[str] | None = None,
    fidelity: str | None = None,
    noise_seed: int | None = None,
    device: str = "cpu",
    technology: Technology | str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: Progress | bool | None = None,
) -> Problem:
    """Build a named problem.

    Args:
        name: out of `task_names()`, or a network's name, with `@dance-buffers` for accelerators that choose their memory
            as well; or `path/to/file.py:function` for a problem of your own: what the function, called without arguments,
            returns (the file is run: give only files you trust); or `path/to/task.toml`, a task described in a file
            (docs/own_task.md), with `:variant` for one of its variants; or the name of an installed plug-in's. Behind a colon
            may stand perturbations, `tiny/edap:permuted=1,dropped=0.1` (`dance_env.perturbations.Perturbation`).
        accuracy_table: for macro-cifar10 and tiny: NAS-Bench-Macro's JSON file, or "download"; without it, the file
            that the environment variable DANCE_NAS_BENCH_MACRO names; without that, the surrogate that ships. With a
            table the problem's name says "measured accuracies". For nb201-cifar10: a table of its accuracies, needed.
        supernet: for the tasks of images (`task_names(needs_supernet=True)`): the file of a trained supernet; without
            it, the one that the environment variable DANCE_SUPERNET names. `dance supernet` trains one. "untrained"
            gives a problem that only a solver can work on that trains a supernet itself (dance); its name says so.
        images: where those tasks' images are: a local folder, or another name on the hub; None for the usual ones.
        fidelity: for accel-nasbench: the training schedule, "proxy" (as it ships) or "longer".
        noise_seed: for accel-nasbench: an evaluation answers the accuracy of one training of the network, drawn with this
            seed, instead of the expected one.
        device: where a supernet runs: "cpu", "cuda".
        technology: instead of the task's own, a value or a name out of `dance_env.cost.TECHNOLOGIES`; the problem's name
            then says so.
        cache_dir: folder of the cache of cost tables and of a supernet's accuracies; None for the default.
        progress: of the cost table's first build: True for a bar, or a function called with (layers done, in all).
            With True, a supernet that judges many networks at once shows a bar as well.

    Raises:
        ValueError: If the name or a perturbation is unknown or does not suit the task, a file is damaged or of another
            task, the task does not take an argument, or there is no supernet where the task needs one.
        TaskFileError: If a TOML file says something wrong (a ValueError; it names the line and the key).
        UserFileError: If a problem's file cannot be run, or its function fails (see `dance_env.from_file`).
        FileNotFoundError: If there is no such file.
        ImportError: If a package of the extra "images" is missing.
    """
    name, modifiers = split_task(name)
    perturbation = Perturbation.parse(modifiers)  # first: a wrong one is told before anything is loaded
    sources = Sources(
        accuracy_table=accuracy_table,
        supernet=supernet,
        images=images,
        fidelity=fidelity,
        noise_seed=noise_seed,
        device=device,
        cache_dir=cache_dir,
        progress=progress,
    )
    if is_made_by_user(name):
        _check_own(name, {**_accuracy_arguments(sources), "technology": technology})
        own = problem_of_file(name, cache_dir=cache_dir, progress=progress) if is_in_toml(name) else _own_problem(name)
        if is_in_toml(name) and own.name in TASKS:
            raise TaskFileError(f"{name}: {own.name!r} is a task of the catalog; give the file another name")
        return perturbed(own, perturbation)
    task = get_task(name)
    if isinstance(technology, str):
        technology = get_technology(technology)
    _check_arguments(task, sources)
    loaded = task.family.load(task, sources)  # first: a wrong file is told before the cost table is built
    notes = list(loaded.notes)
    if technology is not None and technology != task.variant.technology:
        notes.insert(0, technology.name)
    problem = Problem.build(
        f"{task.name} ({', '.join(notes)})" if notes else task.name,
        network_space=task.network_space,
        accelerator_space=task.accelerator_space,
        accuracy=loaded.accuracy,
        objective=task.variant.objective,
        cost_model=task.cost_model(technology),
        training_time=loaded.training_time,
        cache_dir=cache_dir,
        progress=progress,
    )
    return perturbed(problem, perturbation)


def _check_own(name: str, given: Mapping[str, object]) -> None:
    """Refuse what a user's own file decides."""
    who = "its file" if is_in_toml(name) else "its function"
    for argument, value in given.items():
        if value is not None:
            raise ValueError(f"the problem {name!r} does not take {argument}: {who} decides")


def _own_problem(name: str) -> Problem:
    """Return what a function in a user's file, or of an installed distribution, returns."""
    if not is_in_file(name):
        return plug_in_problem(name)
    make = load_from_file(name, what="problem", example="function", fits=inspect.isfunction)
    with naming_the_line(name, what="problem"):
        problem = make() if callable(make) and not isinstance(make, Problem) else make
    if not isinstance(problem, Problem):
        raise ValueError(f"{name} gives {type(problem).__name__}, not a dance_env.Problem; see Problem.build")
    return problem


def _accuracy_arguments(sources: Sources) -> dict[str, object]:
    return {argument: getattr(sources, argument) for argument in SOURCE_ARGUMENTS}


def _check_arguments(task: Task, sources: Sources) -> None:
    """Refuse what the task would not look at: whoever names a file expects it to be used."""
    for argument, value in _accuracy_arguments(sources).items():
        if value is not None and argument not in task.family.takes:
            raise ValueError(
                f"the task {task.name!r} does not take {argument}: its accuracies come from {task.family.source}"
            )
