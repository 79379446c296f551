"""The tasks by name."""

from __future__ import annotations

from dataclasses import dataclass

from dance_env.cost import AnalyticalCostModel, Technology
from dance_env.graph import NetworkSpace
from dance_env.graph.networks import network_space
from dance_env.space import AcceleratorSpace, dance_accelerators
from dance_env.suggest import nearest
from dance_env.tasks.variants import ACCEL_NASBENCH_VARIANTS, IMAGE_VARIANTS, VARIANTS, Variant

DEFAULT_TASK = "macro-cifar10/balanced"
DEFAULT_VARIANTS = {"macro-cifar10": "balanced", "tiny": "balanced", "accel-nasbench": "edap"} | dict.fromkeys(
    IMAGE_VARIANTS, "edap"
)
"""What a network space's name alone means; for the paper's own spaces, what the paper minimizes."""


@dataclass(frozen=True)
class Task:
    """What a name stands for.

    Attributes:
        name: `<network>/<variant>`.
        network: name of the network space.
        variant: what is asked for.
        needs_supernet: whether accuracies come from a trained supernet, a file that the user brings; else they ship.
    """

    name: str
    network: str
    variant: Variant
    needs_supernet: bool = False

    @property
    def network_space(self) -> NetworkSpace:
        """Return the networks to choose from."""
        return network_space(self.network)

    @property
    def accelerator_space(self) -> AcceleratorSpace:
        """Return the accelerators to choose from."""
        return dance_accelerators()

    def cost_model(self, technology: Technology | None = None) -> AnalyticalCostModel:
        """Return what a layer costs in the task's technology, or in another one."""
        return AnalyticalCostModel(technology=technology or self.variant.technology)


def _tasks(network: str, variants: dict[str, Variant], *, needs_supernet: bool) -> dict[str, Task]:
    names = {name: f"{network}/{name}" for name in variants}
    return {full: Task(full, network, variants[name], needs_supernet) for name, full in names.items()}


TASKS: dict[str, Task] = {
    **_tasks("macro-cifar10", VARIANTS, needs_supernet=False),
    **_tasks("tiny", VARIANTS, needs_supernet=False),
    **_tasks("accel-nasbench", ACCEL_NASBENCH_VARIANTS, needs_supernet=False),
    **{
        name: task
        for network, variants in IMAGE_VARIANTS.items()
        for name, task in _tasks(network, variants, needs_supernet=True).items()
    },
}


def task_names(*, needs_supernet: bool | None = None) -> list[str]:
    """Return the names that `make_problem` knows in full.

    Args:
        needs_supernet: True for the tasks that need a trained supernet's file, False for those that run on a fresh
            install, None for all.
    """
    return [name for name, task in TASKS.items() if needs_supernet in (None, task.needs_supernet)]


def get_task(name: str) -> Task:
    """Return the task of this name; a network's name alone means its default variant.

    Raises:
        ValueError: If there is none; the nearest names are offered.
    """
    full = f"{name}/{DEFAULT_VARIANTS[name]}" if name in DEFAULT_VARIANTS else name
    if full not in TASKS:
        raise ValueError(f"there is no task {name!r}. {nearest(name, [*TASKS, *DEFAULT_VARIANTS])}")
    return TASKS[full]
