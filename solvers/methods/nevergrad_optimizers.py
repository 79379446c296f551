"""Optimizers of Nevergrad (extra "nevergrad")."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

import numpy as np

from dance_env.space import Choice
from dance_env.suggest import nearest
from solvers.contract.capabilities import Capabilities
from solvers.contract.isolation import isolated_global_state
from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.solver import Solver
from solvers.methods.merit import merit
from solvers.methods.stalled import stalled

ENCODINGS = ("index", "transition", "softmax")


@dataclass(frozen=True)
class Nevergrad(Solver):
    """One of Nevergrad's optimizers, by the name that its registry knows it by (Rapin & Teytaud 2018).

    Limits are part of what it minimizes: an infeasible design is worse than any feasible one, and among infeasible ones
    the violation counts.

    Attributes:
        optimizer: A name out of `nevergrad.optimizers.registry`.
        encoding: How nominal choices are parameters: "index", a whole number; "transition", a category among which a
            mutation draws another; "softmax", a weight for each option. Ordinal choices are whole numbers throughout.

    Raises:
        ValueError: If the encoding is unknown.
    """

    name: ClassVar[str] = "nevergrad"
    capabilities: ClassVar[Capabilities] = Capabilities(library="nevergrad", extra="nevergrad")
    optimizer: str = "DiscreteLenglerOnePlusOne"
    encoding: str = "index"

    def __post_init__(self) -> None:
        if self.encoding not in ENCODINGS:
            raise ValueError(f"there is no encoding {self.encoding!r}. {nearest(self.encoding, ENCODINGS)}")

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Ask, evaluate and tell until the budget is spent; a single design is evaluated once."""
        library = import_module("nevergrad")
        registry = library.optimizers.registry
        if self.optimizer not in registry:
            raise ValueError(f"Nevergrad has no optimizer {self.optimizer!r}. {nearest(self.optimizer, registry)}")
        free = [column for column, choice in enumerate(problem.space.choices) if len(choice) > 1]
        if not free:
            problem.evaluate(problem.space.sample(rng, 1))
            return
        seed = int(rng.integers(2**31))
        with isolated_global_state(seed), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own deprecations and of the search's dynamics
            parameters = library.p.Tuple(*(self._parameter(library, problem.space.choices[each]) for each in free))
            parameters.random_state = np.random.RandomState(seed)
            optimizer = registry[self.optimizer](parameters, budget=problem.meter.planned_evaluations)
            designs = np.zeros((1, problem.space.num_choices), dtype=np.int64)
            while not stalled(problem.meter):
                candidate = optimizer.ask()
                designs[0, free] = candidate.value
                optimizer.tell(candidate, float(merit(problem.evaluate(designs))[0]))

    def _parameter(self, library: Any, choice: Choice) -> Any:
        if choice.kind == "ordinal" or self.encoding == "index":
            last = len(choice) - 1
            return library.p.Scalar(init=last // 2, lower=0, upper=last).set_integer_casting()
        if self.encoding == "transition":
            return library.p.TransitionChoice(range(len(choice)))
        return library.p.Choice(range(len(choice)))
