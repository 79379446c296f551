"""From a task's file to a problem."""

from __future__ import annotations

import hashlib
import os
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

from dance_env.problem import Problem
from dance_env.progress import Progress
from dance_env.suggest import nearest
from dance_env.tasks.description.accuracy import described_accuracy
from dance_env.tasks.description.decoding import decode
from dance_env.tasks.description.folder import TaskFolder
from dance_env.tasks.description.hardware import described_accelerators, described_cost_model, described_technology
from dance_env.tasks.description.lines import line_numbers
from dance_env.tasks.description.networks import described_networks
from dance_env.tasks.description.objectives import described_objective, with_variant
from dance_env.tasks.description.place import Place, TaskFileError
from dance_env.tasks.description.schema import ObjectiveTable, TaskDescription

_LARGEST_BYTES = 10_000_000
_LONGEST_NAME = 100


def problem_of_file(
    name: str, *, cache_dir: str | os.PathLike[str] | None = None, progress: Progress | bool | None = None
) -> Problem:
    """Return the problem that a TOML file describes.

    Args:
        name: `path/to/task.toml`, or `path/to/task.toml:variant`.
        cache_dir, progress: As of `Problem.build`.

    Raises:
        FileNotFoundError: If there is no such file.
        TaskFileError: If the file says something wrong; the message names the line and the key.
        UserFileError: If a Python file that it names cannot be run.
        ImportError: If a table needs a package that is not installed.
    """
    source = _read(name)
    folder, place = source.folder, source.place
    task, objective_table = _decoded(source.content, source.variant, place)
    objective_place = place / "objective" if source.variant is None else place / "variants" / source.variant
    networks = described_networks(task, folder, place)
    accelerators = described_accelerators(task.accelerator, place / "accelerator")
    technology = described_technology(task.technology, place / "technology")
    model = described_cost_model(task.cost, technology, task.technology, folder, place)
    objective = described_objective(objective_table, folder, objective_place)
    judged = described_accuracy(task, networks, folder, place)
    with place.blamed():
        problem = Problem.build(
            task.name if source.variant is None else f"{task.name}/{source.variant}",
            network_space=networks,
            accelerator_space=accelerators,
            accuracy=judged.accuracy,
            objective=objective,
            cost_model=model,
            training_time=judged.training_time,
            supernet_trainings=task.supernet_trainings,
            cache_dir=cache_dir,
            progress=progress,
        )
    return replace(problem, files=folder.digests)


@dataclass(frozen=True)
class _Source:
    """A task's file, as it was read."""

    content: dict
    folder: TaskFolder
    place: Place
    variant: str | None


def _decoded(content: dict, variant: str | None, place: Place) -> tuple[TaskDescription, ObjectiveTable]:
    """Return the content as dataclasses, and the objective of a variant; all variants are checked."""
    task = decode(TaskDescription, content, place)
    if not task.name.strip() or not task.name.isprintable() or len(task.name) > _LONGEST_NAME:
        raise (place / "name").error(
            f"expected a name of 1 to {_LONGEST_NAME} characters on one line, got {task.name!r:.60}"
        )
    objectives = {None: task.objective} | {
        name: decode(ObjectiveTable, with_variant(content, name, place), place / "variants" / name)
        for name in task.variants
    }
    if variant not in objectives:
        known = nearest(variant, task.variants) if task.variants else "The file has no [variants.NAME]."
        raise place.error(f"there is no variant {variant!r}. {known}")
    return task, objectives[variant]


def _read(name: str) -> _Source:
    file, _, variant = name.partition(".toml:") if ".toml:" in name else (name.removesuffix(".toml"), "", "")
    shown = Path(f"{file}.toml")
    if not shown.is_file():
        raise FileNotFoundError(f"there is no file {shown} to read the task {name!r} from")
    if shown.stat().st_size > _LARGEST_BYTES:
        raise TaskFileError(f"{shown} has more than {_LARGEST_BYTES:,} bytes, too many for a task's description")
    data = shown.read_bytes()
    try:
        text = data.decode("utf-8-sig")
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also a number of too many digits, which is no TOMLDecodeError
        raise TaskFileError(f"{shown} is no TOML file: {error or 'it is nested too deeply'}") from error
    place = Place(str(shown), (), line_numbers(text))
    resolved = shown.resolve()
    digests = {shown.name: hashlib.sha256(data).hexdigest()}
    return _Source(content, TaskFolder(resolved.parent, shown.parent, digests), place, variant or None)
