"""Optimizers of Nevergrad (extra "nevergrad")."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

import numpy as np

from dance_env.suggest import nearest
from solvers.contract.capabilities import Capabilities
from solvers.contract.isolation import isolated_global_state
from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.solver import Solver
from solvers.contract.tunable import Tunable, TunableValues
from solvers.methods.merit import merit
from solvers.methods.stalled import stalled


@dataclass(frozen=True)
class Nevergrad(Solver):
    """One of Nevergrad's optimizers, by the name that its registry knows it by (Rapin & Teytaud 2018).

    A design is one array of whole numbers, the indices of its options. In Nevergrad's own space a standard normal number
    stands for an option drawn uniformly, as in its `TransitionChoice`, so that each mutation of a discrete optimizer draws
    any option with equal probability. The optimizer is as the library has it: a design that it asks for again is evaluated
    again and paid again, unless `deduplicate(nevergrad)` remembers.

    Limits are part of what it minimizes: an infeasible design is worse than any feasible one, and among infeasible ones
    the violation counts.

    Attributes:
        optimizer: A name out of `nevergrad.optimizers.registry`.
    """

    name: ClassVar[str] = "nevergrad"
    capabilities: ClassVar[Capabilities] = Capabilities(library="nevergrad", extra="nevergrad")
    tunable: ClassVar[Mapping[str, Tunable]] = {
        "optimizer": TunableValues(
            (
                "NGOpt",
                "DiscreteOnePlusOne",
                "DiscreteLenglerOnePlusOne",
                "FastGADiscreteOnePlusOne",
                "LognormalDiscreteOnePlusOne",
                "RecombiningDiscreteLenglerOnePlusOne",
                "RecombiningPortfolioDiscreteOnePlusOne",
            )
        )
    }
    optimizer: str = "DiscreteLenglerOnePlusOne"

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Ask, evaluate and tell until the budget is spent; a single design is evaluated once."""
        library = import_module("nevergrad")
        registry = library.optimizers.registry
        if self.optimizer not in registry:
            raise ValueError(f"Nevergrad has no optimizer {self.optimizer!r}. {nearest(self.optimizer, registry)}")
        counts = problem.space.option_counts
        free = np.flatnonzero(counts > 1)
        if not free.size:
            problem.evaluate(problem.space.sample(rng, 1))
            return
        seed = int(rng.integers(2**31))
        with isolated_global_state(seed), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own deprecations and of the search's dynamics
            options = _options(library, counts[free])
            options.random_state = np.random.RandomState(seed)
            planned = problem.meter.planned_evaluations
            optimizer = registry[self.optimizer](options, budget=planned)
            designs = np.zeros((1, problem.space.num_choices), dtype=np.int64)
            while not stalled(problem.meter) and not (optimizer.one_shot and optimizer.num_ask >= planned):
                candidate = optimizer.ask()
                designs[0, free] = candidate.value
                optimizer.tell(candidate, float(merit(problem.evaluate(designs))[0]))


def _options(library: Any, counts: np.ndarray) -> Any:
    """Nevergrad's array of option indices below `counts` (choices,).

    Its first value is the exact middle: standardized numbers count from there, and 0 has to be the middle of a normal one.
    """
    indices = library.p.Array(init=(counts - 1) / 2)
    indices.set_bounds(-0.5, counts - 0.5, method="gaussian")
    return indices.set_integer_casting()
