"""Simulated annealing: one neighbor at a time, worse ones accepted less and less."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.solver import Solver
from solvers.contract.tunable import Tunable, TunableRange
from solvers.methods.moves import mutate


@dataclass(frozen=True)
class Annealing(Solver):
    """Metropolis chains in step over the budget (Kirkpatrick et al. 1983), cooled geometrically.

    The temperature is in units of the objective's spread over the first designs, so the objective's scale does not
    matter. If either design is infeasible, the one with the smaller violation is kept, at any temperature. The defaults
    were tuned for 200 evaluations (docs/solvers.md).

    Attributes:
        chains: designs that are moved in one batch.
        start: first temperature, in spreads of the objective over the starting designs.
        end: last temperature, in the same unit.
        changes: mean number of choices changed by a move; at least one.
        leap: probability that an ordinal choice jumps anywhere instead of stepping nearby.
        sample: random designs evaluated first; the best of them start the chains.
    """

    name: ClassVar[str] = "annealing"
    tunable: ClassVar[Mapping[str, Tunable]] = {
        "chains": TunableRange(1, 16, log=True),
        "start": TunableRange(0.01, 1.0, log=True),
        "end": TunableRange(1e-4, 1e-2, log=True),
        "changes": TunableRange(0.5, 4.0, log=True),
        "leap": TunableRange(0.0, 0.5),
        "sample": TunableRange(16, 64, log=True),
    }
    chains: int = 1
    start: float = 0.06
    end: float = 0.009
    changes: float = 3.5
    leap: float = 0.35
    sample: int = 54

    def __post_init__(self) -> None:
        for name in ("chains", "sample"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1, not {getattr(self, name)}")
        if self.sample < self.chains:
            raise ValueError(f"{self.chains} chains start from a sample of at least as many, not of {self.sample}")
        if not 0 < self.end <= self.start:
            raise ValueError(f"the temperature falls from start to end, above 0; not from {self.start} to {self.end}")
        if not 0 <= self.leap <= 1:
            raise ValueError(f"leap is a probability, not {self.leap}")
        if not self.changes > 0:
            raise ValueError(f"changes is above 0, not {self.changes}")

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Move all chains, cool, repeat until the budget is spent."""
        meter = problem.meter
        designs = problem.space.sample(rng, self.sample)
        evaluation = problem.evaluate(designs)
        spread = _spread(evaluation.objective)
        best = np.lexsort((evaluation.objective, evaluation.violation))[: self.chains]
        designs, objective, violation = designs[best], evaluation.objective[best], evaluation.violation[best]
        rate = min(1.0, self.changes / problem.space.num_choices)
        while True:
            temperature = spread * self.start * (self.end / self.start) ** meter.fraction
            moved = mutate(problem.space, designs, rng, rate=rate, leap=self.leap)
            evaluation = problem.evaluate(moved)
            # Feasible against feasible by Metropolis; anything else by violation.
            rise = np.where(np.isinf(evaluation.objective), np.inf, evaluation.objective - objective)
            metropolis = rng.random(self.chains) < np.exp(-np.maximum(rise, 0.0) / temperature)
            equal = evaluation.violation == violation
            accepted = (evaluation.violation < violation) | (equal & metropolis)
            designs = np.where(accepted[:, None], moved, designs)
            objective = np.where(accepted, evaluation.objective, objective)
            violation = np.where(accepted, evaluation.violation, violation)


def _spread(objective: np.ndarray) -> float:
    """Standard deviation of the finite values; 1 where they do not vary."""
    finite = objective[np.isfinite(objective)]
    spread = float(finite.std()) if finite.size else 0.0
    return spread if spread > 0 else 1.0
