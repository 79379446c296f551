"""How far a run is: what a callback is given, and the best that was found so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dance_env.problem import Evaluation
from solvers.contract.budget import Budget


@dataclass(frozen=True)
class Progress:
    """A run's standing after its newest evaluation, gradient query or training step.

    Attributes:
        solver: the solver's name.
        task: the problem's name.
        seed: the run's seed.
        budget: the most that the run may spend.
        fraction: share of the budget spent, in [0, 1]: of the limit that is nearest.
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
    budget: Budget
    fraction: float
    evaluations: int
    gradient_queries: int
    training_steps: int
    best_objective: float
    best_violation: float
    seconds: float


Callback = Callable[[Progress], object]
"""Called after every evaluation; what it returns is ignored. Raising KeyboardInterrupt ends the run, and keeps it."""


@dataclass
class Standing:
    """The best of a run so far; mutable.

    Attributes:
        best_objective: Lowest objective among the feasible designs; infinity before the first one.
        best_violation: Lowest violation; infinity before the first evaluation.
    """

    best_objective: float = float("inf")
    best_violation: float = float("inf")

    def update(self, evaluation: Evaluation) -> None:
        """Take note of designs, leaves (batch,), of which there is at least one."""
        feasible = np.where(evaluation.violation <= 0, evaluation.objective, np.inf)
        self.best_objective = min(self.best_objective, float(feasible.min()))
        self.best_violation = min(self.best_violation, float(np.maximum(evaluation.violation, 0.0).min()))


def check_numbers(designs: np.ndarray, evaluation: Evaluation) -> None:
    """Refuse an evaluation (batch,) that is not a number.

    Raises:
        FloatingPointError: If an objective, violation or accuracy is NaN; the first such design is named.
    """
    for name in ("objective", "violation", "accuracy"):
        bad = np.flatnonzero(np.isnan(getattr(evaluation, name)))
        if bad.size:
            raise FloatingPointError(
                f"the problem gave {name} NaN for design {designs[bad[0]].tolist()} ({bad.size} of {len(designs)} "
                "designs in the batch): its cost or accuracy model is at fault"
            )
