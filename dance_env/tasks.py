"""The catalog of named tasks: `make_problem("macro-cifar10/balanced")`.

A task is a network space, a technology and an objective. Its name is `<network>/<variant>`; the network's name alone
means its "balanced" variant. What each task is like, and how strongly network and accelerator interact in it, stands in
docs/tasks.md, measured by `dance_env.coupling`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dance_env.accuracy import TensorAccuracy, load_surrogate, load_table
from dance_env.accuracy.nas_bench_macro import TABLE_VARIABLE, download_table
from dance_env.cost import EDGE_LPDDR4, HWCOMPONENTS_65NM, AnalyticalCostModel, CostTable, Technology
from dance_env.graph import NetworkSpace
from dance_env.graph.networks import macro_cifar10, network_space
from dance_env.objective import EDAP, Constraint, Linear, Objective
from dance_env.problem import Problem
from dance_env.progress import Progress
from dance_env.space import DesignSpace, dance_accelerators
from dance_env.suggest import nearest

DEFAULT_TASK = "macro-cifar10/balanced"
DEFAULT_VARIANT = "balanced"

NETWORKS = ("macro-cifar10", "tiny")


@dataclass(frozen=True)
class Variant:
    """What a task asks for, whatever its network space.

    Attributes:
        objective: error plus weighted cost, and limits.
        technology: of the accelerators.
    """

    objective: Objective
    technology: Technology = EDGE_LPDDR4


@dataclass(frozen=True)
class Task:
    """What a name stands for.

    Attributes:
        name: `<network>/<variant>`.
        network: name of the network space.
        variant: what is asked for.
    """

    name: str
    network: str
    variant: Variant


# Percentage points of error per joule and per mm2. One inference takes 0.1 to 1.9 mJ, an accelerator 0.6 to 10.7 mm2,
# so that energy and area weigh about alike.
_ENERGY_AND_AREA = Linear(energy_j=500.0, area_mm2=1.0)


def _deadline(seconds: float) -> tuple[Constraint, ...]:
    return (Constraint("latency_s", seconds),)


VARIANTS: dict[str, Variant] = {
    "accuracy-lean": Variant(Objective(_ENERGY_AND_AREA, weight=0.3, constraints=_deadline(1 / 2000))),
    "balanced": Variant(Objective(_ENERGY_AND_AREA, weight=1.0, constraints=_deadline(1 / 2000))),
    "cost-lean": Variant(Objective(_ENERGY_AND_AREA, weight=2.0, constraints=_deadline(1 / 2000))),
    "latency-limited": Variant(Objective(_ENERGY_AND_AREA, weight=1.0, constraints=_deadline(1 / 3000))),
    "sram-65nm": Variant(Objective(_ENERGY_AND_AREA, weight=1.5, constraints=_deadline(1.5e-3)), HWCOMPONENTS_65NM),
    # The paper's two forms, without limits.
    "edap": Variant(Objective(EDAP(reference_js_mm2=1e-6), weight=2.0)),
    "linear": Variant(Objective(Linear(latency_s=3000.0, energy_j=500.0, area_mm2=0.5), weight=1.0)),
}
"""The numbers stand here and nowhere else; `python -m dance_env.coupling` measures what they make of the tasks."""

TASKS: dict[str, Task] = {
    f"{network}/{name}": Task(f"{network}/{name}", network, variant)
    for network in NETWORKS
    for name, variant in VARIANTS.items()
}


def task_names() -> list[str]:
    """All names that `make_problem` knows in full."""
    return list(TASKS)


def get_task(name: str) -> Task:
    """The task of this name; a network's name alone means its "balanced" variant.

    Raises:
        ValueError: there is none; the nearest names are offered.
    """
    full = f"{name}/{DEFAULT_VARIANT}" if name in NETWORKS else name
    if full not in TASKS:
        raise ValueError(f"there is no task {name!r}. {nearest(name, [*TASKS, *NETWORKS])}")
    return TASKS[full]


def make_problem(
    name: str = DEFAULT_TASK,
    *,
    accuracy_table: str | Path | None = None,
    technology: Technology | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: Progress | bool | None = None,
) -> Problem:
    """Build a named problem.

    Args:
        name: out of `task_names()`, or a network's name.
        accuracy_table: NAS-Bench-Macro's JSON file, or "download"; without it, the file that the environment variable
            DANCE_NAS_BENCH_MACRO names; without that, the surrogate that ships with the package.
        technology: instead of the task's own; the problem's name then says so.
        cache_dir: folder of the cost tables' cache; None for the default.
        progress: of the cost table's first build: True for a bar, or a function called with (layers done, in all).

    Raises:
        ValueError: an unknown name, or a file that is not the table.
        FileNotFoundError: no such file.
    """
    task = get_task(name)
    networks, accelerators = network_space(task.network), dance_accelerators()
    model = AnalyticalCostModel(technology=technology or task.variant.technology)
    other = technology is not None and technology != task.variant.technology
    return Problem(
        name=f"{task.name} ({technology.name})" if technology and other else task.name,
        network_space=networks,
        accelerator_space=accelerators,
        costs=CostTable.build(networks, accelerators, model=model, cache_dir=cache_dir, progress=progress),
        accuracy=_accuracy(networks, accuracy_table),
        objective=task.variant.objective,
    )


def _accuracy(networks: NetworkSpace, table: str | Path | None) -> TensorAccuracy:
    """NAS-Bench-Macro's accuracies, measured or fitted, of a network space that is part of its own."""
    if table == "download":
        macro = load_table(download_table())
    elif table or os.environ.get(TABLE_VARIABLE):
        macro = load_table(table)
    else:
        macro = load_surrogate()
    space = DesignSpace(networks.choices())
    everything = networks.embed(space.unrank(np.arange(space.size)), macro_cifar10())
    return TensorAccuracy(macro.evaluate(everything).reshape(tuple(space.option_counts)))
