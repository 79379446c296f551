"""network-first and accelerator-first: two stages, each of which knows half of the problem; by values alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.solver import Solver
from solvers.contract.tunable import Tunable, TunableRange
from solvers.methods.networks.evolution import evolve
from solvers.methods.networks.known import KnownNetworks, Merit

_NETWORKS_AT_ONCE = 8
"""Networks whose costs on all accelerators are held at once: three numbers for each pair of them."""


@dataclass(frozen=True)
class NetworkFirst(Solver):
    """The most accurate networks, then the exactly best accelerator of each: evolution that knows no costs.

    Stage one evolves networks by their error alone; each is evaluated on one accelerator, the middle of the space. Stage
    two evaluates them again on their best accelerators, the most accurate first. What is left of the budget goes to both
    again.

    Attributes:
        share: Of a budget in evaluations, for stage one. In one of trained networks stage two is free.
        starts, pressure, crossover: Of the evolution; see `NetworkEvolution`.

    Raises:
        ValueError: If `share` or `pressure` is not between 0 and 1, `starts` below 1, or `crossover` no probability.
    """

    name: ClassVar[str] = "network-first"
    tunable: ClassVar[Mapping[str, Tunable]] = {
        "share": TunableRange(0.2, 0.8),
        "starts": TunableRange(2, 32, log=True),
        "pressure": TunableRange(0.1, 0.9),
        "crossover": TunableRange(0.0, 1.0),
    }
    share: float = 0.5
    starts: int = 8
    pressure: float = 0.5
    crossover: float = 0.8

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ValueError(f"share is above 0 and below 1, not {self.share}")
        _check_evolution(self.starts, self.pressure, self.crossover)

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Both stages, again until the budget is spent or every network is known."""
        meter, hardware = problem.meter, problem.space.choices[problem.space.hardware]
        middle = np.array([len(choice) // 2 for choice in hardware], dtype=np.int64)

        def judge(networks: np.ndarray) -> list[Merit]:
            middles = np.repeat(middle[None], len(networks), axis=0)
            evaluation = problem.evaluate(np.concatenate((networks, middles), axis=1))
            return [(0.0, error) for error in evaluation.error_pct.tolist()]

        share = 1.0 if meter.budget.evaluations is None else self.share
        until = max(1, round(share * meter.planned_evaluations))
        stage_two: set[bytes] = set()
        ranking = evolve(
            KnownNetworks(problem, judge), rng, starts=self.starts, pressure=self.pressure, crossover=self.crossover
        )
        for ranked in ranking:
            if len(ranked) < until and meter.evaluations_left:
                continue
            for (_, error), _, network in list(ranked):
                if network.tobytes() not in stage_two:
                    stage_two.add(network.tobytes())
                    problem.evaluate(problem.design(network[None], _best_accelerator(problem, network, error)))
            until = len(ranked) + max(1, round(share * meter.evaluations_left))


@dataclass(frozen=True)
class AcceleratorFirst(Solver):
    """One accelerator for all networks, then the best network for it: hardware-aware network search.

    Stage one asks for the costs of random networks on all accelerators, which no evaluation pays for, and keeps the one
    with the lowest mean violation, then mean cost, over these networks. Stage two evolves networks on that accelerator
    by the objective.

    Attributes:
        networks: Random networks whose costs decide the accelerator.
        starts, pressure, crossover: Of the evolution; see `NetworkEvolution`.

    Raises:
        ValueError: If `networks` or `starts` is below 1, `pressure` not between 0 and 1, or `crossover` no probability.
    """

    name: ClassVar[str] = "accelerator-first"
    tunable: ClassVar[Mapping[str, Tunable]] = {
        "networks": TunableRange(8, 128, log=True),
        "starts": TunableRange(2, 32, log=True),
        "pressure": TunableRange(0.1, 0.9),
        "crossover": TunableRange(0.0, 1.0),
    }
    networks: int = 64
    starts: int = 8
    pressure: float = 0.5
    crossover: float = 0.8

    def __post_init__(self) -> None:
        if self.networks < 1:
            raise ValueError(f"networks is at least 1, not {self.networks}")
        _check_evolution(self.starts, self.pressure, self.crossover)

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Choose the accelerator, then evolve until the budget is spent or every network is known."""
        accelerator = self._accelerator(problem, rng)

        def judge(networks: np.ndarray) -> list[Merit]:
            evaluation = problem.evaluate(problem.design(networks, np.full(len(networks), accelerator)))
            return list(zip(evaluation.violation.tolist(), evaluation.objective.tolist(), strict=True))

        known = KnownNetworks(problem, judge)
        for _ in evolve(known, rng, starts=self.starts, pressure=self.pressure, crossover=self.crossover):
            pass

    def _accelerator(self, problem: MeteredProblem, rng: np.random.Generator) -> int:
        """Index of the accelerator that suits random networks best; errors are taken to be 0, they are not asked for."""
        networks = problem.space.sample(rng, self.networks)[:, problem.space.network]
        violation, cost = (np.zeros(problem.accelerator_space.size) for _ in range(2))
        for first in range(0, self.networks, _NETWORKS_AT_ONCE):
            costs = problem.costs.on_all_hardware(networks[first : first + _NETWORKS_AT_ONCE])
            violation += problem.objective.violation(0.0, costs).sum(axis=0)
            cost += problem.objective.cost_function(costs).sum(axis=0)
        return int(np.lexsort((cost, violation))[0])


def _best_accelerator(problem: MeteredProblem, network: np.ndarray, error_pct: float) -> np.ndarray:
    """Index (1,) of the best accelerator of a network (N,) of known error: costs alone are asked for."""
    costs = problem.costs.on_all_hardware(network[None])
    violation = problem.objective.violation(error_pct, costs)[0]
    objective = np.broadcast_to(problem.objective.value(error_pct, costs), (1, len(violation)))[0]
    return np.lexsort((objective, violation))[:1]


def _check_evolution(starts: int, pressure: float, crossover: float) -> None:
    if starts < 1:
        raise ValueError(f"starts is at least 1, not {starts}")
    if not 0 < pressure < 1:
        raise ValueError(f"pressure is a probability above 0 and below 1, not {pressure}")
    if not 0 <= crossover <= 1:
        raise ValueError(f"crossover is a probability, not {crossover}")
