"""dance-exact: the same search with the cost table itself in place of the learned evaluator."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from dance_env.cost.cost import Cost
from solvers.dance.descent import DescentSettings, Prediction, cooled
from solvers.dance.finish import Finalists
from solvers.dance.hdx import HdxSettings
from solvers.dance.options import metered
from solvers.dance.rounds import IDLE_ROUNDS, check_lambdas, search_round
from solvers.dance.threads import torch_threads
from solvers.solver import Solver

if TYPE_CHECKING:
    from dance_env.envs import CoDesignEnv
    from dance_env.objective import Objective

_MOST_PENALTY = 100.0
"""Bound on a limit's weight against the cost, where lambda2 is near zero and the cost hardly counts."""


@dataclass(frozen=True)
class DanceExact(Solver):
    """DANCE without an evaluator network: a soft minimum over all accelerators of the relaxed cost table.

    At every step each mixed network is costed on all accelerators; they are weighted by
    `softmax(-(cost / least cost) / temperature)`, and the gradient is that of the soft minimum, which tends to the exact
    minimum as the temperature falls. Nothing is trained, so nothing is misjudged; in exchange every step asks the cost
    model for every accelerator, and the ledger says so (`cost_model_queries`).

    A step of one search costs one gradient query, and a cost query for each accelerator.

    Attributes:
        descent: how architecture parameters are searched.
        hdx: how hard constraints are enforced during the search, on tasks that have some; None: not at all.
        evaluations: the most exact evaluations of one round.
        temperature: of the soft minimum, relative to the least cost, from first to last step, geometric.
        penalty: what an accelerator that exceeds a limit by all of it is charged, in multiples of the present objective.
        lambdas: factors on lambda2, searched side by side; more than one gives an approximate Pareto front.
        device: of torch.
    """

    name: ClassVar[str] = "dance-exact"
    descent: DescentSettings = field(default_factory=DescentSettings)
    hdx: HdxSettings | None = field(default_factory=lambda: HdxSettings(margin=(0.0, 0.0)))
    evaluations: int = 128
    temperature: tuple[float, float] = (0.01, 0.001)
    penalty: float = 1.0
    lambdas: tuple[float, ...] = (1.0,)
    device: str = "cpu"

    needs_gradients: ClassVar[bool] = True
    def __post_init__(self) -> None:
        check_lambdas(self.lambdas)
        if self.evaluations < 1:
            raise ValueError(f"a round needs at least 1 exact evaluation, not {self.evaluations}")
        if not min(self.temperature) > 0:
            raise ValueError(f"temperature must be two numbers above 0; got {self.temperature}")

    def search(self, env: CoDesignEnv, rng: np.random.Generator) -> None:
        """Descend, decode and evaluate in rounds until the budget is spent."""
        meter = metered(env).meter
        objective = env.problem.objective
        with torch_threads(self.descent.threads):
            relaxed = env.relax(device=self.device)

            def predict(probs: torch.Tensor, weights: torch.Tensor, done: float) -> Prediction:
                accuracy, on_each = relaxed.on_each_accelerator(probs)
                return soft_minimum(
                    100.0 * (1.0 - accuracy),
                    on_each,
                    objective,
                    weights=weights,
                    temperature=cooled(self.temperature, done),
                    penalty=self.penalty,
                )

            finalists = Finalists(env, self.lambdas)
            idle = 0
            while meter.left and idle < IDLE_ROUNDS:
                before = meter.spent
                search_round(
                    env,
                    predict,
                    lambda networks, most: finalists.evaluate_networks(networks, most=most),
                    rng,
                    settings=self.descent,
                    hdx=self.hdx,
                    lambdas=self.lambdas,
                    evaluations=self.evaluations,
                    device=self.device,
                )
                idle = idle + 1 if meter.spent == before else 0


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
