"""NSGA-III through pymoo: a front of error, latency, energy and area."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from pymoo.algorithms.base.genetic import GeneticAlgorithm
from pymoo.algorithms.moo.nsga3 import NSGA3 as PymooNSGA3
from pymoo.util.ref_dirs import get_reference_directions

from dance_env.problem import Evaluation
from solvers.contract.tunable import Tunable, TunableRange
from solvers.methods.evolution.genetic import GeneticSolver

_TARGETS = 4
_LARGEST = 1e30
"""In place of infinite costs. Such designs are infeasible, so that their targets are compared with nothing."""


@dataclass(frozen=True)
class NSGA3(GeneticSolver):
    """NSGA-III (Deb & Jain 2014) on error, latency, energy and area: it searches for their front, whatever the objective.

    The niches of the front are directions of equal distance on the simplex of the four targets. One objective is a point
    of that front: a run looks for all of them, and is behind solvers that look for one.

    Attributes:
        partitions: of each edge of the simplex; 3 make 20 directions. The population should hold as many.
        population, offspring, crossover, changes, leap: see `GeneticSolver`.
    """

    name: ClassVar[str] = "nsga3"
    _num_targets: ClassVar[int] = _TARGETS
    tunable: ClassVar[Mapping[str, Tunable]] = {
        **GeneticSolver.tunable,
        "population": TunableRange(20, 100, log=True),
    }
    partitions: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.partitions < 1:
            raise ValueError(f"partitions is at least 1, not {self.partitions}")
        directions = len(self._directions())
        if self.population < directions:
            raise ValueError(
                f"a population of {self.population} is less than the {directions} directions of {self.partitions} "
                "partitions: raise population, or lower partitions"
            )

    def _directions(self) -> np.ndarray:
        return get_reference_directions("das-dennis", _TARGETS, n_partitions=self.partitions)

    def _algorithm(self, **settings: Any) -> GeneticAlgorithm:
        return PymooNSGA3(ref_dirs=self._directions(), **settings)

    def _targets(self, evaluation: Evaluation, cost: np.ndarray) -> np.ndarray:
        costs = evaluation.cost
        targets = np.stack((evaluation.error_pct, costs.latency_s, costs.energy_j, costs.area_mm2), axis=1)
        return np.minimum(targets, _LARGEST)
