"""A cache of accuracies for the length of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from solvers.contract.metered_problem import MeteredProblem
from solvers.middleware.wrapper import Wrapper


@dataclass(frozen=True)
class Cache(Wrapper):
    """The accuracy model is asked once about each network of the run; the trace is the same, to the bit.

    It saves time where the accuracy model is slow, and nothing of the budget: the meter counts every evaluation, a repeat as
    well. Costs are in a table already.
    """

    name: ClassVar[str] = "cache"

    def around(self, problem: MeteredProblem) -> MeteredProblem:
        """Return the problem with a memory of accuracies."""
        return problem.remembering()
