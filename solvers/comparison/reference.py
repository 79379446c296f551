"""What solvers are measured from: the exact optimum, or the best that any of them found where no one can know it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from dance_env.analysis.exact import MAX_DESIGNS, Optimum, optimum
from dance_env.analysis.optimum import shipped_optimum
from dance_env.problem import Problem
from dance_env.progress import Progress
from solvers.contract.result import Result


@dataclass(frozen=True)
class Reference:
    """An objective to measure from.

    Attributes:
        objective: percentage points; infinite where no design is feasible, or none was found.
        exact: whether it is the optimum; else no regret can be told, and figures are "above the best known".
        proved: whether it is the optimum by a proof that ships, of a space too large to enumerate.
        source: where it comes from, if it is the best known and not of the runs at hand.
    """

    objective: float
    exact: bool
    proved: bool = False
    source: str = ""

    @classmethod
    def of(cls, optimum: Optimum) -> Reference:
        """The exact optimum; infinite where no design meets the limits."""
        return cls(optimum.objective if optimum.feasible else math.inf, exact=True)

    @classmethod
    def shipped(cls, problem: Problem) -> Reference | None:
        """The optimum whose proof ships with this library; None where there is none, or its gap is not closed."""
        proof = shipped_optimum(problem)
        return None if proof is None or proof.gap > 0 else cls(proof.objective, exact=True, proved=True)

    @classmethod
    def best_known(cls, results: Iterable[Result]) -> Reference:
        """The best that any of these runs found."""
        return cls(min((result.best_objective for result in results), default=float("inf")), exact=False)

    @property
    def name(self) -> str:
        """What it is called."""
        if self.proved:
            return "proved optimum"
        return "exact optimum" if self.exact else "best known"

    def __str__(self) -> str:
        """The objective under its name, or why there is none."""
        if math.isfinite(self.objective):
            source = f", found by {self.source}" if self.source else ""
            return f"{self.name} of the objective {self.objective:.6f}{source}"
        return "no design meets every limit" if self.exact else "no run found a design that meets every limit"


def optimum_reference(problem: Problem, *, progress: Progress | None = None) -> Reference | None:
    """Return the optimum of a problem: by enumeration, else by a proof that ships; None where it is not known.

    That of a noisy problem is that of its expected accuracies; a perturbed problem has its original's.

    Args:
        problem: The problem.
        progress: Called with (networks done, networks in all) while it is enumerated.
    """
    problem = (problem.original or problem).without_noise
    if problem.space.size <= MAX_DESIGNS:
        return Reference.of(optimum(problem, progress=progress))
    return Reference.shipped(problem)
