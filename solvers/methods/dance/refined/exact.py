"""dance-exact: the search of `dance-refined` with exact costs in place of the learned evaluator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch

from dance_env.cost.cost import Cost
from dance_env.graph import WorkloadSpace
from dance_env.objective import EDAP, Linear, Objective
from solvers.contract.capabilities import Capabilities
from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.solver import Solver
from solvers.methods.dance.refined.accelerators import AcceleratorCosts
from solvers.methods.dance.refined.rounds import RoundSettings, search_in_rounds
from solvers.methods.dance.refined.vertices import PredictDesigns, PredictedDesigns, VertexRefinement
from solvers.methods.gradient.descent import DescentSettings, Prediction, geometric
from solvers.methods.gradient.evaluated import EvaluatedDesigns
from solvers.methods.gradient.hdx import HdxSettings
from solvers.methods.gradient.options import most_probable, network_option_counts, one_hot
from solvers.methods.gradient.plan import Plan
from solvers.methods.gradient.threads import torch_threads

Costs = Callable[[Any], Cost]
"""From networks, as probabilities (B, O_net), to latency and energy (B, H) and area (1, H)."""

_MOST_PENALTY = 100.0
"""Bound on a limit's weight against the cost, where lambda2 is near zero and the cost hardly counts."""


@dataclass(frozen=True)
class DanceExact(Solver):
    """DANCE without an evaluator network: a soft minimum over all accelerators of the relaxed cost table.

    At every step, each distribution over networks is costed on all accelerators. They are weighted by
    `softmax(-(cost / least cost) / temperature)`, and the gradient is that of the soft minimum, which tends to the exact
    minimum as the temperature falls. Nothing is trained, and the predicted costs are exact.

    If costs add up over the network's choices, a few networks on all accelerators (one for each option) determine the
    costs of all networks: these are the cost queries on the bill. If a layer's cost depends on several choices, every
    network that is looked at is queried. Accelerators that another one equals or beats in
    latency, energy and area for every network are left out, since the least cost of any network is among the others. A
    step of one search, and a gradient at a vertex, cost one gradient query each.

    Attributes:
        descent: how architecture parameters are searched.
        hdx: how hard constraints are enforced during the descent, on tasks that have some; None disables it.
        rounds: how a run is divided into rounds.
        temperature: of the soft minimum, relative to the least cost, from the first to the last step, geometric.
        penalty: added to the score of an accelerator that exceeds a limit by 100 %, in multiples of the current objective.
        undominated: whether dominated accelerators are left out. They are kept in any case for a cost function of the
            user's own, which need not rise with latency, energy and area.
        device: of torch.
    """

    name: ClassVar[str] = "dance-exact"
    capabilities: ClassVar[Capabilities] = Capabilities(access="gradients", needs_expectation=True)
    descent: DescentSettings = field(default_factory=DescentSettings)
    hdx: HdxSettings | None = field(default_factory=lambda: HdxSettings(margin=(0.0, 0.0)))
    rounds: RoundSettings = field(default_factory=RoundSettings)
    temperature: tuple[float, float] = (0.01, 0.001)
    penalty: float = 1.0
    undominated: bool = True
    device: str = "cpu"

    def __post_init__(self) -> None:
        if not min(self.temperature) > 0:
            raise ValueError(f"temperature must be two numbers above 0; got {self.temperature}")

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Query the costs, then descend, refine and evaluate in rounds until the budget is spent."""
        with torch_threads(self.descent.threads):
            relaxed = problem.relax(device=self.device)
            hardware = np.arange(problem.accelerator_space.size)
            on_each: Costs
            expected: Costs
            if costs_add_up(problem):
                costs = AcceleratorCosts.query(problem)
                if self.undominated and isinstance(problem.objective.cost_function, EDAP | Linear):
                    costs = costs.undominated(network_option_counts(problem))
                hardware, on_each, expected = costs.hardware, costs.on, costs.tensors(device=self.device).on
            else:  # costs that depend on several choices at once do not add up over the choices: every network is queried
                on_each, expected = costs_of_networks(problem), relaxed.on_all_hardware

            def predict(probs: torch.Tensor, done: float) -> Prediction:
                return soft_minimum(
                    100.0 * (1.0 - relaxed.accuracy(probs)),
                    expected(probs),
                    problem.objective,
                    temperature=geometric(self.temperature, done),
                    penalty=self.penalty,
                )

            refinement = VertexRefinement(
                problem, relaxed, best_accelerators(problem, on_each, hardware), tolerances=1, device=self.device
            )
            evaluated = EvaluatedDesigns(problem)

            def end_round(networks: np.ndarray, plan: Plan) -> None:
                refinement.refine(networks, queries=plan.vertex_queries, batch=self.rounds.vertex_batch)
                designs = refinement.with_decoded(networks, first=self.rounds.decoded)
                evaluated.evaluate(designs, most=plan.evaluations)

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


def costs_add_up(problem: MeteredProblem) -> bool:
    """Whether the cost of every layer depends on one choice at most, and no single workload's cost can be asked for."""
    if isinstance(problem.network_space, WorkloadSpace):  # `AcceleratorCosts` holds the sum over the workloads alone
        return False
    return all(len(part.scope) <= 1 for part in problem.network_space.parts())


def costs_of_networks(problem: MeteredProblem) -> Costs:
    """Return a function from one-hot networks (B, O_net) to their costs on all accelerators, each a cost query."""
    counts = network_option_counts(problem)
    return lambda probs: problem.costs.on_all_hardware(most_probable(probs, counts))


def best_accelerators(problem: MeteredProblem, on_each: Costs, hardware: np.ndarray) -> PredictDesigns:
    """Return a function that gives each network its best accelerator: least violation, then least cost.

    Args:
        problem: whose objective ranks the accelerators.
        on_each: from one-hot networks (B, O_net) to their costs on H accelerators.
        hardware: index of each of these accelerators (H,).
    """
    counts, objective = network_option_counts(problem), problem.objective

    def predict(networks: np.ndarray, error_pct: np.ndarray) -> PredictedDesigns:
        cost = on_each(one_hot(networks, counts))
        value = np.broadcast_to(objective.cost_function(cost), cost.latency_s.shape)
        violation = np.broadcast_to(objective.violation(error_pct[:, None], cost), value.shape)
        least = violation.min(axis=1, keepdims=True)
        best = np.where(violation == least, value, np.inf).argmin(axis=1)
        rows = np.arange(len(best))
        designs = problem.design(networks, hardware[best])
        return PredictedDesigns(designs[None], value[None, rows, best], violation[None, rows, best])

    return predict


def soft_minimum(
    error_pct: torch.Tensor, on_each: Any, objective: Objective, *, temperature: float, penalty: float
) -> Prediction:
    """Return the cost of each distribution over networks on the accelerators that suit it.

    The weights of the accelerators are treated as constants: the gradient of the weighted mean is then the gradient of
    the soft minimum `-t log(sum(exp(-cost / t)))`, whose derivative with respect to each cost is that accelerator's
    weight.

    An accelerator that exceeds a limit by 100 % scores worse by `penalty` times the search's current objective. A finite
    penalty lets a search cross the infeasible region on a cheap accelerator; HDX and the decoding keep the final design
    within the limits.

    Args:
        error_pct: (R,), passed on.
        on_each: cost on each accelerator, leaves (R, H) or (1, H).
        objective: whose weight (lambda2), cost function and limits score the accelerators.
        temperature: relative to the least cost, above zero.
        penalty: see above.
    """
    value = objective.cost_function(on_each)
    with torch.no_grad():
        least = value.min(dim=1, keepdim=True).values.clamp_min(torch.finfo(value.dtype).tiny)
        score = value / least
        if objective.constraints:
            # The objective, in units of lambda2 x least cost.
            scale = 1.0 + error_pct[:, None] / (objective.weight * least)
            score = score + (penalty * scale).clamp_max(_MOST_PENALTY) * objective.violation(
                error_pct[:, None], on_each
            )
        share = torch.softmax(-(score - score.min(dim=1, keepdim=True).values) / temperature, dim=1)

    def mean(values: torch.Tensor) -> torch.Tensor:
        return (share * values).sum(dim=1)

    return Prediction(error_pct, on_each.map(mean), mean(value))
