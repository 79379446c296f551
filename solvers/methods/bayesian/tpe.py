"""tpe, network-tpe and motpe: the tree-structured Parzen estimator of Optuna."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dance_env.space import Choice
from solvers.contract.capabilities import Capabilities
from solvers.contract.isolation import isolated_global_state
from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.solver import Solver
from solvers.contract.tunable import Tunable, TunableRange, TunableValues
from solvers.methods.bayesian.study import Study, tpe_sampler


@dataclass(frozen=True)
class TPE(Solver):
    """Optuna's tree-structured Parzen estimator over whole designs (Bergstra et al. 2011).

    Attributes:
        starts: Random designs before the first model.
        batch: Designs asked for at once; those of a batch avoid each other by Optuna's constant liar.
        multivariate: Whether the model is one of all choices together, or one of each choice.
    """

    name: ClassVar[str] = "tpe"
    capabilities: ClassVar[Capabilities] = Capabilities(library="optuna", extra="optuna")
    tunable: ClassVar[Mapping[str, Tunable]] = {
        "starts": TunableRange(5, 40, log=True),
        "multivariate": TunableValues((True, False)),
    }
    starts: int = 20
    batch: int = 1
    multivariate: bool = True

    def __post_init__(self) -> None:
        for name in ("starts", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1, not {getattr(self, name)}")

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Ask, evaluate and tell until the budget is spent."""
        seed = int(rng.integers(2**31))
        with isolated_global_state(seed):
            study = self._study(problem, seed)
            while True:
                trials, designs = study.ask(self.batch)
                evaluation = problem.evaluate(designs)
                study.tell(trials, evaluation.objective, evaluation.violation)

    def _study(self, problem: MeteredProblem, seed: int) -> Study:
        sampler = tpe_sampler(seed=seed, starts=self.starts, multivariate=self.multivariate)
        return Study(self._choices(problem), sampler)

    def _choices(self, problem: MeteredProblem) -> tuple[Choice, ...]:
        return problem.space.choices


@dataclass(frozen=True)
class NetworkTPE(TPE):
    """The same over networks, each with its exactly best accelerator: it knows the costs, as `network-evolution` does."""

    name: ClassVar[str] = "network-tpe"
    capabilities: ClassVar[Capabilities] = Capabilities(library="optuna", extra="optuna")

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Ask, evaluate and tell until the budget is spent."""
        seed = int(rng.integers(2**31))
        with isolated_global_state(seed):
            study = self._study(problem, seed)
            while True:
                trials, networks = study.ask(self.batch)
                evaluation = problem.evaluate_networks(networks)
                violation = evaluation.violation.min(axis=1)
                met = evaluation.violation == violation[:, None]
                objective = np.where(met, evaluation.objective, np.inf).min(axis=1)
                study.tell(trials, objective, violation)

    def _choices(self, problem: MeteredProblem) -> tuple[Choice, ...]:
        return problem.space.choices[problem.space.network]


@dataclass(frozen=True)
class MOTPE(TPE):
    """The same on two targets, error and the objective's cost (Ozaki et al. 2020): it searches for their whole front."""

    name: ClassVar[str] = "motpe"
    capabilities: ClassVar[Capabilities] = Capabilities(library="optuna", extra="optuna")

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Ask, evaluate and tell until the budget is spent."""
        seed = int(rng.integers(2**31))
        with isolated_global_state(seed):
            sampler = tpe_sampler(seed=seed, starts=self.starts, multivariate=self.multivariate)
            study = Study(self._choices(problem), sampler, targets=2)
            while True:
                trials, designs = study.ask(self.batch)
                evaluation = problem.evaluate(designs)
                cost = problem.objective.cost_function(evaluation.cost)
                study.tell(trials, np.stack((evaluation.error_pct, cost), axis=1), evaluation.violation)
