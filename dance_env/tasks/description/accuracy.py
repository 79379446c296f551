"""Accuracies that a task's file describes."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dance_env.accuracy import AccuracyModel, FactorAccuracy, TensorAccuracy, read_accuracy_table
from dance_env.accuracy.accuracy_table import Unit, fractions, network_ranks, numbers
from dance_env.accuracy.table_file import read_columns
from dance_env.graph import NetworkSpace
from dance_env.problem import MacsTrainingTime, TabulatedTrainingTime, TrainingTime
from dance_env.space import Choice, Factor, FactorSum
from dance_env.suggest import nearest
from dance_env.tasks.description.folder import TaskFolder
from dance_env.tasks.description.place import Place
from dance_env.tasks.description.schema import AccuracyTable, FactorTable, TaskDescription


@dataclass(frozen=True, eq=False)
class Judged:
    """Accuracies, and training times where they are known."""

    accuracy: AccuracyModel
    training_time: TrainingTime | None = None


def described_accuracy(task: TaskDescription, networks: NetworkSpace, folder: TaskFolder, place: Place) -> Judged:
    """Return the accuracies and training times of a task's networks.

    Args:
        task: The file's content.
        networks: Its networks.
        folder: Where its files lie.
        place: Of the whole file.

    Raises:
        TaskFileError: If a table lacks networks, has one twice, or holds something else than accuracies; and so on.
        UserFileError: If a Python file cannot be run.
    """
    table, here, times = task.accuracy, place / "accuracy", _macs_time(task, networks, place)
    if table.table is not None:
        path = folder.file(table.table, here / "table")
        with (here / "table").blamed():
            found = read_accuracy_table(path, networks.choices(), cells=table.cells, unit=table.unit)
            if found.training_gpu_hours is None:
                return Judged(found.accuracy(), times)
            if times is not None:
                raise (place / "training").error(
                    f"{table.table} has a column training_gpu_hours: leave this table or the column out"
                )
            return Judged(found.accuracy(), TabulatedTrainingTime(found.training_gpu_hours))
    if table.factors:
        return Judged(_factors(table, networks.choices(), folder, here), times)
    if table.constant is not None:
        with (here / "constant").blamed():
            value = np.array([_checked(table.constant, _unit(table))])
            counts = [len(choice) for choice in networks.choices()]
            nothing = Factor((0,), np.zeros((counts[0], 1)))  # with it, the relaxed view has a gradient, of zero
            return Judged(FactorAccuracy(FactorSum(counts, value, [nothing]), _error_name(table)), times)
    return Judged(_called(table, networks, folder, here), times)


def _macs_time(task: TaskDescription, networks: NetworkSpace, place: Place) -> TrainingTime | None:
    if task.training is None:
        return None
    with (place / "training").blamed():
        given = task.training
        return MacsTrainingTime(networks, given.images, given.epochs, given.peak_ops_per_s, given.utilization)


def _called(table: AccuracyTable, networks: NetworkSpace, folder: TaskFolder, place: Place) -> AccuracyModel:
    """Return what a Python file defines: a model, a class of models, or a function of networks (B, N)."""
    here = place / "callable"
    found = folder.code(str(table.callable), here, what="accuracy function")
    if inspect.isclass(found):
        with here.blamed():
            found = found()
    if isinstance(found, AccuracyModel):
        if table.unit not in (None, "accuracy"):
            raise (place / "unit").error(
                "a model answers fractions, and says itself what its error is called (NamedError)"
            )
        return found
    if not callable(found):
        raise here.error(
            f"{table.callable} is neither a function of networks (B, N) nor a model: a model has the methods "
            f"`evaluate` and `fingerprint`{_lacking(found)}"
        )
    unit = _unit(table)

    def accuracies(chosen: np.ndarray) -> Any:
        answer = found(chosen)
        return answer if unit == "accuracy" else fractions(np.asarray(answer), unit)

    with here.blamed():
        tensor = TensorAccuracy.from_function(networks.choices(), accuracies)
        return FactorAccuracy(tensor.factor_sum(), "perplexity") if unit == "perplexity" else tensor


def _lacking(found: object) -> str:
    """What of a model's two methods an object with one of them lacks, as the end of a sentence."""
    lacks = [each for each in ("evaluate", "fingerprint") if not callable(getattr(found, each, None))]
    return f"; `{lacks[0]}` is missing" if len(lacks) == 1 else ""


def _factors(table: AccuracyTable, choices: Sequence[Choice], folder: TaskFolder, place: Place) -> AccuracyModel:
    """Return an intercept plus tables over a few choices each."""
    unit = _unit(table)
    per_unit = 0.01 if unit == "accuracy_pct" else 1.0 if unit == "accuracy" else -0.01
    base = fractions(np.array([table.intercept]), unit)
    factors = [
        _factor(each, choices, folder, place / "factors" / index, scale=per_unit)
        for index, each in enumerate(table.factors)
    ]
    with (place / "factors").blamed():
        return FactorAccuracy(FactorSum([len(choice) for choice in choices], base, factors), _error_name(table))


def _factor(table: FactorTable, choices: Sequence[Choice], folder: TaskFolder, place: Place, *, scale: float) -> Factor:
    by_name = {choice.name: index for index, choice in enumerate(choices)}
    for name in table.choices:
        if name not in by_name:
            raise (place / "choices").error(f"there is no choice {name!r}. {nearest(name, by_name)}")
    scope = tuple(by_name[name] for name in table.choices)
    path = folder.file(table.table, place / "table")
    with (place / "table").blamed():
        columns = read_columns(path)
        if "value" not in columns:
            raise ValueError(f"{path.name}: there is no column 'value'. {nearest('value', columns)}")
        ranks = network_ranks(path, columns, [choices[index] for index in scope], table.cells)
        values = numbers(path, columns["value"], "value")[np.argsort(ranks)]
        return Factor(scope, scale * values[:, None])


def _unit(table: AccuracyTable) -> Unit:
    return table.unit or "accuracy"


def _error_name(table: AccuracyTable) -> str:
    return "perplexity" if table.unit == "perplexity" else "error"


def _checked(value: float, unit: Unit) -> float:
    fraction = float(fractions(np.array([value]), unit)[0])
    if not 0 <= fraction <= 1:
        raise ValueError(f"an accuracy is a fraction from 0 to 1 (or say its unit), got {value:g}")
    return fraction
