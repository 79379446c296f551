"""From a task's name to a problem."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from pathlib import Path

from dance_env.accuracy import AccuracyModel, TrainedLater
from dance_env.cost import Technology, get_technology
from dance_env.from_file import is_in_file, load_from_file, naming_the_line
from dance_env.problem import Problem
from dance_env.progress import Progress
from dance_env.tasks.accuracies import UNTRAINED, is_measured, shipped_accuracy, supernet_accuracy
from dance_env.tasks.catalog import DEFAULT_TASK, Task, get_task


def make_problem(
    name: str = DEFAULT_TASK,
    *,
    accuracy_table: str | Path | None = None,
    supernet: str | os.PathLike[str] | None = None,
    images: str | os.PathLike[str] | None = None,
    device: str = "cpu",
    technology: Technology | str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: Progress | bool | None = None,
) -> Problem:
    """Build a named problem.

    Args:
        name: out of `task_names()`, or a network's name; or `path/to/file.py:function` for a problem of your own: what
            the function, called without arguments, returns (the file is run: give only files you trust).
        accuracy_table: for macro-cifar10 and tiny: NAS-Bench-Macro's JSON file, or "download"; without it, the file
            that the environment variable DANCE_NAS_BENCH_MACRO names; without that, the surrogate that ships. With a
            table the problem's name says "measured accuracies".
        supernet: for the tasks of images (`task_names(needs_supernet=True)`): the file of a trained supernet; without
            it, the one that the environment variable DANCE_SUPERNET names. `dance supernet` trains one. "untrained"
            gives a problem that only a solver can work on that trains a supernet itself (dance); its name says so.
        images: where those tasks' images are: a local folder, or another name on the hub; None for the usual ones.
        device: where a supernet runs: "cpu", "cuda".
        technology: instead of the task's own, a value or a name out of `dance_env.cost.TECHNOLOGIES`; the problem's name
            then says so.
        cache_dir: folder of the cache of cost tables and of a supernet's accuracies; None for the default.
        progress: of the cost table's first build: True for a bar, or a function called with (layers done, in all).
            With True, a supernet that judges many networks at once shows a bar as well.

    Raises:
        ValueError: If the name is unknown, a file is damaged or of another task, the task does not take an argument, or
            there is no supernet where the task needs one.
        UserFileError: If a problem's file cannot be run, or its function fails (see `dance_env.from_file`).
        FileNotFoundError: If there is no such file.
        ImportError: If a package of the extra "images" is missing.
    """
    if is_in_file(name):
        given = {"accuracy_table": accuracy_table, "supernet": supernet, "images": images, "technology": technology}
        return _own_problem(name, given)
    task = get_task(name)
    if isinstance(technology, str):
        technology = get_technology(technology)
    _check_arguments(task, accuracy_table=accuracy_table, supernet=supernet, images=images)
    accuracy: AccuracyModel  # first: a wrong file is told before the cost table is built
    if task.needs_supernet:
        accuracy = supernet_accuracy(
            task, supernet, images=images, device=device, cache_dir=cache_dir, progress=progress is True
        )
    else:
        accuracy = shipped_accuracy(task, accuracy_table)
    notes = []  # what differs from the task as it ships
    if technology is not None and technology != task.variant.technology:
        notes.append(technology.name)
    if isinstance(accuracy, TrainedLater):
        notes.append(UNTRAINED)
    if task.network in ("macro-cifar10", "tiny") and is_measured(accuracy_table):
        notes.append("measured accuracies")
    return Problem.build(
        f"{task.name} ({', '.join(notes)})" if notes else task.name,
        network_space=task.network_space,
        accelerator_space=task.accelerator_space,
        accuracy=accuracy,
        objective=task.variant.objective,
        cost_model=task.cost_model(technology),
        cache_dir=cache_dir,
        progress=progress,
    )


def _own_problem(name: str, given: Mapping[str, object]) -> Problem:
    """Return what a function in a user's file returns."""
    for argument, value in given.items():
        if value is not None:
            raise ValueError(f"the problem {name!r} does not take {argument}: its function decides")
    make = load_from_file(name, what="problem", example="function", fits=inspect.isfunction)
    with naming_the_line(name, what="problem"):
        problem = make() if callable(make) and not isinstance(make, Problem) else make
    if not isinstance(problem, Problem):
        raise ValueError(f"{name} gives {type(problem).__name__}, not a dance_env.Problem; see Problem.build")
    return problem


def _check_arguments(task: Task, **given: object) -> None:
    """Refuse a file that the task would not look at: whoever names one expects it to be used."""
    useless = ("accuracy_table",) if task.needs_supernet else ("supernet", "images")
    why = "a trained supernet (supernet=...)" if task.needs_supernet else "a table that ships (or accuracy_table=...)"
    for argument in useless:
        if given[argument] is not None:
            raise ValueError(f"the task {task.name!r} does not take {argument}: its accuracies come from {why}")
