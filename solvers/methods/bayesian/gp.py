"""gp: Bayesian optimization with a Gaussian process, by Optuna."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from solvers.contract.capabilities import Capabilities
from solvers.contract.isolation import isolated_global_state
from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.solver import Solver
from solvers.contract.tunable import Tunable, TunableRange
from solvers.methods.bayesian.study import Study, optuna
from solvers.methods.merit import merit
from solvers.methods.moves import mutate

_PARENTS = 8
"""The best designs whose mutants are candidates."""


@dataclass(frozen=True)
class GP(Solver):
    """Optuna's Gaussian process over whole designs: log expected improvement, times the probability of meeting limits.

    Three caps keep a run short, since Optuna's own search of the acquisition function takes seconds for each design of a
    space of 32 choices. The function is maximized over a pool: random designs, and mutants of the best ones. A run fits
    at most `models` models; where the budget is larger, each proposes several designs, the best of its pool. And no
    model holds more than `points` designs: the better half goes on.

    Attributes:
        starts: Random designs before the first model.
        models: The most models of a run.
        points: The most designs of a model.
        candidates: Designs of a pool.

    Raises:
        ValueError: If a count is below 1, or `points` is below 4.
    """

    name: ClassVar[str] = "gp"
    capabilities: ClassVar[Capabilities] = Capabilities(library="optuna", extra="optuna")
    tunable: ClassVar[Mapping[str, Tunable]] = {
        "starts": TunableRange(5, 40, log=True),
        "models": TunableRange(16, 64, log=True),
        "candidates": TunableRange(64, 1024, log=True),
    }
    starts: int = 20
    models: int = 64
    points: int = 100
    candidates: int = 512

    def __post_init__(self) -> None:
        for name, least in (("starts", 1), ("models", 1), ("points", 4), ("candidates", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is at least {least}, not {getattr(self, name)}")

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Model, propose, evaluate until the budget is spent.

        Where it counts trained networks, and the proposals trained fewer than planned, the run ends with the last model.
        """
        known = _Known(problem)
        known.evaluate(problem.space.sample(rng, self.starts))
        with isolated_global_state(int(rng.integers(2**31))), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Optuna calls settings of this sampler experimental
            study, sampler = self._model(problem, rng, known, len(known))
            for model in range(self.models):
                batch = -(-problem.meter.evaluations_left // (self.models - model))
                pool = known.candidates(rng, max(self.candidates, batch))
                sampler.offer(study.named(pool))
                trials, asked = study.ask(1)
                proposed = pool[sampler.order[: max(1, batch)]]
                proposed[:1] = asked  # the first of the pool; a random design where all costs so far are infinite
                found = known.evaluate(proposed)
                study.tell(trials, known.objective[found][:1], known.violation[found][:1])
                study.add(known.designs[found][1:], known.objective[found][1:], known.violation[found][1:])
                if study.size > self.points:
                    study, sampler = self._model(problem, rng, known, self.points // 2)

    def _model(
        self, problem: MeteredProblem, rng: np.random.Generator, known: _Known, points: int
    ) -> tuple[Study, Any]:
        """Return a study of the best `points` designs, and its sampler."""
        sampler = _pooled_sampler(int(rng.integers(2**31)))
        study = Study(problem.space.choices, sampler)
        best = np.sort(known.best(points))
        study.add(known.designs[best], known.objective[best], known.violation[best])
        return study, sampler


class _Known:
    """The designs that a run has evaluated; mutable.

    Args:
        problem: The metered problem.
    """

    def __init__(self, problem: MeteredProblem) -> None:
        self._problem = problem
        self.designs = np.empty((0, problem.space.num_choices), dtype=np.int64)
        self.objective, self.violation, self._merits = np.empty(0), np.empty(0), np.empty(0)

    def __len__(self) -> int:
        return len(self.designs)

    def evaluate(self, designs: np.ndarray) -> slice:
        """Evaluate designs (batch, D), and return their rows."""
        evaluation = self._problem.evaluate(designs)
        self.designs = np.concatenate((self.designs, designs))
        self.objective = np.concatenate((self.objective, evaluation.objective))
        self.violation = np.concatenate((self.violation, evaluation.violation))
        self._merits = np.concatenate((self._merits, merit(evaluation)))
        return slice(len(self) - len(designs), len(self))

    def best(self, count: int) -> np.ndarray:
        """Rows of the best designs, at most `count`."""
        return np.argsort(self._merits, kind="stable")[:count]

    def candidates(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Return (count, D) designs: random ones and mutants of the best, those that are known last."""
        space = self._problem.space
        parents = self.designs[rng.choice(self.best(_PARENTS), size=count - count // 2)]
        mutants = mutate(space, parents, rng, rate=min(1.0, 1.5 / space.num_choices))
        pool = np.unique(np.concatenate((mutants, space.sample(rng, count // 2))), axis=0)
        pool = pool[rng.permutation(len(pool))]
        known = {row.tobytes() for row in self.designs}
        old = np.array([row.tobytes() in known for row in pool])
        pool = np.concatenate((pool[~old], pool[old]))
        return np.concatenate((pool, space.sample(rng, count - len(pool))))


def _pooled_sampler(seed: int) -> Any:
    """Return Optuna's Gaussian process, its acquisition function maximized over a pool of designs.

    Optuna documents `_optimize_acqf` as the method that advanced users replace.
    """

    class Pooled(optuna().samplers.GPSampler):  # type: ignore[misc]  # a class that is known at use
        """Ranks the designs that it is offered."""

        def offer(self, named: list[dict[str, int]]) -> None:
            """Set the pool, as parameters by name; until a model ranks it, its order stays."""
            self._pool = named
            self.order = np.arange(len(named))

        def _optimize_acqf(self, acqf: Any, best_params: np.ndarray | None) -> np.ndarray:
            points = acqf.search_space.get_normalized_params([None] * len(self._pool), self._pool)
            self.order = np.argsort(-acqf.eval_acqf_no_grad(points), kind="stable")
            return points[self.order[0]]

    return Pooled(seed=seed, n_startup_trials=1, deterministic_objective=True, warn_independent_sampling=False)
