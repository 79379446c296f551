"""The bill of one run: what a solver asked for, each kind of question counted apart."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any, Literal, NamedTuple

from solvers.contract.budget import Budget
from solvers.contract.capabilities import Access

Share = Literal["fixed", "per design"]
"""Who a line serves: every search on a network space and its accelerators (fixed), or the one design searched for."""


class BudgetExhausted(Exception):
    """Raised by the metered problem when a solver asks for more than is left of its budget.

    A solver may let it pass (`Solver.solve` turns it into a status), or catch it to finish up; asking again raises
    again.
    """

    def __init__(self, *, asked: int, left: int, budget: Budget) -> None:
        if budget.counts_trainings:
            text = (
                f"asked for {asked} more evaluations or gradient queries than a budget of {budget.described} pays for"
            )
        else:
            text = f"asked for {asked} more evaluations or gradient queries where {left} of the budget of {budget} were left"
        super().__init__(text)
        self.asked = asked
        self.left = left
        self.budget = budget

    def __reduce__(self) -> tuple[object, ...]:
        return _exhausted, (self.asked, self.left, self.budget)


def _exhausted(asked: int, left: int, budget: Budget) -> BudgetExhausted:
    return BudgetExhausted(asked=asked, left=left, budget=budget)


@dataclass(frozen=True)
class CostPairPrice:
    """What finding the best mapping of one layer on one accelerator takes.

    Attributes:
        name: What it is called.
        seconds: Processor seconds of one pair.
    """

    name: str
    seconds: float

    def hours(self, pairs: float) -> float:
        """Return the processor-hours of so many distinct pairs."""
        return pairs * self.seconds / 3600.0


OUR_PRICE = CostPairPrice("ours", 3.5e-6)
"""This library's search: one core, all 13,872 accelerators of a layer in one pass, 2.5e6 pairs of accel-nasbench in 8.8 s."""

TIMELOOP_PRICE = CostPairPrice("Timeloop", 10.6)
"""Timeloop's mapper: the mean over the 420 rows of reference/timeloop/points.csv of `mapper_total_s`, all searches of a
row on one thread (5 to 8 searches; one plain search takes 1.75 s and leaves 5 to 25 % of EDP on the table)."""


class Line(NamedTuple):
    """One line of the bill, for reports.

    Attributes:
        name: The ledger's field.
        value: How many; None where it is not known.
        unit: Of what.
        share: Whether it is paid once (fixed) or for each design that is searched for.
    """

    name: str
    value: float | None
    unit: str
    share: Share


def _line(default: Any, unit: str, share: Share) -> Any:
    return field(default=default, metadata={"unit": unit, "share": share})


@dataclass(frozen=True)
class Ledger:
    """What one run has spent.

    On a table an evaluation is a look-up; in practice it is a training. The lines in GPU-hours say what the run would have
    cost then, on the machine of the problem's training times; seconds are those that the run took here. A budget bounds
    `spent`, trained networks, or `gpu_hours`; the other counts are kept so that a comparison can be drawn against any of
    them.

    Attributes:
        evaluations: Designs evaluated exactly; each is one row of the trace.
        networks: Distinct networks among them: what would have to be trained. Designs that are the same network, by the
            network space's own account (`CanonicalNetworks`), count once.
        repeats: Evaluations of a design (the same network on the same accelerator) that the run had evaluated before.
        gradient_queries: Rows whose expected accuracy was asked for, each with one vector-Jacobian product.
        training_gpu_hours: Of training each distinct network once; of every network where the accuracies were read as a
            table. None where it is not known, as the other two in GPU-hours.
        supernet_trainings: The price of a supernet in trainings of the largest network, an assumption of the problem; 0
            where no gradient was asked for.
        supernet_gpu_hours: Its price in GPU-hours. The first gradient query pays it whole: a supernet has to be trained
            before it answers, and nothing more is trained for later queries.
        final_training_gpu_hours: Of training the reported network, which every search ends with.
        cost_pairs: Distinct (layer, accelerator) pairs whose cost was asked for, by whatever question.
        evaluator_samples: Samples that a learned evaluator was trained on, in this run or in an earlier one.
        evaluator_seconds: Wall time of training it, in this run or (read from a cache) in an earlier one.
        training_steps: Updates of the weights of a supernet that is trained during the search.
        training_images: Images that these updates saw.
        training_seconds: Wall time of these updates.
        tuning_runs: Runs that chose the settings before this one, on all tuning seeds.
        tuning_queries: Their evaluations and gradient queries.
        tuning_gpu_hours: Their GPU-hours of training; 0 where GPU-hours are not known.
        solver_seconds: Wall time of the search itself: less the oracle's, all training's and the callbacks'.
        oracle_seconds: Wall time inside the problem.
        tables_read: Whether the solver read the problem's tables behind the meter.
        accuracies_read: Whether the accuracies were among them.
        evaluator_shared: Whether the run used an evaluator that serves the runs of all seeds: a spread over seeds then
            leaves out that of its training.
    """

    evaluations: int = _line(0, "designs", "per design")
    networks: int = _line(0, "networks", "per design")
    repeats: int = _line(0, "designs", "per design")
    gradient_queries: int = _line(0, "rows", "per design")
    training_gpu_hours: float | None = _line(None, "GPU-hours", "per design")
    supernet_trainings: float = _line(0.0, "trainings of the largest network", "fixed")
    supernet_gpu_hours: float | None = _line(None, "GPU-hours", "fixed")
    final_training_gpu_hours: float | None = _line(None, "GPU-hours", "per design")
    cost_pairs: int = _line(0, "(layer, accelerator) pairs", "fixed")
    evaluator_samples: int = _line(0, "samples", "fixed")
    evaluator_seconds: float = _line(0.0, "s", "fixed")
    training_steps: int = _line(0, "updates", "per design")
    training_images: int = _line(0, "images", "per design")
    training_seconds: float = _line(0.0, "s", "per design")
    tuning_runs: int = _line(0, "runs", "fixed")
    tuning_queries: int = _line(0, "evaluations + gradient queries", "fixed")
    tuning_gpu_hours: float = _line(0.0, "GPU-hours", "fixed")
    solver_seconds: float = _line(0.0, "s", "per design")
    oracle_seconds: float = _line(0.0, "s", "per design")
    tables_read: bool = False
    accuracies_read: bool = False
    evaluator_shared: bool = False

    @property
    def spent(self) -> int:
        """What counts against the budget: evaluations and gradient queries."""
        return self.evaluations + self.gradient_queries

    @property
    def gpu_hours(self) -> float | None:
        """GPU-hours of the search: trained networks and the supernet. What a budget in GPU-hours bounds."""
        return _total(self.training_gpu_hours, self.supernet_gpu_hours)

    @property
    def per_design_gpu_hours(self) -> float | None:
        """What each further design costs in GPU-hours: trained networks and the final training."""
        return _total(self.training_gpu_hours, self.final_training_gpu_hours)

    @property
    def fixed_gpu_hours(self) -> float | None:
        """What is paid once for a network space, however many designs are searched for: the supernet, tuning."""
        return _total(self.supernet_gpu_hours, self.tuning_gpu_hours)

    @property
    def all_in_gpu_hours(self) -> float | None:
        """What one design costs in GPU-hours if nothing was there before."""
        return _total(self.fixed_gpu_hours, self.per_design_gpu_hours)

    def break_even(self, other: Ledger) -> float | None:
        """Return the least number of designs from which this bill is not above another's, each paying its own way.

        For n designs a bill is its fixed GPU-hours and n times those per design.

        Args:
            other: The other solver's bill.

        Returns:
            A whole number of at least 1; infinity where this bill stays above the other; None where GPU-hours are not
            known.
        """
        figures = (self.fixed_gpu_hours, self.per_design_gpu_hours, other.fixed_gpu_hours, other.per_design_gpu_hours)
        known = [each for each in figures if each is not None]
        return break_even(*known) if len(known) == len(figures) else None

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


def break_even(fixed: float, each: float, other_fixed: float, other_each: float) -> float:
    """Return the least whole n of at least 1 with `fixed + n each <= other_fixed + n other_each`; infinity for none."""
    if fixed + each <= other_fixed + other_each:
        return 1.0
    if each >= other_each:
        return math.inf
    return float(math.ceil((fixed - other_fixed) / (other_each - each) - 1e-9))


def _total(*hours: float | None) -> float | None:
    known = [each for each in hours if each is not None]
    return sum(known) if len(known) == len(hours) else None
