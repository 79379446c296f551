"""The bill of one run: what a solver asked for, each kind of question counted apart."""

from __future__ import annotations

from dataclasses import dataclass


class BudgetExhausted(Exception):
    """Raised by the metered environment when a solver asks for more than is left of its budget.

    A solver may let it pass (`Solver.solve` turns it into a status), or catch it to finish up; asking again raises
    again.
    """

    def __init__(self, *, asked: int, left: int, budget: int) -> None:
        super().__init__(f"asked for {asked} more evaluations where {left} of the budget of {budget} were left")
        self.asked = asked
        self.left = left
        self.budget = budget

    def __reduce__(self) -> tuple[object, ...]:
        return _exhausted, (self.asked, self.left, self.budget)


def _exhausted(asked: int, left: int, budget: int) -> BudgetExhausted:
    return BudgetExhausted(asked=asked, left=left, budget=budget)


class BudgetIgnored(BaseException):
    """Ends a run whose solver catches `BudgetExhausted` and asks on and on; the run counts as failed.

    No `Exception`, so that what caught the refusals does not catch this too.
    """


@dataclass(frozen=True)
class Ledger:
    """What one run has spent.

    Only `spent` (evaluations plus gradient queries) is bounded by the budget; the other counts are kept so that a
    comparison can be drawn against any of them.

    Attributes:
        evaluations: designs evaluated exactly; each is one row of the trace.
        gradient_queries: rows asked of the differentiable view of the problem.
        cost_model_queries: costs asked for apart from evaluations, one per network and accelerator.
        surrogate_samples: samples that a surrogate of the problem was trained on, in this run or in an earlier one.
        solver_seconds: wall time of the search, less the oracle's and the surrogate training's.
        oracle_seconds: wall time inside the problem.
        surrogate_seconds: wall time of training the surrogate, in this run or (read from a cache) in an earlier one.
        tables_read: whether the solver looked at the problem behind the meter, so that the counts do not tell all.
    """

    evaluations: int = 0
    gradient_queries: int = 0
    cost_model_queries: int = 0
    surrogate_samples: int = 0
    solver_seconds: float = 0.0
    oracle_seconds: float = 0.0
    surrogate_seconds: float = 0.0
    tables_read: bool = False

    @property
    def spent(self) -> int:
        """What counts against the budget: evaluations and gradient queries."""
        return self.evaluations + self.gradient_queries

    @property
    def seconds(self) -> float:
        """Wall time of the run, with its surrogate's training charged in full."""
        return self.solver_seconds + self.oracle_seconds + self.surrogate_seconds

    def seconds_amortised(self, runs: int) -> float:
        """Wall time of the run when its surrogate's training is shared by `runs` runs."""
        if runs < 1:
            raise ValueError(f"a surrogate is shared by at least one run, not by {runs}")
        return self.solver_seconds + self.oracle_seconds + self.surrogate_seconds / runs
