"""What a task is: a network space, a variant, and the family that both belong to."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dance_env.accuracy import AccuracyModel
from dance_env.cost import EDGE_LPDDR4, AnalyticalCostModel, Technology
from dance_env.graph import NetworkSpace, Phase, TransformerSpace, Workload, WorkloadSpace
from dance_env.graph.networks import network_space
from dance_env.objective import Constraint, Objective
from dance_env.problem import TrainingTime
from dance_env.progress import Progress
from dance_env.space import AcceleratorSpace, dance_accelerators


@dataclass(frozen=True)
class Variant:
    """What a task asks for, whatever its network space.

    Attributes:
        objective: error plus weighted cost, and limits.
        technology: of the accelerators.
        noise_seed: of one training for each network, whose accuracy an evaluation answers; None for the expected one.
        phases: of language models: what is asked of a network and how often, by the workload's name.
    """

    objective: Objective
    technology: Technology = EDGE_LPDDR4
    noise_seed: int | None = None
    phases: Mapping[str, tuple[Phase, float]] = field(default_factory=dict)


def deadline(seconds: float) -> tuple[Constraint, ...]:
    """Return the limits of a variant whose networks must answer within `seconds`."""
    return (Constraint("latency_s", seconds),)


@dataclass(frozen=True)
class Sources:
    """What `make_problem` was given to find accuracies; see there.

    The first five change what the accuracies are: a family takes some of them (`Family.takes`) and refuses the others.
    """

    accuracy_table: str | Path | None = None
    supernet: str | os.PathLike[str] | None = None
    images: str | os.PathLike[str] | None = None
    fidelity: str | None = None
    noise_seed: int | None = None
    device: str = "cpu"
    cache_dir: str | os.PathLike[str] | None = None
    progress: Progress | bool | None = None


SOURCE_ARGUMENTS = ("accuracy_table", "supernet", "images", "fidelity", "noise_seed")
"""The arguments of `make_problem` that change what the accuracies are."""


@dataclass(frozen=True)
class Loaded:
    """The accuracies of a task.

    Attributes:
        accuracy: the model.
        notes: what differs from the task as it ships; the problem's name says so.
        training_time: how long a network's training takes, where that is known and the model does not say it.
    """

    accuracy: AccuracyModel
    notes: tuple[str, ...] = ()
    training_time: TrainingTime | None = None


@dataclass(frozen=True)
class Task:
    """What a name stands for.

    Attributes:
        name: `<network>/<variant>`, with `@<accelerators>` where these are others than DANCE's.
        network: name of the network space.
        variant: what is asked for.
        family: where its accuracies come from.
        accelerators: returns the accelerators to choose from.
    """

    name: str
    network: str
    variant: Variant
    family: Family
    accelerators: Callable[[], AcceleratorSpace] = dance_accelerators

    @property
    def needs_supernet(self) -> bool:
        """Whether accuracies come from a trained supernet, a file that the user brings."""
        return "supernet" in self.family.takes

    @property
    def needs_table(self) -> bool:
        """Whether accuracies come from a table that the user brings. Those of tasks that need neither ship."""
        return self.family.needs_table

    @property
    def network_space(self) -> NetworkSpace:
        """Return the networks to choose from, under the variant's workloads."""
        networks = network_space(self.network)
        if not self.variant.phases:
            return networks
        assert isinstance(networks, TransformerSpace), "phases are of language models"
        workloads = (
            Workload(name, networks.under(phase), weight) for name, (phase, weight) in self.variant.phases.items()
        )
        return WorkloadSpace(self.network, tuple(workloads))

    @property
    def accelerator_space(self) -> AcceleratorSpace:
        """Return the accelerators to choose from."""
        return self.accelerators()

    def cost_model(self, technology: Technology | None = None) -> AnalyticalCostModel:
        """Return what a layer costs in the task's technology, or in another one."""
        return AnalyticalCostModel(technology=technology or self.variant.technology)


@dataclass(frozen=True, eq=False)
class Family:
    """Tasks whose accuracies come from the same kind of source.

    Attributes:
        variants: by the name of the network space, the variants by name.
        default: the variant that a network's name alone means.
        load: returns the accuracies of a task.
        source: where they come from, as the end of a sentence.
        takes: out of `SOURCE_ARGUMENTS`, what `load` reads.
        training_times: where the training times of networks come from, in words.
        needs_table: whether `load` needs `accuracy_table`, since no accuracies ship.
    """

    variants: Mapping[str, Mapping[str, Variant]]
    default: str
    load: Callable[[Task, Sources], Loaded] = field(repr=False)
    source: str
    takes: tuple[str, ...] = ()
    training_times: str = "not known"
    needs_table: bool = False

    def tasks(self) -> dict[str, Task]:
        """Return the tasks by name."""
        return {
            f"{network}/{name}": Task(f"{network}/{name}", network, variant, self)
            for network, variants in self.variants.items()
            for name, variant in variants.items()
        }
