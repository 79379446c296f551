"""Regularized evolution: the oldest dies, not the worst."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.solver import Solver
from solvers.contract.tunable import Tunable, TunableRange
from solvers.methods.evolution.population import check_size
from solvers.methods.moves import mutate


@dataclass(frozen=True)
class RegularizedEvolution(Solver):
    """Aging evolution, the usual baseline of network search (Real et al. 2019, arXiv 1802.01548).

    The best of a random tournament has a mutant; the mutant joins, the oldest member leaves. A feasible design beats an
    infeasible one, of two infeasible ones the lower violation wins.

    Attributes:
        population: members alive.
        tournament: members that compete to be the parent.
        changes: mean number of choices changed by mutation; at least one.
        leap: probability that a mutated ordinal choice jumps anywhere instead of stepping nearby.
    """

    name: ClassVar[str] = "regularized-evolution"
    tunable: ClassVar[Mapping[str, Tunable]] = {
        "population": TunableRange(20, 100, log=True),
        "tournament": TunableRange(2, 20, log=True),
        "changes": TunableRange(0.5, 4.0, log=True),
        "leap": TunableRange(0.0, 0.5),
    }
    population: int = 50
    tournament: int = 15
    changes: float = 1.0
    leap: float = 0.2

    def __post_init__(self) -> None:
        check_size("population", self.population)
        if not 1 <= self.tournament <= self.population:
            raise ValueError(
                f"a tournament holds between 1 and {self.population} members, the population, not {self.tournament}"
            )
        if not 0 <= self.leap <= 1:
            raise ValueError(f"leap is a probability, not {self.leap}")
        if not self.changes > 0:
            raise ValueError(f"changes is above 0, not {self.changes}")

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """One mutant at a time, until the budget is spent."""
        designs = problem.space.sample(rng, self.population)
        evaluation = problem.evaluate(designs)
        alive = deque(zip(evaluation.violation, evaluation.objective, designs, strict=True), maxlen=self.population)
        rate = min(1.0, self.changes / problem.space.num_choices)
        while True:
            competitors = rng.choice(self.population, self.tournament, replace=False)
            parent = min((alive[index] for index in competitors), key=lambda member: (member[0], member[1]))
            mutant = mutate(problem.space, parent[2][None], rng, rate=rate, leap=self.leap)
            evaluation = problem.evaluate(mutant)
            alive.append((evaluation.violation[0], evaluation.objective[0], mutant[0]))
