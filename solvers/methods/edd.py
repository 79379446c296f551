"""EDD-like: one gradient search over network and accelerator, as if their choices were independent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch

from solvers.contract.capabilities import Capabilities
from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.solver import Solver
from solvers.contract.tunable import Tunable, TunableRange
from solvers.methods.gradient.descent import DescentSettings, Predict, Prediction, descend
from solvers.methods.gradient.evaluated import EvaluatedDesigns
from solvers.methods.gradient.hdx import HardConstraints, HdxSettings
from solvers.methods.gradient.options import most_probable
from solvers.methods.gradient.plan import Plan, plan_round
from solvers.methods.gradient.threads import torch_threads

_IDLE_ROUNDS = 20
"""Rounds without a new design to evaluate after which a run ends: the space is smaller than the budget."""


@dataclass(frozen=True)
class EDD(Solver):
    """DANCE's rival EDD (after arXiv 2005.02563): one descent over network and accelerator as independent choices.

    The accelerator's choices have parameters of their own beside the network's, and one descent searches all of them. It
    has no model of which accelerator suits which network, as DANCE's generator is: the probabilities are independent.
    Latency, energy and area are averaged over both, each by itself, and the objective's cost function is applied to the
    three means. This is exact for a linear cost function; for EDAP it neglects how the factors are correlated. The
    descent and the hard constraints are those of `DanceRefined`, with settings of their own. Compared with
    `DanceRefined` without refinement (`RoundSettings(vertex_queries=0)`), it shows what modeling the relation is worth.

    The most probable designs are evaluated exactly, and rounds of this repeat until the budget is spent. A step of one
    search costs one gradient query.

    Attributes:
        descent: how the parameters are searched; its temperature also applies to the hardware's softmax.
        hdx: how hard constraints are enforced, on tasks that have some; None disables it, as in EDD's paper.
        evaluations: the most exact evaluations of one round.
        device: of torch.
    """

    name: ClassVar[str] = "edd"
    capabilities: ClassVar[Capabilities] = Capabilities(access="gradients", needs_expectation=True)
    tunable: ClassVar[Mapping[str, Tunable]] = {
        "descent.steps": TunableRange(8, 96, log=True),
        "descent.path_length": TunableRange(2.0, 40.0, log=True),
        "descent.init_std": TunableRange(0.2, 4.0, log=True),
        "evaluations": TunableRange(8, 512, log=True),
    }
    descent: DescentSettings = field(default_factory=lambda: DescentSettings(steps=72, path_length=3.0, init_std=0.6))
    hdx: HdxSettings | None = field(default_factory=HdxSettings)
    evaluations: int = 12
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.evaluations < 1:
            raise ValueError(f"evaluations must be at least 1; got {self.evaluations}")

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Descend, decode and evaluate in rounds until the budget is spent."""
        meter, objective = problem.meter, problem.objective
        network_options = problem.space.network_options.stop
        evaluated = EvaluatedDesigns(problem)
        with torch_threads(self.descent.threads):
            relaxed = problem.relax(device=self.device)

            def predict(probs: torch.Tensor, _: float) -> Prediction:
                found = relaxed(probs[:, :network_options], probs[:, network_options:])
                return Prediction(found.error_pct, found.cost, objective.cost_function(found.cost))

            idle = 0
            while meter.left and idle < _IDLE_ROUNDS:
                before = meter.spent
                plan = plan_round(meter.left, self.descent, evaluations=min(self.evaluations, meter.evaluations_left))
                designs = self._descend(problem, predict, rng, plan)
                evaluated.evaluate(designs, most=plan.evaluations)
                idle = idle + 1 if meter.spent == before else 0

    def _descend(self, problem: MeteredProblem, predict: Predict, rng: np.random.Generator, plan: Plan) -> np.ndarray:
        """Return designs (restarts, D), that of the least loss first."""
        counts = [int(count) for count in problem.space.option_counts]
        start = rng.normal(0.0, self.descent.init_std, (plan.restarts, sum(counts)))
        constraints = problem.objective.constraints
        hard = None
        if self.hdx is not None and constraints:
            hard = HardConstraints(constraints, plan.restarts, self.hdx, device=self.device)
        losses = np.zeros(plan.restarts)

        def keep_loss(_: int, __: torch.Tensor, loss: torch.Tensor) -> None:
            losses[:] = loss.cpu().numpy()

        parameters = descend(
            predict,
            torch.tensor(start, device=self.device),
            option_counts=counts,
            objective=problem.objective,
            steps=plan.steps,
            settings=self.descent,
            hard=hard,
            each_step=keep_loss,
        )
        designs = most_probable(parameters.cpu().numpy(), counts)
        return designs[np.argsort(losses, kind="stable")]
