"""The meter: counts what a solver asks for, keeps the trace, and says when the budget is spent."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Never

import numpy as np

from dance_env.graph import canonical_networks
from dance_env.problem import Evaluation, Problem
from solvers.contract.allowance import Allowance
from solvers.contract.budget import Budget
from solvers.contract.clock import Account, Clock
from solvers.contract.cost_pairs import cost_pairs
from solvers.contract.ledger import BudgetExhausted, Ledger
from solvers.contract.progress import Callback, Progress, Standing, check_numbers
from solvers.contract.record.file import safe_name
from solvers.contract.record.trace import Trace, TraceWriter, best_row, count_distinct
from solvers.contract.trainings import Trainings, final_training, trainings

RETRIES = "retries.txt"
"""The attachment that says how often the problem failed and was asked again."""


class Meter:
    """One run's account; mutable, made by `Solver.solve`, found by a solver as `problem.meter`.

    Args:
        budget: The most that the run may spend; a number stands for evaluations plus gradient queries.
        problem: What is asked.
        solver: The solver's name, for the callback.
        seed: The run's seed, for the callback.
        callback: Called with the `Progress` after every evaluation or gradient query.

    Attributes:
        attachments: Texts to keep with the result; see `attach`.
        before_questions: Functions that are called before each question; what they raise goes through the solver.

    Raises:
        TypeError: If the budget is not a number of the right kind.
        ValueError: If the budget is out of range, its trace could outgrow the memory limit, or it limits GPU-hours where
            the problem has no training times.
    """

    def __init__(
        self,
        budget: int | str | Budget,
        problem: Problem,
        *,
        solver: str = "",
        seed: int = 0,
        callback: Callback | None = None,
    ) -> None:
        self._allowance = Allowance(Budget.of(budget), problem)
        self._process = os.getpid()
        self._problem, self._solver, self._seed, self._callback = problem, solver, seed, callback
        self._writer = TraceWriter(problem.space.num_choices, most=self._allowance.most_queries)
        self._counts = {"gradient_queries": 0, "evaluator_samples": 0, "training_steps": 0, "training_images": 0}
        self._tables_read = False
        self._accuracies_read = False
        self._evaluator_shared = False
        self._standing = Standing()
        self._pairs = cost_pairs(problem.network_space, problem.accelerator_space.size)
        self._rows_marked = 0
        self.clock = Clock()
        self.attachments: dict[str, str] = {}
        self.before_questions: list[Callable[[], object]] = []

    def __deepcopy__(self, _: dict[int, Any]) -> Meter:
        """Return the same account: a solver that plans on copies of its env is billed for them as well."""
        return self

    def __reduce__(self) -> Never:
        raise TypeError(
            "a solver's env cannot be pickled: in another process it would not be on the meter. Ask for whole batches "
            "in the process of `search` (problem.evaluate, problem.vector)"
        )

    @property
    def budget(self) -> Budget:
        """The most that the run may spend."""
        return self._allowance.budget

    @property
    def planned_evaluations(self) -> int:
        """How many evaluations the whole budget pays for, at least 1, for a solver that plans ahead.

        Under a budget in trained networks each evaluation is taken to be of a new network; under one in GPU-hours, of
        one that trains as long as the mean of a fixed sample of networks.
        """
        return max(1, self._allowance.planned_evaluations // self._allowance.trainings_each)

    @property
    def spent(self) -> int:
        """Evaluations plus gradient queries so far."""
        return len(self._writer) + self._counts["gradient_queries"]

    @property
    def evaluations(self) -> int:
        """Evaluations so far."""
        return len(self._writer)

    @property
    def seed(self) -> int:
        """The run's seed."""
        return self._seed

    @property
    def left(self) -> int:
        """Evaluations plus gradient queries that are left; never negative, 0 once no new network can be paid.

        Where the budget does not limit these, it is what is left of `QUERIES_PER_NETWORK` for each planned evaluation.
        """
        return self._allowance.queries_left

    @property
    def evaluations_left(self) -> int:
        """How many new networks can still be evaluated; at most `left`.

        Under a budget in GPU-hours it is an estimate: what is left over the mean training time of the networks that the
        run has trained, before the first one that of a fixed sample. A supernet is not counted until it is asked for.
        """
        return self._allowance.evaluations_left

    @property
    def fraction(self) -> float:
        """Share of the budget spent, from 0 to 1."""
        return self._allowance.fraction

    def affordable(self, networks: np.ndarray) -> int:
        """Return how many of the networks (batch, network choices) the budget still allows to evaluate, in their order.

        Under a budget in trained networks or GPU-hours, a network that the run has evaluated before costs nothing. The
        first network that cannot be paid ends the run: nothing after it is affordable.

        Raises:
            BudgetExhausted: If there are none, though some were asked for.
        """
        affordable = self._allowance.affordable(networks)
        if affordable == 0:
            self.refuse(len(networks))
        return affordable

    def refuse(self, rows: int) -> None:
        """Refuse the rows of a batch that were not affordable.

        Raises:
            BudgetExhausted: If there are any.
        """
        if rows:
            raise BudgetExhausted(asked=rows, left=self.left, budget=self.budget)

    def record(self, designs: np.ndarray, evaluation: Evaluation, cost: np.ndarray) -> None:
        """Add evaluated designs to the trace.

        Args:
            designs: (batch, choices), no more rows than are affordable.
            evaluation: Their evaluation, leaves (batch,).
            cost: (batch,) the objective's cost function.

        Raises:
            FloatingPointError: If an objective, accuracy or violation is not a number; nothing is recorded.
        """
        check_numbers(designs, evaluation)
        self._allowance.evaluated(designs[:, self._problem.space.network])
        self._writer.append(
            designs,
            objective=evaluation.objective,
            violation=evaluation.violation,
            cost=cost,
            accuracy=evaluation.accuracy,
            latency_s=evaluation.cost.latency_s,
            energy_j=evaluation.cost.energy_j,
            area_mm2=evaluation.cost.area_mm2,
            gradient_queries=self._counts["gradient_queries"],
            solver_seconds=self.clock.seconds("solver"),
            oracle_seconds=self.clock.seconds("oracle"),
        )
        if len(designs):
            self._standing.update(evaluation)
            self._report()

    @contextmanager
    def gradients(self, rows: int) -> Iterator[None]:
        """Ask the problem for `rows` gradient queries inside; they are charged unless the question fails.

        Raises:
            BudgetExhausted: If fewer are left, or the supernet cannot be paid; nothing is asked.
        """
        if not self._allowance.affords_gradients(rows):
            self.refuse(rows)
        with self.oracle():
            yield
        self._counts["gradient_queries"] += rows
        self._allowance.asked_gradients(rows)
        if rows:
            self._report()

    def bill_costs(self, networks: np.ndarray | None = None, hardware: np.ndarray | None = None) -> None:
        """Note that costs were asked for apart from evaluations: of networks, each on one accelerator.

        Args:
            networks: (batch, network choices); every network by default.
            hardware: (batch,) accelerator indices; every accelerator by default.
        """
        row = len(self._writer)
        if networks is None:
            self._pairs.mark_all(row=row)
        elif hardware is None:
            self._pairs.mark_everywhere(np.asarray(networks), row=row)
        else:
            self._pairs.mark(np.asarray(networks), np.asarray(hardware), row=row)

    def bill_evaluator(self, samples: int, *, seconds: float = 0.0, shared: bool = False) -> None:
        """Count the samples that an evaluator was trained on, and the seconds that its training took, now or earlier.

        Loading and training are inside `charge("nobody")` then, so that a run costs the same with a cache or without.
        Training that is timed by `charge("evaluator")` instead has no seconds here.

        Args:
            samples: How many.
            seconds: Of the training, as it was recorded.
            shared: Whether the evaluator does not depend on the run's seed, so that it serves the runs of all seeds.
        """
        self._counts["evaluator_samples"] += int(samples)
        self._evaluator_shared = self._evaluator_shared or shared
        self.clock.add("evaluator", seconds)

    def bill_training(self, *, steps: int, images: int) -> None:
        """Count updates of a supernet's weights; they are timed by `charge("training")`."""
        self._counts["training_steps"] += int(steps)
        self._counts["training_images"] += int(images)
        self._report()

    def bill_gradients(self, rows: int) -> None:
        """Count gradient queries that were answered by a model of the solver's own, such as a supernet in training."""
        with self.gradients(rows):
            pass

    def bill_repeated_trainings(self, times: int) -> None:
        """Bill each network's training so many times, for a run that averages over trainings; before it evaluates any.

        Raises:
            RuntimeError: If the run has evaluated something.
        """
        if len(self._writer):
            raise RuntimeError("how often networks are trained is said before the first evaluation")
        self._allowance.trainings_each *= int(times)

    def note_retry(self, text: str) -> None:
        """Keep with the result that the problem failed and was asked again."""
        evaluations = len(self._writer)
        self.attach(RETRIES, f"{self.attachments.get(RETRIES, '')}after {evaluations} evaluations, {text}\n")

    def bill_cached_oracle(self, seconds: float) -> None:
        """Charge the oracle's seconds of an earlier run whose answer was read from a cache."""
        self.clock.add("oracle", seconds)

    def bill_tables(self, *, accuracies: bool = True) -> None:
        """Note that the solver read the problem's tables: every cost pair is on the bill.

        Args:
            accuracies: Whether it read the accuracies too: every network's training is then on the bill.
        """
        self._tables_read = True
        self._accuracies_read = self._accuracies_read or accuracies
        self.bill_costs()

    def charge(self, account: Account) -> Any:
        """Charge the time inside to an account, as a context manager; what is charged further inside is left out.

        "evaluator" is for training an evaluator, "training" for training a supernet, "nobody" for waiting until another
        process has done something that is billed by its own seconds.
        """
        return self.clock.charge(account)

    @contextmanager
    def oracle(self) -> Iterator[None]:
        """Ask the problem inside; the time is charged to the oracle.

        Raises:
            RuntimeError: If the run has ended, or this is not the process that it runs in.
        """
        if self.clock.stopped:
            raise RuntimeError("this env belongs to a run that has ended; nothing more can be asked of it")
        if os.getpid() != self._process:
            raise RuntimeError(
                "a solver's env answers only in the process that `search` runs in: elsewhere its questions would not be "
                "on the meter. Ask for whole batches in place of single designs in parallel"
            )
        for check in self.before_questions:
            check()
        with self.clock.charge("oracle"):
            yield

    def attach(self, name: str, text: str) -> None:
        """Keep a text of the solver's with the result, such as a transcript; a second one of the name replaces it.

        Args:
            name: The ending of its file's name beside the record, such as "transcript.jsonl".
            text: The same for the same seed, so without clocks.

        Raises:
            ValueError: If the name could not stand in a file's name.
        """
        if safe_name(name) != name:
            raise ValueError(f"an attachment's name has letters, digits, dots and hyphens alone; got {name!r}")
        self.attachments[name] = text

    def stop(self) -> None:
        """Stop the clock; nothing more can be asked."""
        self.clock.stop()

    def ledger(self) -> Ledger:
        """Return the bill so far."""
        self._mark_rows()
        designs = self._writer.designs
        space = self._problem.space
        networks = canonical_networks(self._problem.network_space, designs[:, space.network])
        distinct = np.concatenate([networks, designs[:, space.hardware]], axis=1)
        trained = self._trained()
        best = best_row(self._writer.column("objective"), self._writer.column("violation"))
        asked = self._counts["gradient_queries"] > 0
        return Ledger(
            evaluations=len(designs),
            networks=count_distinct(networks, space.option_counts[space.network]),
            repeats=len(designs) - count_distinct(distinct, space.option_counts),
            **self._counts,
            training_gpu_hours=trained.gpu_hours,
            supernet_trainings=self._problem.supernet_trainings if asked else 0.0,
            supernet_gpu_hours=self._problem.supernet_gpu_hours if asked or not self._problem.is_timed else 0.0,
            final_training_gpu_hours=final_training(self._problem, None if best is None else networks[best]),
            cost_pairs=self._pairs.count(),
            evaluator_seconds=self.clock.seconds("evaluator"),
            training_seconds=self.clock.seconds("training"),
            solver_seconds=self.clock.seconds("solver"),
            oracle_seconds=self.clock.seconds("oracle"),
            tables_read=self._tables_read,
            accuracies_read=self._accuracies_read,
            evaluator_shared=self._evaluator_shared,
        )

    def trace(self) -> Trace:
        """Return the trace so far."""
        self._mark_rows()
        trained = self._trained()
        return self._writer.trace(
            cost_pairs=self._pairs.count_at(len(self._writer)),
            trained_networks=trained.networks_at,
            gpu_hours=trained.gpu_hours_at,
        )

    def _trained(self) -> Trainings:
        return trainings(
            self._problem,
            self._writer.designs[:, self._problem.space.network],
            self._writer.column("gradient_queries"),
            accuracies_read=self._accuracies_read,
            each=self._allowance.trainings_each,
        )

    def _mark_rows(self) -> None:
        """Note the cost pairs of the evaluations since the last time: many at once, since each call has its price."""
        space, row = self._problem.space, self._rows_marked
        designs = self._writer.designs[row:]
        hardware = self._problem.accelerator_space.index(designs[:, space.hardware])
        self._pairs.mark(designs[:, space.network], hardware, row=row, one_row_each=True)
        self._rows_marked = len(self._writer)

    def _report(self) -> None:
        """Call the callback; its time is charged to nobody."""
        if self._callback is None:
            return
        with self.clock.charge("nobody"):
            self._callback(
                Progress(
                    solver=self._solver,
                    task=self._problem.name,
                    seed=self._seed,
                    budget=self.budget,
                    fraction=self.fraction,
                    evaluations=len(self._writer),
                    gradient_queries=self._counts["gradient_queries"],
                    training_steps=self._counts["training_steps"],
                    best_objective=self._standing.best_objective,
                    best_violation=self._standing.best_violation,
                    seconds=self.clock.elapsed,
                )
            )
