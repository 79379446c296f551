"""Synthetic problems for tests: small, random, and no measurement of anything.

`synthetic_problem(seed)` has the interface of a real problem and costs milliseconds to make; its numbers are drawn from
a random generator, shaped so that a larger array is faster and bigger, and so that the two halves interact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from dance_env.accuracy import TensorAccuracy
from dance_env.cost import CostTable
from dance_env.graph import Layer, Part
from dance_env.objective import Constraint, Linear, Objective
from dance_env.problem import Problem
from dance_env.space import AcceleratorSpace, Choice, DesignSpace, FactorSum


@dataclass(frozen=True)
class SyntheticNetworkSpace:
    """A network space without layers: its costs are random numbers.

    Attributes:
        option_counts: number of options of each choice.
        option_macs: made-up multiply-accumulates of each option, the choices' options side by side.
    """

    option_counts: tuple[int, ...]
    option_macs: tuple[int, ...]
    name: str = "synthetic"

    @property
    def size(self) -> int:
        """The exact number of networks."""
        return math.prod(self.option_counts)

    def check(self, networks: ArrayLike) -> np.ndarray:
        """Return the networks as `(B, N)` int64; raises as `dance_env.space.check_indices` does."""
        return DesignSpace(self.choices()).check(networks, what="network")

    def fixed_layers(self) -> tuple[Layer, ...]:
        """Return none."""
        return ()

    def parts(self) -> tuple[Part, ...]:
        """Return none."""
        return ()

    def choices(self) -> tuple[Choice, ...]:
        """One nominal choice per entry of `option_counts`."""
        return tuple(
            Choice(f"block{i + 1}", tuple(f"option{o}" for o in range(count)), "network", "nominal")
            for i, count in enumerate(self.option_counts)
        )

    def macs(self, networks: ArrayLike) -> np.ndarray:
        """`(B,)` int64: the sum over a network's options."""
        first = np.cumsum((0, *self.option_counts[:-1]))
        return np.array(self.option_macs, dtype=np.int64)[self.check(networks) + first].sum(axis=1)


def synthetic_problem(
    seed: int = 0,
    *,
    option_counts: tuple[int, ...] = (3, 3, 2, 3),
    accelerators: AcceleratorSpace | None = None,
    constraints: tuple[Constraint, ...] = (),
    unmappable: int = 0,
) -> Problem:
    """A small problem of random numbers, for tests only.

    Args:
        seed: of the numbers; equal seeds give equal problems.
        option_counts: options of each network choice; a count of 1 makes a choice with nothing to choose.
        accelerators: the accelerator space; by default 3 x 3 array sizes, 2 register files and 3 dataflows.
        constraints: hard limits of the objective. Typical values: latency_s 0.002 to 0.02, energy_j 0.002 to 0.02,
            area_mm2 0.5 to 4, error_pct 5 to 30.
        unmappable: how many (option, accelerator) pairs have no mapping (infinite latency and energy).

    Returns:
        A `Problem` with a linear objective; with the defaults 54 networks x 54 accelerators = 2,916 designs.
    """
    rng = np.random.default_rng(seed)
    space = accelerators or AcceleratorSpace((8, 16, 24), (8, 16, 24), (8, 32), ("WS", "OS", "RS"))
    hardware = space.hardware()
    options, size = sum(option_counts), space.size
    pes = (hardware.pe_x * hardware.pe_y).astype(np.float64)
    work = rng.uniform(0.2, 1.0, options)[:, None]
    option_latency_s = work * rng.uniform(0.5, 1.5, (options, size)) * (0.2 + 64.0 / pes) * 4e-3
    option_energy_j = work * rng.uniform(0.8, 1.2, (options, size)) * 2e-3
    broken = rng.choice(options * size, size=unmappable, replace=False)
    option_latency_s.flat[broken] = np.inf
    option_energy_j.flat[broken] = np.inf
    fixed_latency_s, fixed_energy_j = rng.uniform(0.5, 1.5, size) * 1e-3, rng.uniform(0.8, 1.2, size) * 1e-3
    costs = CostTable(
        latency_s=FactorSum.per_choice(option_counts, fixed_latency_s, option_latency_s),
        energy_j=FactorSum.per_choice(option_counts, fixed_energy_j, option_energy_j),
        area_mm2=0.4 + pes * (0.003 + 2e-4 * hardware.rf_words),
    )
    # More work, better accuracy, with a little noise, so that error and cost pull against each other.
    effort = np.zeros(option_counts)
    for column, (offset, count) in enumerate(zip(np.cumsum((0, *option_counts)), option_counts, strict=False)):
        shape = [1] * len(option_counts)
        shape[column] = count
        effort = effort + work[offset : offset + count, 0].reshape(shape)
    effort = effort / len(option_counts)
    accuracy = np.clip(0.7 + 0.28 * effort + rng.normal(0.0, 0.005, option_counts), 0.0, 1.0)
    return Problem(
        name=f"synthetic-{seed}",
        network_space=SyntheticNetworkSpace(option_counts, tuple(int(1e7 * each) for each in work[:, 0])),
        accelerator_space=space,
        costs=costs,
        accuracy=TensorAccuracy(accuracy),
        objective=Objective(Linear(latency_s=500.0, energy_j=300.0, area_mm2=2.0), weight=1.0, constraints=constraints),
    )
