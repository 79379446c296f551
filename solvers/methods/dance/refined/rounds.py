"""Rounds of a gradient search: descend, decode, refine, evaluate, until the budget is spent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from solvers.contract.metered_problem import MeteredProblem
from solvers.methods.gradient.descent import DescentSettings, Predict, descend
from solvers.methods.gradient.hdx import HardConstraints, HdxSettings
from solvers.methods.gradient.options import most_probable, network_option_counts
from solvers.methods.gradient.plan import Plan, plan_round

IDLE_ROUNDS = 20
"""Rounds without anything new to evaluate after which a run ends: the space is smaller than the budget."""

EndRound = Callable[[np.ndarray, Plan], None]
"""Refines decoded networks (B, N), the most promising first, and evaluates the designs that follow, within the plan."""


@dataclass(frozen=True)
class RoundSettings:
    """How a run is divided into rounds.

    Attributes:
        first_searches: searches side by side in the first round. Each later round has twice as many, up to the descent's
            `restarts`. A small first round soon gives a design that later ones improve on.
        evaluations: the most exact evaluations of one round.
        vertex_queries: the most gradient queries at vertices in one round (see `VertexRefinement`); 0 leaves the
            refinement out.
        vertex_batch: vertices that are queried at a time.
        decoded: evaluations of the networks that a round's searches ended with; the refined ones follow.
    """

    first_searches: int = 8
    evaluations: int = 64
    vertex_queries: int = 64
    vertex_batch: int = 16
    decoded: int = 8

    def __post_init__(self) -> None:
        for name, least in (
            ("first_searches", 1),
            ("evaluations", 1),
            ("vertex_queries", 0),
            ("vertex_batch", 1),
            ("decoded", 0),
        ):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}; got {getattr(self, name)}")


def search_in_rounds(
    problem: MeteredProblem,
    predict: Predict,
    end_round: EndRound,
    rng: np.random.Generator,
    *,
    descent: DescentSettings,
    rounds: RoundSettings,
    hdx: HdxSettings | None,
    device: str,
) -> None:
    """Run rounds until the budget is spent.

    Args:
        problem: the metered problem.
        predict: what the descent minimizes.
        end_round: refines and evaluates what the descent found.
        rng: draws the starts.
        descent, rounds, hdx, device: as in `DanceRefined`.
    """
    meter = problem.meter
    idle = number = 0
    while meter.left and idle < IDLE_ROUNDS:
        before = meter.spent
        searches = rounds.first_searches << min(number, 20)
        settings = replace(descent, restarts=min(descent.restarts, searches))
        evaluations = min(rounds.evaluations, meter.evaluations_left)
        plan = plan_round(meter.left, settings, evaluations=evaluations, vertex_queries=rounds.vertex_queries)
        networks = _decoded(
            problem, predict, rng, plan, settings=settings, hdx=hdx, first=rounds.decoded, device=device
        )
        end_round(networks, plan)
        idle = idle + 1 if meter.spent == before else 0
        number += 1


def _decoded(
    problem: MeteredProblem,
    predict: Predict,
    rng: np.random.Generator,
    plan: Plan,
    *,
    settings: DescentSettings,
    hdx: HdxSettings | None,
    first: int,
    device: str,
) -> np.ndarray:
    """Return the networks (restarts, N) that the searches of one round end with, the best `first` in front."""
    counts = network_option_counts(problem)
    start = torch.tensor(rng.normal(0.0, settings.init_std, (plan.restarts, sum(counts))), device=device)
    constraints = problem.objective.constraints
    losses = np.zeros(plan.restarts)

    def keep_loss(_: int, __: torch.Tensor, loss: torch.Tensor) -> None:
        losses[:] = loss.cpu().numpy()

    hard = None
    if hdx is not None and constraints:
        hard = HardConstraints(constraints, plan.restarts, hdx, device=device)
    logits = descend(
        predict,
        start,
        option_counts=counts,
        objective=problem.objective,
        steps=plan.steps,
        settings=settings,
        hard=hard,
        each_step=keep_loss,
    )
    order = np.argsort(losses, kind="stable")
    # The first ones are all evaluated: in the order of their searches, so that ties in loss do not decide the trace.
    order[: min(first, plan.evaluations)].sort()
    return most_probable(logits.cpu().numpy(), counts)[order]
