"""What a budget still pays for: queries, trained networks, GPU-hours."""

from __future__ import annotations

import math

import numpy as np

from dance_env.graph import canonical_networks
from dance_env.problem import Problem
from dance_env.problem.training_time import sampled_networks
from solvers.contract.budget import Budget
from solvers.contract.trace_memory import check_memory, most_rows

QUERIES_PER_NETWORK = 100
"""Evaluations + gradient queries for each network that a budget pays for, where the budget does not limit them itself.

Evaluating a trained network on another accelerator trains nothing, and neither does a gradient query once the supernet
is there. Without a limit, a run that finds no new network would never end.
"""


class Allowance:
    """A budget, and what a run has spent of it; mutable.

    Networks are noted only where the budget limits trainings: each costs a look-up then.

    Args:
        budget: The limits.
        problem: Says training times and the price of a supernet.

    Attributes:
        trainings_each: How often each network is trained: more than once where a run averages over trainings.

    Raises:
        ValueError: If GPU-hours are limited and the problem has no training times, or the trace could outgrow the
            memory limit.
    """

    def __init__(self, budget: Budget, problem: Problem) -> None:
        if budget.gpu_hours is not None and not problem.is_timed:
            raise ValueError(
                f"a budget of {budget.described} needs training times, and {problem.name!r} has none: give the budget in "
                "evaluations (4000) or trained networks (300networks), or the problem a time model "
                "(Problem.build(training_time=...))"
            )
        self.budget = budget
        self._prior_hours = 0.0 if budget.gpu_hours is None else usual_gpu_hours(problem)
        self.planned_evaluations = planned_evaluations(budget, problem)
        check_memory(self.planned_evaluations, problem.space.num_choices)
        self.trainings_each = 1
        self.queries = 0
        if budget.evaluations is None:
            most = QUERIES_PER_NETWORK * self.planned_evaluations
            self.most_queries = min(most, most_rows(problem.space.num_choices))
        else:
            self.most_queries = budget.evaluations
        self._problem = problem
        self._known: set[bytes] = set()
        self._training_hours = 0.0
        self._supernet = False  # whether gradients were asked for
        self._refused = False  # whether a network could not be paid

    @property
    def queries_left(self) -> int:
        """Evaluations plus gradient queries that are left; 0 once no new network can be paid."""
        if self._refused or self.evaluations_left == 0:
            return 0
        return self.most_queries - self.queries

    @property
    def evaluations_left(self) -> int:
        """New networks that can still be evaluated; an estimate where GPU-hours are limited."""
        if self._refused:
            return 0
        left = (self.most_queries - self.queries) // self.trainings_each
        if self.budget.networks is not None:
            left = min(left, math.floor((self.budget.networks - self._trainings) / self.trainings_each))
        if self.budget.gpu_hours is not None:
            left = min(left, math.floor((self.budget.gpu_hours - self._gpu_hours) / self._usual_hours))
        return max(0, left)

    @property
    def fraction(self) -> float:
        """Share of the budget spent, from 0 to 1: of the limit that is nearest."""
        shares = [self.queries / self.most_queries]
        if self.budget.networks is not None:
            shares.append(self._trainings / self.budget.networks)
        if self.budget.gpu_hours is not None:
            shares.append(self._gpu_hours / self.budget.gpu_hours)
        return min(1.0, max(shares))

    def affordable(self, networks: np.ndarray) -> int:
        """Return how many of the networks (batch, network choices) can be evaluated, in their order.

        A network that cannot be paid is the end of the run: those before it are affordable, and nothing later is.
        """
        if self._refused:
            return 0
        rows = min(len(networks), self.most_queries - self.queries)
        if rows and self.budget.counts_trainings:
            new, hours = self._new_and_hours(networks[:rows])
            paid = np.ones(rows, dtype=bool)
            if self.budget.networks is not None:
                paid &= self._trainings + self.trainings_each * np.cumsum(new) <= self.budget.networks
            if self.budget.gpu_hours is not None:
                paid &= hours + self._supernet_hours <= self.budget.gpu_hours
            if not paid.all():
                self._refused, rows = True, int(paid.argmin())
        return rows

    def evaluated(self, networks: np.ndarray) -> None:
        """Note evaluated networks (batch, network choices): as many as were affordable."""
        if len(networks) and self.budget.counts_trainings:
            self._training_hours = float(self._new_and_hours(networks)[1][-1])
            self._known.update(row.tobytes() for row in self._canonical(networks))
        self.queries += len(networks)

    def affords_gradients(self, rows: int) -> bool:
        """Whether `rows` more gradient queries can be paid; the first one of a run pays for the whole supernet."""
        if rows == 0:
            return True
        if self._refused or rows > self.most_queries - self.queries:
            return False
        if self._supernet:
            return True
        budget, problem = self.budget, self._problem
        networks = self.trainings_each * len(self._known) + problem.supernet_trainings
        hours = self._training_hours + (problem.supernet_gpu_hours or 0.0)
        return (budget.networks is None or networks <= budget.networks) and (
            budget.gpu_hours is None or hours <= budget.gpu_hours
        )

    def asked_gradients(self, rows: int) -> None:
        """Note gradient queries."""
        self.queries += rows
        self._supernet = self._supernet or rows > 0

    def _new_and_hours(self, networks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(batch,) whether each network is new to the run, and (batch,) hours of training up to and including it."""
        known = set(self._known)
        new = np.zeros(len(networks), dtype=bool)
        for row, network in enumerate(self._canonical(networks)):
            key = network.tobytes()
            new[row] = key not in known
            known.add(key)
        prices = np.zeros(len(networks))
        if self.budget.gpu_hours is not None and new.any():
            prices[new] = self.trainings_each * self._problem.training_gpu_hours(networks[new])
        return new, np.cumsum(np.concatenate(([self._training_hours], prices)))[1:]

    def _canonical(self, networks: np.ndarray) -> np.ndarray:
        """Designs that are the same network are trained once."""
        return canonical_networks(self._problem.network_space, networks)

    @property
    def _trainings(self) -> float:
        return self.trainings_each * len(self._known) + (self._problem.supernet_trainings if self._supernet else 0.0)

    @property
    def _supernet_hours(self) -> float:
        return (self._problem.supernet_gpu_hours or 0.0) if self._supernet else 0.0

    @property
    def _gpu_hours(self) -> float:
        return self._training_hours + self._supernet_hours

    @property
    def _usual_hours(self) -> float:
        """GPU-hours of a network: the mean of those trained so far, before that of networks at random."""
        if self._known:
            return self._training_hours / len(self._known)
        return self.trainings_each * self._prior_hours


def usual_gpu_hours(problem: Problem) -> float:
    """Return the mean training time of a fixed sample of a problem's networks."""
    counts = problem.space.option_counts[problem.space.network]
    return float(problem.training_gpu_hours(sampled_networks(counts.tolist())).mean())


def planned_evaluations(budget: Budget, problem: Problem) -> int:
    """Return the evaluations that a budget pays for if each is of a new network: at least 1, an estimate for GPU-hours."""
    limits: list[float] = [each for each in (budget.evaluations, budget.networks) if each is not None]
    if budget.gpu_hours is not None:
        limits.append(budget.gpu_hours / usual_gpu_hours(problem))
    return max(1, math.floor(min(limits)))
