"""What solvers are measured from: the exact optimum, or the best that any of them found where no one can know it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from solvers.result import Result


@dataclass(frozen=True)
class Reference:
    """An objective to measure from.

    Attributes:
        objective: percentage points; infinite where none is known, as no run found a feasible design.
        exact: whether it is the optimum; else no regret can be told, and figures are "above the best known".
    """

    objective: float
    exact: bool

    @classmethod
    def best_known(cls, results: Iterable[Result]) -> Reference:
        """The best that any of these runs found."""
        return cls(min((result.best_objective for result in results), default=float("inf")), exact=False)

    @property
    def name(self) -> str:
        """What it is called."""
        return "exact optimum" if self.exact else "best known"

    @property
    def distance(self) -> str:
        """What an objective less this one is called."""
        return "regret" if self.exact else "above the best known"
