"""dance-refined: DANCE with a refinement at vertices, hard constraints, and a comparison of likely accelerators."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch

from dance_env.problem import Problem
from solvers.contract.capabilities import Capabilities
from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.solver import Solver
from solvers.methods.dance.evaluator import EvaluatorSettings, gumbel_noise, metered_evaluator, unprepared
from solvers.methods.dance.evaluator.settings import MUON
from solvers.methods.dance.refined.candidates import best_candidates
from solvers.methods.dance.refined.rounds import RoundSettings, search_in_rounds
from solvers.methods.dance.refined.shortlist import Shortlist
from solvers.methods.dance.refined.vertices import VertexRefinement
from solvers.methods.gradient.descent import DescentSettings, Prediction, geometric
from solvers.methods.gradient.evaluated import EvaluatedDesigns
from solvers.methods.gradient.hdx import HdxSettings
from solvers.methods.gradient.plan import Plan
from solvers.methods.gradient.threads import torch_threads


@dataclass(frozen=True)
class DanceRefined(Solver):
    """DANCE with refinements that are ours, not the paper's (see `Dance` for the paper's method).

    The descent is the paper's: error + lambda2 x cost, the cost by a learned evaluator. Added to it are: many searches
    side by side, in rounds that double in size; hard constraints during the descent (HDX); a local search over networks
    whose neighbors' errors are predicted exactly from one gradient query (`VertexRefinement`); accelerators that the
    estimator prefers among the generator's likeliest, with tolerances for predicted violations; and further accelerators
    for the best networks (`Shortlist`). The evaluator is smaller than the paper's and trained with Muon.

    Attributes:
        evaluator: how the evaluator is built and trained.
        fresh_evaluator: whether the evaluator's seed is drawn from the run's seed, so that every run trains its own.
        descent: how architecture parameters are searched.
        hdx: how hard constraints are enforced during the descent, on tasks that have some; None disables it.
        rounds: how a run is divided into rounds, and each round into refinement and exact evaluation.
        gumbel: whether generated accelerators are sampled (Gumbel noise) or the most probable ones.
        straight_through: whether the estimator is forwarded one-hot accelerators, as in its training, or soft ones.
        candidates: how many of a network's likeliest accelerators the estimator compares; 1: the generated one is taken.
        tolerances: relative violations that a prediction may be wrong by. Designs that the evaluator prefers when such a
            violation is ignored are evaluated too.
        device: of torch.
    """

    name: ClassVar[str] = "dance-refined"
    capabilities: ClassVar[Capabilities] = Capabilities(
        access="white box", needs_expectation=True, handles_workloads=False
    )
    evaluator: EvaluatorSettings = MUON
    fresh_evaluator: bool = False
    descent: DescentSettings = field(default_factory=DescentSettings)
    hdx: HdxSettings | None = field(default_factory=HdxSettings)
    rounds: RoundSettings = field(default_factory=RoundSettings)
    gumbel: bool = True
    straight_through: bool = True
    candidates: int = 16
    tolerances: tuple[float, ...] = (0.0, 0.01, 0.03)
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.candidates < 1:
            raise ValueError(f"candidates must be at least 1; got {self.candidates}")
        if not self.tolerances or not all(0.0 <= each < math.inf for each in self.tolerances):
            raise ValueError(f"tolerances must be one or more relative violations >= 0; got {self.tolerances}")

    def unprepared(self, problem: Problem) -> str:
        """Return that the evaluator has to be trained first, in a sentence; empty where it ships with the package."""
        return unprepared(problem, self.evaluator, solver=self.name)

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Train or load the evaluator, then descend, refine and evaluate in rounds until the budget is spent."""
        with torch_threads(self.descent.threads):
            evaluator = metered_evaluator(problem, self.evaluator, rng, fresh=self.fresh_evaluator, device=self.device)
            relaxed = problem.relax(device=self.device)
            noise = torch.Generator().manual_seed(int(rng.integers(2**62)))

            def predict(probs: torch.Tensor, done: float) -> Prediction:
                error_pct = 100.0 * (1.0 - relaxed.accuracy(probs))
                shape = (len(probs), sum(evaluator.hardware_counts))
                cost, _ = evaluator(
                    probs.float(),
                    temperature=geometric(self.descent.hardware_temperature, done),
                    noise=gumbel_noise(shape, noise).to(self.device) if self.gumbel else None,
                    hard=self.straight_through,
                )
                return Prediction(error_pct, cost, problem.objective.cost_function(cost))

            tolerances = self.tolerances if problem.objective.constraints else (0.0,)
            candidates = best_candidates(problem, evaluator, tolerances=tolerances, most=self.candidates)
            refinement = VertexRefinement(problem, relaxed, candidates, tolerances=len(tolerances), device=self.device)
            shortlist = Shortlist(problem, evaluator, tolerances=tolerances)
            evaluated = EvaluatedDesigns(problem)

            def end_round(networks: np.ndarray, plan: Plan) -> None:
                refinement.refine(networks, queries=plan.vertex_queries, batch=self.rounds.vertex_batch)
                designs = refinement.with_decoded(networks, first=self.rounds.decoded)
                left = plan.evaluations
                left -= evaluated.evaluate(designs, most=left - left // 4)  # a quarter is kept for other accelerators
                shortlist.spend(evaluated, left)

            search_in_rounds(
                problem,
                predict,
                end_round,
                rng,
                descent=self.descent,
                rounds=self.rounds,
                hdx=self.hdx,
                device=self.device,
            )
