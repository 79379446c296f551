"""CMA-ES over integers and categories, through the package `cmaes` (extra "cmaes")."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

import numpy as np

from dance_env.space import DesignSpace
from solvers.contract.capabilities import Capabilities
from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.solver import Solver
from solvers.contract.tunable import Tunable, TunableRange, TunableValues
from solvers.methods.evolution.population import check_size
from solvers.methods.merit import merit
from solvers.methods.stalled import stalled


@dataclass(frozen=True)
class CMAES(Solver):
    """CatCMA with margin (Hamano et al. 2025): a Gaussian over ordinal choices times categories of the nominal ones.

    Only the order of a generation's merits matters: feasible designs come first, then lower violations. A distribution
    that has converged, or finds nothing better for `patience` generations, is given up for a new one with a larger
    population (as IPOP-CMA-ES does, Auger & Hansen 2005).

    Attributes:
        population: Designs of a generation; 0 for the library's 4 + 3 ln(choices).
        growth: Factor on the population at a restart.
        patience: Generations without a better design until a restart.
        ordinals: Whether ordinal choices of more than two options are integers; if not, all choices are categories.

    Raises:
        ValueError: If the population is 1 or negative, `growth` below 1, or `patience` below 1.
    """

    name: ClassVar[str] = "cma-es"
    capabilities: ClassVar[Capabilities] = Capabilities(library="cmaes", extra="cmaes")
    tunable: ClassVar[Mapping[str, Tunable]] = {
        "population": TunableValues((0, 6, 12, 24)),
        "growth": TunableRange(1.0, 2.0),
        "patience": TunableRange(3, 40),
        "ordinals": TunableValues((True, False)),
    }
    population: int = 0
    growth: float = 1.5
    patience: int = 30
    ordinals: bool = True

    def __post_init__(self) -> None:
        if self.population < 0 or self.population == 1:
            raise ValueError(f"the population is at least 2, or 0 for the library's; not {self.population}")
        check_size("population", self.population)
        if not self.growth >= 1:
            raise ValueError(f"growth is at least 1, not {self.growth}")
        if self.patience < 1:
            raise ValueError(f"patience is at least 1, not {self.patience}")

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Generation after generation, restarted until the budget is spent; a single design is evaluated once."""
        if problem.space.size == 1:
            problem.evaluate(problem.space.sample(rng, 1))
            return
        population = float(self.population or 4 + int(3 * np.log((problem.space.option_counts > 1).sum())))
        while not stalled(problem.meter):
            self._converge(problem, max(4, round(population)), int(rng.integers(2**31)))
            population *= self.growth

    def _converge(self, problem: MeteredProblem, population: int, seed: int) -> None:
        """Adapt one distribution until it is given up."""
        distribution = _Distribution(problem.space, ordinals=self.ordinals, population=population, seed=seed)
        best, idle = np.inf, 0
        while idle < self.patience and not distribution.ended:
            solutions, designs = distribution.ask()
            merits = merit(problem.evaluate(designs))
            distribution.tell(solutions, merits)
            idle = 0 if merits.min() < best else idle + 1
            best = min(best, float(merits.min()))


class _Distribution:
    """`cmaes.CatCMAwM` over the choices of a space; mutable.

    Args:
        space: Whose choices of at least two options are searched.
        ordinals: Whether ordinal choices of more than two options are integers.
        population: Designs of a generation.
        seed: Of the library's own generator.
    """

    def __init__(self, space: DesignSpace, *, ordinals: bool, population: int, seed: int) -> None:
        counts = space.option_counts
        integer = np.array([ordinals and each.kind == "ordinal" and len(each) > 2 for each in space.choices])
        self._integers, self._categories = np.flatnonzero(integer), np.flatnonzero(~integer & (counts > 1))
        self._num_choices = space.num_choices
        self._optimizer = import_module("cmaes").CatCMAwM(
            z_space=[list(range(counts[column])) for column in self._integers] or None,
            c_space=[int(counts[column]) for column in self._categories] or None,
            population_size=population,
            seed=seed,
        )
        self._broken = False

    @property
    def ended(self) -> bool:
        """Whether it has converged, or its numbers have become useless."""
        if self._broken or not len(self._integers):
            return self._broken
        with np.errstate(all="ignore"):
            return bool(self._optimizer.should_stop())

    def ask(self) -> tuple[list[Any], np.ndarray]:
        """Return the library's solutions of a generation, and their option indices (population, D) int64."""
        solutions = [self._optimizer.ask() for _ in range(self._optimizer.population_size)]
        designs = np.zeros((len(solutions), self._num_choices), dtype=np.int64)
        if len(self._integers):
            designs[:, self._integers] = [each.z for each in solutions]
        if len(self._categories):
            designs[:, self._categories] = [each.c.argmax(axis=1) for each in solutions]
        return solutions, designs

    def tell(self, solutions: list[Any], merits: np.ndarray) -> None:
        """Report a generation's merits (population,); the least are the best."""
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                self._optimizer.tell(list(zip(solutions, merits.tolist(), strict=True)))
            except (AssertionError, FloatingPointError, np.linalg.LinAlgError, ValueError):
                self._broken = True  # the distribution has degenerated: its restart is due
                return
        state = [vars(self._optimizer).get(name) for name in ("_mean", "_C", "_q", "_sigma", "_delta")]
        self._broken = not all(np.isfinite(each).all() for each in state if each is not None)
