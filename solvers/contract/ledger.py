"""The bill of one run: what a solver asked for, each kind of question counted apart."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Literal, NamedTuple

from solvers.contract.capabilities import Access

Share = Literal["fixed", "per design"]
"""Who a line serves: every search on a network space and its accelerators (fixed), or the one design searched for."""


class BudgetExhausted(Exception):
    """Raised by the metered problem when a solver asks for more than is left of its budget.

    A solver may let it pass (`Solver.solve` turns it into a status), or catch it to finish up; asking again raises
    again.
    """

    def __init__(self, *, asked: int, left: int, budget: int) -> None:
        super().__init__(
            f"asked for {asked} more evaluations or gradient queries where {left} of the budget of {budget} were left"
        )
        self.asked = asked
        self.left = left
        self.budget = budget

    def __reduce__(self) -> tuple[object, ...]:
        return _exhausted, (self.asked, self.left, self.budget)


def _exhausted(asked: int, left: int, budget: int) -> BudgetExhausted:
    return BudgetExhausted(asked=asked, left=left, budget=budget)


class Line(NamedTuple):
    """One line of the bill, for reports.

    Attributes:
        name: The ledger's field.
        value: How many.
        unit: Of what.
        share: Whether it is paid once (fixed) or for each design that is searched for.
    """

    name: str
    value: float
    unit: str
    share: Share


def _line(default: Any, unit: str, share: Share) -> Any:
    return field(default=default, metadata={"unit": unit, "share": share})


@dataclass(frozen=True)
class Ledger:
    """What one run has spent.

    Only `spent` (evaluations plus gradient queries) is bounded by the budget; the other counts are kept so that a
    comparison can be drawn against any of them.

    Attributes:
        evaluations: Designs evaluated exactly; each is one row of the trace.
        networks: Distinct networks among them: what would have to be trained.
        repeats: Evaluations of a design that the run had evaluated before.
        gradient_queries: Rows whose expected accuracy was asked for, each with one vector-Jacobian product.
        cost_pairs: Distinct (layer, accelerator) pairs whose cost was asked for, by whatever question.
        evaluator_samples: Samples that a learned evaluator was trained on, in this run or in an earlier one.
        evaluator_seconds: Wall time of training it, in this run or (read from a cache) in an earlier one.
        training_steps: Updates of the weights of a supernet that is trained during the search.
        training_images: Images that these updates saw.
        training_seconds: Wall time of these updates.
        solver_seconds: Wall time of the search itself: less the oracle's, all training's and the callbacks'.
        oracle_seconds: Wall time inside the problem.
        tables_read: Whether the solver read the problem's tables behind the meter.
        evaluator_shared: Whether the run used an evaluator that serves the runs of all seeds: a spread over seeds then
            leaves out that of its training.
    """

    evaluations: int = _line(0, "designs", "per design")
    networks: int = _line(0, "networks", "per design")
    repeats: int = _line(0, "designs", "per design")
    gradient_queries: int = _line(0, "rows", "per design")
    cost_pairs: int = _line(0, "(layer, accelerator) pairs", "fixed")
    evaluator_samples: int = _line(0, "samples", "fixed")
    evaluator_seconds: float = _line(0.0, "s", "fixed")
    training_steps: int = _line(0, "updates", "per design")
    training_images: int = _line(0, "images", "per design")
    training_seconds: float = _line(0.0, "s", "per design")
    solver_seconds: float = _line(0.0, "s", "per design")
    oracle_seconds: float = _line(0.0, "s", "per design")
    tables_read: bool = False
    evaluator_shared: bool = False

    @property
    def spent(self) -> int:
        """What counts against the budget: evaluations and gradient queries."""
        return self.evaluations + self.gradient_queries

    @property
    def access(self) -> Access:
        """What the run made use of: the problem's tables, gradients, or values alone."""
        if self.tables_read:
            return "white box"
        return "gradients" if self.gradient_queries else "values"

    @property
    def seconds(self) -> float:
        """Wall time of the run, with all training charged in full."""
        return self.solver_seconds + self.oracle_seconds + self.evaluator_seconds + self.training_seconds

    def seconds_amortized(self, runs: int) -> float:
        """Return the wall time of the run when its evaluator's training is shared by `runs` runs."""
        if runs < 1:
            raise ValueError(f"an evaluator is shared by at least one run, not by {runs}")
        return self.seconds - self.evaluator_seconds * (1.0 - 1.0 / runs)

    def lines(self) -> tuple[Line, ...]:
        """Return every line of the bill with its unit, and whether it is paid once or for each design."""
        return tuple(
            Line(each.name, getattr(self, each.name), each.metadata["unit"], each.metadata["share"])
            for each in fields(self)
            if each.metadata
        )
