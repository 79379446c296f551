"""Noisy evaluations averaged: several trainings of each network, all of them paid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dance_env.problem import Evaluation
from solvers.contract.metered_problem import Layer, MeteredProblem
from solvers.middleware.wrapper import Wrapper


@dataclass(frozen=True)
class Average(Wrapper):
    """Each design is evaluated several times; the solver is told the mean accuracy, and what follows from it.

    An accuracy model that declares further trainings (`RepeatableAccuracy`) gives a new one each time; any other is asked
    again. All of it is billed: as many evaluations, and each network is trained as many times.

    Attributes:
        repeats: Evaluations of each design.
    """

    name: ClassVar[str] = "average"
    repeats: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.repeats < 1:
            raise ValueError(f"repeats is at least 1, not {self.repeats}")

    def around(self, problem: MeteredProblem) -> MeteredProblem:
        """Return the problem that answers means."""
        problem.meter.bill_repeated_trainings(self.repeats)
        return problem.through(_Means(self.repeats))


class _Means(Layer):
    """Answers the mean of several evaluations."""

    def __init__(self, repeats: int) -> None:
        self._repeats = repeats

    def evaluate(self, problem: MeteredProblem, designs: np.ndarray) -> Evaluation:
        """Ask for each design as often as it is averaged."""
        return problem.evaluate_mean(designs, self._repeats)

    def evaluate_networks(self, problem: MeteredProblem, networks: np.ndarray) -> Evaluation:
        """Ask for each network as often as it is averaged."""
        return problem.evaluate_networks_mean(networks, self._repeats)
