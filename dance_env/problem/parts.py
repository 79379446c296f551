"""Whether the parts of a problem fit each other; every message names the problem."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from dance_env.accuracy import AccuracyModel
from dance_env.objective import Objective, WorstCase
from dance_env.problem.training_time import TrainingTime


def check_own(name: str, objective: Any, training_time: Any, supernet_trainings: float) -> None:
    """Check what stands by itself.

    Raises:
        TypeError: If the objective is not an `Objective`, or the training time has no `gpu_hours`.
        ValueError: If the supernet's price is not a number above 0.
    """
    if not isinstance(objective, Objective):
        raise TypeError(f"problem {name!r}: objective must be an Objective, got {objective!r}")
    if not isinstance(training_time, TrainingTime | None):
        raise TypeError(
            f"problem {name!r}: training_time must have `gpu_hours(networks)` (such as MacsTrainingTime), got "
            f"{training_time!r}"
        )
    if not 0 < supernet_trainings < np.inf:
        raise ValueError(f"problem {name!r}: supernet_trainings must be a number above 0, got {supernet_trainings!r}")


def check_costs(name: str, shape: tuple[int, ...], *, expected: tuple[int, ...]) -> None:
    """Check that a cost table is of the problem's networks and accelerators.

    Args:
        name: The problem's name.
        shape: Of the table: options of each network choice, accelerators.
        expected: Of the spaces.

    Raises:
        ValueError: If it is not.
    """
    if shape != expected:
        raise ValueError(
            f"problem {name!r}: costs must have shape {expected} (options of each network choice, accelerators), got "
            f"{shape}. Build the table from this problem's network space and accelerator space."
        )


def check_workloads(name: str, objective: Objective, workloads: Collection[str]) -> None:
    """Check that the workloads that an objective names exist.

    Args:
        name: The problem's name.
        objective: Its objective.
        workloads: The names of its workloads; none where there is one alone.

    Raises:
        ValueError: If one does not.
    """
    for limit in objective.constraints:
        workload = limit.metric.rpartition(".")[0]
        if workload and workload not in workloads:
            raise ValueError(
                f"problem {name!r}: the limit on {limit.metric} names a workload that does not exist; known: "
                f"{', '.join(sorted(workloads)) or 'none, there is one workload alone'}"
            )
    if isinstance(objective.cost_function, WorstCase) and not workloads:
        raise ValueError(f"problem {name!r}: WorstCase needs several workloads, and there is one")


def check_accuracy(name: str, accuracy: Any, option_counts: Sequence[int]) -> None:
    """Check that an accuracy is a model, or None, and of these network choices if it states its `option_counts`.

    Raises:
        TypeError: If it is not a model.
        ValueError: If it is of other choices.
    """
    if not isinstance(accuracy, AccuracyModel | None):
        hint = "; `TensorAccuracy.from_function` makes a model of a function" if callable(accuracy) else ""
        raise TypeError(
            f"problem {name!r}: accuracy must be a model (with `evaluate` and `fingerprint`) or None, got "
            f"{type(accuracy).__name__}{hint}"
        )
    counts = getattr(accuracy, "option_counts", None)
    if counts is not None and tuple(counts) != tuple(option_counts):
        raise ValueError(
            f"problem {name!r}: the accuracy model has {tuple(counts)} options per choice, the network space "
            f"{tuple(option_counts)}"
        )
