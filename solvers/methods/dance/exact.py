"""dance-exact: the same search with the cost table itself in place of the learned evaluator."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from dance_env.cost.cost import Cost
from dance_env.objective import EDAP, Linear
from solvers.contract.solver import Solver
from solvers.methods.dance.accelerators import AcceleratorCosts
from solvers.methods.dance.corners import Appraisal, Appraise, Corners
from solvers.methods.dance.descent import DescentSettings, Plan, Prediction, cooled
from solvers.methods.dance.finish import Finalists
from solvers.methods.dance.hdx import HdxSettings
from solvers.methods.dance.options import network_option_counts, one_hot
from solvers.methods.dance.rounds import RoundSettings, check_lambdas, search_in_rounds
from solvers.methods.dance.threads import torch_threads

if TYPE_CHECKING:
    from dance_env.objective import Objective
    from solvers.contract.metered_problem import MeteredProblem

_MOST_PENALTY = 100.0
"""Bound on a limit's weight against the cost, where lambda2 is near zero and the cost hardly counts."""


@dataclass(frozen=True)
class DanceExact(Solver):
    """DANCE without an evaluator network: a soft minimum over all accelerators of the relaxed cost table.

    At every step each mixed network is costed on all accelerators; they are weighted by
    `softmax(-(cost / least cost) / temperature)`, and the gradient is that of the soft minimum, which tends to the exact
    minimum as the temperature falls. Nothing is trained, so nothing is misjudged.

    Costs add up over the network's choices, so that a few networks on all accelerators (one for each option) settle
    those of every network: these are the cost queries on the bill. Accelerators that another one equals or beats in
    latency, energy and area for every network are left out: the least cost of any network is among the others. A step
    of one search, and a visit to a corner, costs one gradient query for the error.

    Attributes:
        descent: how architecture parameters are searched.
        hdx: how hard constraints are enforced during the search, on tasks that have some; None: not at all.
        rounds: how a run is cut into rounds.
        temperature: of the soft minimum, relative to the least cost, from first to last step, geometric.
        penalty: what an accelerator that exceeds a limit by all of it is charged, in multiples of the present objective.
        undominated: whether dominated accelerators are left out. They are kept in any case where the objective's cost
            function is of the user's own making, and need not rise with latency, energy and area.
        lambdas: factors on lambda2, searched side by side; more than one gives an approximate Pareto front.
        device: of torch.
    """

    name: ClassVar[str] = "dance-exact"
    needs_gradients: ClassVar[bool] = True
    descent: DescentSettings = field(default_factory=DescentSettings)
    hdx: HdxSettings | None = field(default_factory=lambda: HdxSettings(margin=(0.0, 0.0)))
    rounds: RoundSettings = field(default_factory=RoundSettings)
    temperature: tuple[float, float] = (0.01, 0.001)
    penalty: float = 1.0
    undominated: bool = True
    lambdas: tuple[float, ...] = (1.0,)
    device: str = "cpu"

    def __post_init__(self) -> None:
        check_lambdas(self.lambdas)
        if not min(self.temperature) > 0:
            raise ValueError(f"temperature must be two numbers above 0; got {self.temperature}")

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Ask for the costs, then descend, refine and evaluate in rounds until the budget is spent."""
        with torch_threads(self.descent.threads):
            relaxed = problem.relax(device=self.device)
            costs = AcceleratorCosts.ask(problem)
            if self.undominated and isinstance(problem.objective.cost_function, EDAP | Linear):
                costs = costs.undominated(network_option_counts(problem))
            tables = costs.tensors(device=self.device)

            def predict(probs: torch.Tensor, weights: torch.Tensor, done: float) -> Prediction:
                return soft_minimum(
                    100.0 * (1.0 - relaxed.accuracy(probs)),
                    tables.on(probs),
                    problem.objective,
                    weights=weights,
                    temperature=cooled(self.temperature, done),
                    penalty=self.penalty,
                )

            finalists = Finalists(problem, self.lambdas)
            appraise = best_accelerators(problem, costs)
            corners = Corners(problem, relaxed, appraise, lambdas=self.lambdas, tolerances=1, device=self.device)

            def judge(networks: np.ndarray, plan: Plan) -> None:
                corners.refine(networks, visits=plan.visits, width=self.rounds.width)
                designs = corners.with_decoded(networks, first=self.rounds.decoded)
                finalists.evaluate(designs, most=plan.evaluations)

            search_in_rounds(
                problem,
                predict,
                judge,
                rng,
                descent=self.descent,
                rounds=self.rounds,
                hdx=self.hdx,
                lambdas=self.lambdas,
                device=self.device,
            )


def best_accelerators(problem: MeteredProblem, costs: AcceleratorCosts) -> Appraise:
    """Each network with the best of the accelerators: the least cost among those that keep the limits best."""
    counts, objective = network_option_counts(problem), problem.objective

    def appraise(networks: np.ndarray, error_pct: np.ndarray) -> Appraisal:
        on_each = costs.on(one_hot(networks, counts))
        value = np.broadcast_to(objective.cost_function(on_each), on_each.latency_s.shape)
        violation = np.broadcast_to(objective.violation(error_pct[:, None], on_each), value.shape)
        least = violation.min(axis=1, keepdims=True)
        best = np.where(violation == least, value, np.inf).argmin(axis=1)
        rows = np.arange(len(best))
        designs = problem.design(networks, costs.hardware[best])
        return Appraisal(designs[None], value[None, rows, best], violation[None, rows, best])

    return appraise


def soft_minimum(
    error_pct: torch.Tensor,
    on_each: Any,
    objective: Objective,
    *,
    weights: torch.Tensor,
    temperature: float,
    penalty: float,
) -> Prediction:
    """Cost of each mixed network on the accelerators that suit it.

    The weights of the accelerators are taken as constants: the gradient of the weighted mean is then the gradient of
    the soft minimum `-t log(sum(exp(-cost / t)))` (its derivative with respect to each cost is that accelerator's
    share).

    An accelerator that exceeds a limit by all of it counts as worse by `penalty` times the search's present objective.
    A finite penalty lets a search cross the infeasible region on a cheap accelerator; that the design which comes out
    keeps the limits is the business of the gradient's correction and of decoding.

    Args:
        error_pct: (R,), passed on.
        on_each: cost on each accelerator, leaves (R, H) or (1, H).
        objective: whose cost function and limits say which accelerators suit.
        weights: lambda2 of each search (R,).
        temperature: relative to the least cost, above zero.
        penalty: see above.
    """
    value = objective.cost_function(on_each)
    with torch.no_grad():
        least = value.min(dim=1, keepdim=True).values.clamp_min(torch.finfo(value.dtype).tiny)
        score = value / least
        if objective.constraints:
            scale = 1.0 + error_pct[:, None] / (
                weights[:, None] * least
            )  # the objective, in units of lambda2 x least cost
            score = score + (penalty * scale).clamp_max(_MOST_PENALTY) * objective.violation(
                error_pct[:, None], on_each
            )
        share = torch.softmax(-(score - score.min(dim=1, keepdim=True).values) / temperature, dim=1)

    def mean(values: torch.Tensor) -> torch.Tensor:
        return (share * values).sum(dim=1)

    cost = Cost(mean(on_each.latency_s), mean(on_each.energy_j), mean(on_each.area_mm2))
    return Prediction(error_pct, cost, mean(value))
