"""The problems that claims are tested on: the named tasks, and the spaces for which only costs are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dance_env.graph import NetworkSpace
from dance_env.problem import Problem
from solvers.claims.scale import Scale
from solvers.claims.work import Work

_COSTS_ONLY = ("dance-cifar10",)
_REFERENCE_JS_MM2 = 1e-6


def problem_of(name: str, scale: Scale, work: Work) -> Problem:
    """A task by name, or ("dance-cifar10") the paper's own space under EDAP, of which only costs can be asked.

    Raises:
        ValueError: an unknown name.
    """
    from dance_env.tasks import make_problem

    def tell(done: int, total: int) -> None:
        work.tell(f"cost table of {name}", done, total)

    if name not in _COSTS_ONLY:
        return make_problem(name, accuracy_table=scale.accuracy_table, progress=tell)
    from dance_env.cost import EDGE_LPDDR4, AnalyticalCostModel, CostTable
    from dance_env.graph.networks import network_space
    from dance_env.objective import EDAP, Objective
    from dance_env.space import dance_accelerators

    space, accelerators = network_space(name), dance_accelerators()
    costs = CostTable.build(space, accelerators, model=AnalyticalCostModel(technology=EDGE_LPDDR4), progress=tell)
    return Problem(
        name=f"{name}/edap",
        network_space=space,
        accelerator_space=accelerators,
        costs=costs,
        accuracy=UnknownAccuracy(space),
        objective=Objective(EDAP(_REFERENCE_JS_MM2), weight=1.0),
    )


def knows_accuracy(problem: Problem) -> bool:
    """Whether designs of the problem can be evaluated, or only their costs looked up."""
    return not isinstance(problem.accuracy, UnknownAccuracy)


@dataclass(frozen=True)
class UnknownAccuracy:
    """Stands where a problem wants accuracies and nothing asks for them."""

    space: NetworkSpace

    def evaluate(self, networks: np.ndarray) -> np.ndarray:
        """There is nothing to say.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError(f"the accuracy of networks of {self.space.name} is not known: only costs can be asked here")

    def fingerprint(self) -> str:
        """Of an accuracy that is not known."""
        return "unknown accuracy"
