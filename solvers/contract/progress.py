"""What a callback is told while a solver runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """A run's standing after its newest evaluation, gradient query or training step.

    Attributes:
        solver: the solver's name.
        task: the problem's name.
        seed: the run's seed.
        budget: the most that the run may spend.
        evaluations: designs evaluated so far.
        gradient_queries: rows asked of the differentiable view so far.
        training_steps: updates of a supernet's weights so far, for a solver that trains one.
        best_objective: lowest objective among the feasible designs so far; infinity before the first one.
        best_violation: lowest violation so far; infinity before the first evaluation, 0 once a design is feasible.
        seconds: wall time since the run began, callbacks not counted.
    """

    solver: str
    task: str
    seed: int
    budget: int
    evaluations: int
    gradient_queries: int
    training_steps: int
    best_objective: float
    best_violation: float
    seconds: float

    @property
    def fraction(self) -> float:
        """Share of the budget spent, in [0, 1]."""
        return (self.evaluations + self.gradient_queries) / self.budget


Callback = Callable[[Progress], object]
"""Called after every evaluation; what it returns is ignored. Raising KeyboardInterrupt ends the run, and keeps it."""
