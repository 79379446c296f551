"""The meter: counts what a solver asks for, keeps the trace, watches the clocks, and says when the budget is spent."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Never

import numpy as np

from solvers.contract.ledger import BudgetExhausted, BudgetIgnored, Ledger
from solvers.contract.progress import Callback, Progress
from solvers.contract.record.trace import Trace, TraceWriter

if TYPE_CHECKING:
    from dance_env.problem import Evaluation

_REFUSALS = 1000
"""Questions in a row that are refused by `BudgetExhausted` before the run is ended for the solver."""


class Meter:
    """One run's account; mutable, made by `Solver.solve`, found by a solver as `env.problem.meter`.

    There is one account, wherever the env goes: a copy of the env is billed to the same meter, and another process or
    thread is refused, since what it asks would be counted twice, or not at all, in an order that no seed decides.

    Args:
        budget: the most evaluations plus gradient queries that the run may spend.
        num_choices: columns of a design.
        solver: the solver's name, for the callback.
        task: the problem's name, for the callback.
        seed: the run's seed, for the callback.
        callback: told the `Progress` after every evaluation or gradient query.
    """

    def __init__(
        self,
        budget: int,
        num_choices: int,
        *,
        solver: str = "",
        task: str = "",
        seed: int = 0,
        callback: Callback | None = None,
    ) -> None:
        if isinstance(budget, bool) or not isinstance(budget, int | np.integer):
            raise TypeError(f"the budget is a whole number of evaluations, not {budget!r}")
        if budget < 1:
            raise ValueError(f"the budget is at least one evaluation, not {budget}")
        self._budget = int(budget)
        self._home = (os.getpid(), threading.get_ident())
        self._refusals = 0
        self._solver, self._task, self._seed, self._callback = solver, task, seed, callback
        self._writer = TraceWriter(num_choices)
        self._gradient_queries = 0
        self._cost_model_queries = 0
        self._surrogate_samples = 0
        self._tables_read = False
        self._best_objective = np.inf
        self._best_violation = np.inf
        self._oracle_seconds = 0.0
        self._cached_oracle_seconds = 0.0
        self._surrogate_seconds = 0.0
        self._cached_surrogate_seconds = 0.0
        self._uncounted_seconds = 0.0
        self._started = time.perf_counter()
        self._stopped: float | None = None

    def __copy__(self) -> Meter:
        """The same account: what a copied env is asked is billed as well."""
        return self

    def __deepcopy__(self, _: dict[int, Any]) -> Meter:
        """The same account, as for `copy.copy`."""
        return self

    def __reduce__(self) -> Never:
        raise TypeError(
            "a solver's env cannot be pickled: in another process it would not be on the meter. Ask for whole batches "
            "in the process of `search` (env.evaluate, env.vector)"
        )

    @property
    def budget(self) -> int:
        """The most that the run may spend."""
        return self._budget

    @property
    def spent(self) -> int:
        """Evaluations plus gradient queries so far."""
        return len(self._writer) + self._gradient_queries

    @property
    def left(self) -> int:
        """What is left of the budget; never negative."""
        return self.budget - self.spent

    def affordable(self, asked: int) -> int:
        """How many of `asked` evaluations the budget still allows.

        Raises:
            BudgetExhausted: none of them, though some were asked for.
        """
        if asked > 0 and self.left == 0:
            self._refuse(asked)
        return min(asked, self.left)

    def record(self, designs: np.ndarray, evaluation: Evaluation, cost: np.ndarray) -> None:
        """Add evaluated designs to the trace.

        Args:
            designs: (batch, choices), no more rows than are affordable.
            evaluation: their evaluation, leaves (batch,).
            cost: (batch,) the objective's cost function.

        Raises:
            FloatingPointError: an objective, accuracy or violation is not a number; nothing of the batch is recorded.
        """
        assert len(designs) <= self.left, "the caller asks `affordable` first"
        _check_numbers(designs, evaluation)
        self._writer.append(
            designs,
            objective=evaluation.objective,
            violation=evaluation.violation,
            cost=cost,
            accuracy=evaluation.accuracy,
            latency_s=evaluation.cost.latency_s,
            energy_j=evaluation.cost.energy_j,
            area_mm2=evaluation.cost.area_mm2,
            gradient_queries=self._gradient_queries,
            cost_model_queries=self._cost_model_queries,
            solver_seconds=self.solver_seconds,
            oracle_seconds=self._oracle_seconds + self._cached_oracle_seconds,
        )
        if len(designs):
            self._refusals = 0
            self._best_violation = min(self._best_violation, float(np.maximum(evaluation.violation, 0.0).min()))
            feasible = np.where(evaluation.violation <= 0, evaluation.objective, np.inf)
            self._best_objective = min(self._best_objective, float(feasible.min()))
            self._tell()

    @contextmanager
    def gradients(self, rows: int) -> Iterator[None]:
        """Ask the problem for `rows` gradient queries inside; they are charged unless the question fails.

        Raises:
            BudgetExhausted: fewer are left; nothing is asked.
        """
        if rows > self.left:
            self._refuse(rows)
        with self.oracle():
            yield
        self._gradient_queries += rows
        if rows:
            self._refusals = 0
            self._tell()

    def bill_costs(self, queries: int) -> None:
        """Count `queries` questions to the cost model alone; they are on the bill but not bounded by the budget."""
        self._cost_model_queries += int(queries)

    def bill_surrogate(self, samples: int, *, cached_seconds: float = 0.0) -> None:
        """Count the samples that a surrogate was trained on, and for one read from a cache its training's seconds.

        Training inside the run is timed by `surrogate_training`, so that a run costs the same with a cache or without.
        """
        self._surrogate_samples += int(samples)
        self._cached_surrogate_seconds += float(cached_seconds)

    def bill_cached_oracle(self, seconds: float) -> None:
        """Charge the oracle's seconds of an earlier run whose answer was read from a cache."""
        self._cached_oracle_seconds += float(seconds)

    def bill_tables(self) -> None:
        """Note that the solver looked at the problem behind the meter."""
        self._tables_read = True

    @contextmanager
    def oracle(self) -> Iterator[None]:
        """Ask the problem inside; the time is charged to the oracle.

        Raises:
            RuntimeError: the run has ended, or this is not the process and thread that it runs in.
        """
        if self._stopped is not None:
            raise RuntimeError("this env belongs to a run that has ended; nothing more can be asked of it")
        if (os.getpid(), threading.get_ident()) != self._home:
            raise RuntimeError(
                "a solver's env answers only in the process and thread that `search` runs in: elsewhere its questions "
                "would not be on the meter. Ask for whole batches in place of single designs in parallel"
            )
        start = time.perf_counter()
        try:
            yield
        finally:
            self._oracle_seconds += time.perf_counter() - start

    @contextmanager
    def surrogate_training(self) -> Iterator[None]:
        """Charge the time inside, less the oracle's share of it, to the surrogate's training."""
        start, oracle = time.perf_counter(), self._oracle_seconds
        try:
            yield
        finally:
            self._surrogate_seconds += time.perf_counter() - start - (self._oracle_seconds - oracle)

    @property
    def solver_seconds(self) -> float:
        """Wall time since the start, less the oracle's, the surrogate training's and the callback's."""
        now = time.perf_counter() if self._stopped is None else self._stopped
        others = self._oracle_seconds + self._surrogate_seconds + self._uncounted_seconds
        return max(0.0, now - self._started - others)

    def stop(self) -> None:
        """Stop the clocks."""
        if self._stopped is None:
            self._stopped = time.perf_counter()

    def ledger(self) -> Ledger:
        """The bill so far."""
        return Ledger(
            evaluations=len(self._writer),
            gradient_queries=self._gradient_queries,
            cost_model_queries=self._cost_model_queries,
            surrogate_samples=self._surrogate_samples,
            solver_seconds=self.solver_seconds,
            oracle_seconds=self._oracle_seconds + self._cached_oracle_seconds,
            surrogate_seconds=self._surrogate_seconds + self._cached_surrogate_seconds,
            tables_read=self._tables_read,
        )

    def trace(self) -> Trace:
        """The trace so far."""
        return self._writer.trace()

    def _refuse(self, asked: int) -> Never:
        self._refusals += 1
        if self._refusals > _REFUSALS:
            raise BudgetIgnored(
                f"it went on asking after {_REFUSALS} refusals in a row: its budget of {self.budget} is spent. Let "
                "BudgetExhausted pass, or end the search where you catch it"
            )
        raise BudgetExhausted(asked=asked, left=self.left, budget=self.budget)

    def _tell(self) -> None:
        if self._callback is None:
            return
        start = time.perf_counter()
        try:
            self._callback(
                Progress(
                    solver=self._solver,
                    task=self._task,
                    seed=self._seed,
                    budget=self.budget,
                    evaluations=len(self._writer),
                    gradient_queries=self._gradient_queries,
                    best_objective=self._best_objective,
                    best_violation=self._best_violation,
                    seconds=start - self._started - self._uncounted_seconds,
                )
            )
        finally:
            self._uncounted_seconds += time.perf_counter() - start


def _check_numbers(designs: np.ndarray, evaluation: Evaluation) -> None:
    for name in ("objective", "violation", "accuracy"):
        bad = np.flatnonzero(np.isnan(getattr(evaluation, name)))
        if bad.size:
            raise FloatingPointError(
                f"the problem gave {name} NaN for design {designs[bad[0]].tolist()} ({bad.size} of {len(designs)} "
                "designs in the batch): its cost or accuracy model is at fault"
            )
