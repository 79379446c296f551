"""EDD-like: one gradient search over network and accelerator, as if their choices were independent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch

from solvers.contract.solver import Solver
from solvers.methods.dance.descent import (
    DescentSettings,
    Plan,
    Predict,
    Prediction,
    descend,
    plan_round,
    softmax_blocks,
)
from solvers.methods.dance.finish import Finalists
from solvers.methods.dance.hdx import HardConstraints, HdxSettings
from solvers.methods.dance.threads import torch_threads

if TYPE_CHECKING:
    from solvers.contract.metered_problem import MeteredProblem

_IDLE_ROUNDS = 20
"""Rounds without anything new to evaluate after which a run ends: the space is smaller than the budget."""


@dataclass(frozen=True)
class EDD(Solver):
    """What DANCE calls EDD with the same loss (after EDD, arXiv 2005.02563): the relation to the hardware is ignored.

    The accelerator's choices have parameters of their own, beside the network's, and one descent searches them all.
    Nothing says which accelerator suits which network, as DANCE's generator does: their probabilities are independent.
    Latency, energy and area are averaged over both, each by itself, and the objective's cost function is taken of the
    three means: exact for a linear one, while for EDAP it forgets how the factors go together. The descent, enforcing
    limits included, is as in `Dance`; set against `Dance` without refinement (`RoundSettings(visits=0)`), it shows what
    knowing the relation is worth.

    The most probable designs are evaluated exactly, and rounds of this repeat until the budget is spent. A step of one
    search costs one gradient query.

    Attributes:
        descent: how the parameters are searched; its temperature is that of the hardware's softmax as well.
        hdx: how hard constraints are enforced, on tasks that have some; None: not at all, as published.
        evaluations: the most exact evaluations of one round.
        device: of torch.
    """

    name: ClassVar[str] = "edd"
    needs_gradients: ClassVar[bool] = True
    descent: DescentSettings = field(default_factory=DescentSettings)
    hdx: HdxSettings | None = field(default_factory=HdxSettings)
    evaluations: int = 128
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.evaluations < 1:
            raise ValueError(f"a round needs at least 1 exact evaluation, not {self.evaluations}")

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Descend, decode and evaluate in rounds until the budget is spent."""
        meter = problem.meter  # a solver's problem is metered
        objective = problem.objective
        network_options = problem.space.network_options.stop
        finalists = Finalists(problem, (1.0,))
        with torch_threads(self.descent.threads):
            relaxed = problem.relax(device=self.device)

            def predict(probs: torch.Tensor, _: torch.Tensor, __: float) -> Prediction:
                found = relaxed(probs[:, :network_options], probs[:, network_options:])
                return Prediction(found.error_pct, found.cost, objective.cost_function(found.cost))

            idle = 0
            while meter.left and idle < _IDLE_ROUNDS:
                before = meter.spent
                plan = plan_round(meter.left, self.descent, evaluations=self.evaluations, queries=1)
                designs = self._descend(problem, predict, rng, plan)
                finalists.evaluate(designs, most=plan.evaluations)
                idle = idle + 1 if meter.spent == before else 0

    def _descend(self, problem: MeteredProblem, predict: Predict, rng: np.random.Generator, plan: Plan) -> np.ndarray:
        """Designs (restarts, D), that of the least loss first."""
        counts = [int(count) for count in problem.space.option_counts]
        start = torch.tensor(rng.normal(0.0, self.descent.spread, (plan.restarts, sum(counts))), device=self.device)
        constraints = problem.objective.constraints
        losses = [np.zeros(plan.restarts)]

        def note(_: int, __: torch.Tensor, loss: torch.Tensor) -> None:
            losses[0] = loss.cpu().numpy()

        parameters = descend(
            predict,
            start,
            option_counts=counts,
            objective=problem.objective,
            lambdas=torch.ones(plan.restarts, dtype=start.dtype, device=self.device),
            steps=plan.steps,
            settings=self.descent,
            hard=HardConstraints(constraints, plan.restarts, self.hdx)
            if self.hdx is not None and constraints
            else None,
            each_step=note,
        )
        designs = problem.space.nearest(softmax_blocks(parameters, counts).cpu().numpy())
        return designs[np.argsort(losses[0], kind="stable")]
