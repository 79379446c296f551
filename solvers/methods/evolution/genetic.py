"""Evolution through pymoo: a genetic algorithm on the objective, and NSGA-II on error against cost."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
from pymoo.algorithms.base.genetic import GeneticAlgorithm
from pymoo.algorithms.moo.nsga2 import NSGA2 as PymooNSGA2
from pymoo.algorithms.soo.nonconvex.ga import GA
from pymoo.core.duplicate import DuplicateElimination
from pymoo.core.evaluator import Evaluator
from pymoo.core.mutation import Mutation
from pymoo.core.population import Population
from pymoo.core.problem import Problem
from pymoo.core.termination import NoTermination
from pymoo.operators.crossover.ux import UX
from pymoo.problems.static import StaticProblem

from dance_env.problem import Evaluation
from dance_env.space import DesignSpace
from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.solver import Solver
from solvers.contract.tunable import Tunable, TunableRange
from solvers.methods.evolution.population import check_size
from solvers.methods.moves import mutate


@dataclass(frozen=True)
class GeneticSolver(Solver):
    """What the algorithms share: the encoding, the operators, and the loop between pymoo and the problem.

    Constraints are handled as pymoo does: a feasible design beats an infeasible one, and of two infeasible ones the
    lower violation wins. No design is evaluated twice; where mating finds nothing new, random designs join. pymoo draws
    from a generator of its own, seeded from the solver's.

    Attributes:
        population: designs that survive a generation.
        offspring: designs evaluated in a generation.
        crossover: probability that two parents are mixed, each choice from either with equal probability.
        changes: mean number of choices changed by mutation; at least one.
        leap: probability that a mutated ordinal choice jumps anywhere instead of stepping nearby.
    """

    _num_targets: ClassVar[int]
    tunable: ClassVar[Mapping[str, Tunable]] = {
        "population": TunableRange(6, 100, log=True),
        "offspring": TunableRange(1, 50, log=True),
        "crossover": TunableRange(0.5, 1.0),
        "changes": TunableRange(0.5, 4.0, log=True),
        "leap": TunableRange(0.0, 0.5),
    }
    population: int = 20
    offspring: int = 10
    crossover: float = 0.9
    changes: float = 1.0
    leap: float = 0.2

    def __post_init__(self) -> None:
        if self.population < 2:
            raise ValueError(f"evolution needs a population of at least 2, not {self.population}")
        if self.offspring < 1:
            raise ValueError(f"evolution needs at least 1 offspring, not {self.offspring}")
        check_size("population", self.population)
        check_size("offspring", self.offspring)
        for name in ("crossover", "leap"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a probability, not {getattr(self, name)}")
        if not self.changes > 0:
            raise ValueError(f"changes is above 0, not {self.changes}")

    @abstractmethod
    def _algorithm(self, **settings: Any) -> GeneticAlgorithm:
        """Pymoo's algorithm with these settings."""

    @abstractmethod
    def _targets(self, evaluation: Evaluation, cost: np.ndarray) -> np.ndarray:
        """(batch, targets) what is minimized."""

    @final
    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Generation after generation, until the budget is spent or every design of a small space was evaluated."""
        seen = _Seen(problem.space)
        algorithm = self._algorithm(
            pop_size=self.population,
            n_offsprings=self.offspring,
            sampling=seen.fresh(rng, self.population),
            crossover=UX(prob=self.crossover),
            mutation=_ChoiceMutation(
                problem.space, rate=min(1.0, self.changes / problem.space.num_choices), leap=self.leap
            ),
            eliminate_duplicates=seen,
        )
        algorithm.mating.n_max_iterations = 20
        program = Problem(n_var=problem.space.num_choices, n_obj=self._num_targets, n_ieq_constr=1)
        algorithm.setup(program, termination=NoTermination(), seed=int(rng.integers(2**63)))
        while True:
            population = algorithm.ask()
            if population is None:  # mating found nothing new
                algorithm.termination.force_termination = False
                designs = seen.fresh(rng, self.offspring)
                if not len(designs):
                    return
                population = Population.new("X", designs)
            designs = population.get("X").astype(np.int64)
            seen.add(designs)
            evaluation = problem.evaluate(designs)
            targets = self._targets(evaluation, problem.objective.cost_function(evaluation.cost))
            known = StaticProblem(program, F=targets, G=evaluation.violation[:, None])
            Evaluator().eval(known, population)
            algorithm.tell(infills=population)


@dataclass(frozen=True)
class Evolution(GeneticSolver):
    """A genetic algorithm on the objective: binary tournaments, uniform crossover, mutation, the best survive.

    Attributes: see `GeneticSolver`.
    """

    name: ClassVar[str] = "evolution"
    _num_targets: ClassVar[int] = 1

    def _algorithm(self, **settings: Any) -> GeneticAlgorithm:
        return GA(**settings)

    def _targets(self, evaluation: Evaluation, cost: np.ndarray) -> np.ndarray:
        return evaluation.objective[:, None]


@dataclass(frozen=True)
class NSGA2(GeneticSolver):
    """NSGA-II on error against the objective's cost function: it searches for the whole front, whatever the weight.

    Attributes: see `GeneticSolver`.
    """

    name: ClassVar[str] = "nsga2"
    _num_targets: ClassVar[int] = 2

    def _algorithm(self, **settings: Any) -> GeneticAlgorithm:
        return PymooNSGA2(**settings)

    def _targets(self, evaluation: Evaluation, cost: np.ndarray) -> np.ndarray:
        return np.stack((evaluation.error_pct, cost), axis=1)


class _ChoiceMutation(Mutation):
    """pymoo's mutation by `solvers.methods.moves.mutate`."""

    def __init__(self, space: DesignSpace, *, rate: float, leap: float) -> None:
        super().__init__(prob=1.0)
        self._space, self._rate, self._leap = space, rate, leap

    def _do(self, problem: Problem, X: np.ndarray, *, random_state: np.random.Generator, **_: Any) -> np.ndarray:
        return mutate(self._space, X.astype(np.int64), random_state, rate=self._rate, leap=self._leap)


class _Seen(DuplicateElimination):
    """Every design evaluated so far; pymoo asks it which offspring to drop."""

    def __init__(self, space: DesignSpace) -> None:
        super().__init__()
        self._space = space
        self._known: set[bytes] = set()

    def add(self, designs: np.ndarray) -> None:
        """Remember designs (batch, choices) int64."""
        self._known.update(row.tobytes() for row in designs)

    def fresh(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Up to `count` random designs (found, choices) that differ from each other and from all known."""
        found: dict[bytes, np.ndarray] = {}
        for _ in range(50):
            for row in self._space.sample(rng, count - len(found)):
                if row.tobytes() not in self._known:
                    found.setdefault(row.tobytes(), row)
        return np.array(list(found.values()), dtype=np.int64).reshape(len(found), self._space.num_choices)

    def _do(self, pop: Population, other: Population | None, is_duplicate: np.ndarray) -> np.ndarray:
        keys = [row.tobytes() for row in pop.get("X").astype(np.int64)]
        taken = set() if other is None else {row.tobytes() for row in other.get("X").astype(np.int64)}
        for index, key in enumerate(keys):
            is_duplicate[index] = key in self._known or key in taken
            if other is None:
                taken.add(key)
        return is_duplicate
