"""What every wrapper is: a solver that runs another one on the same problem, seen through something."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.solver import Solver


class SearchEnded(BaseException):
    """Raised by a wrapper in the search that it wraps, to end it; the wrapper that raised it catches it.

    It is not an `Exception`, so that a solver that catches every error does not catch this one.
    """


@dataclass(frozen=True)
class Wrapper(Solver):
    """A solver around another one; concrete wrappers are frozen dataclasses with further settings.

    It has the capabilities of the solver that it wraps. It is on the same meter, and draws no random number.

    Attributes:
        solver: The solver that is wrapped.

    Raises:
        TypeError: If that is no solver.
    """

    solver: Solver

    def __post_init__(self) -> None:
        if not isinstance(self.solver, Solver):
            raise TypeError(f"{self.name} wraps a Solver, not {self.solver!r}")
        # Capabilities are a class's; here they are those of a value.
        object.__setattr__(self, "capabilities", self.solver.capabilities)

    @abstractmethod
    def around(self, problem: MeteredProblem) -> MeteredProblem:
        """Return the problem as the wrapped solver is to see it."""

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Run the wrapped solver's search; it ends early where this wrapper ends it."""
        seen = self.around(problem)
        try:
            self.solver.search(seen, rng)
        except SearchEnded as end:
            if end.args != (id(seen),):
                raise
