"""Rounds of a gradient search: descend, decode, refine, evaluate, until the budget is spent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from solvers.methods.dance.descent import DescentSettings, Plan, Predict, descend, plan_round
from solvers.methods.dance.finish import in_turns
from solvers.methods.dance.hdx import HardConstraints, HdxSettings
from solvers.methods.dance.options import most_probable, network_option_counts

if TYPE_CHECKING:
    from solvers.contract.metered_problem import MeteredProblem

IDLE_ROUNDS = 20
"""Rounds without anything new to evaluate after which a run ends: the space is smaller than the budget."""

Judge = Callable[[np.ndarray, Plan], None]
"""Refines decoded networks (B, N), the most promising first, and evaluates what comes of them, within the plan."""


@dataclass(frozen=True)
class RoundSettings:
    """How a run is cut into rounds.

    Attributes:
        opening: searches side by side in the first round; each round after it has twice as many, up to the descent's
            `restarts`. A short first round says early what the later ones improve on.
        evaluations: the most exact evaluations of one round.
        visits: the most gradient queries at corners in one round (see `Corners`); 0: none, as published.
        width: visits at a time.
        decoded: evaluations of the networks that a round's searches ended with; the refined ones follow.
    """

    opening: int = 8
    evaluations: int = 64
    visits: int = 64
    width: int = 16
    decoded: int = 8

    def __post_init__(self) -> None:
        if self.opening < 1 or self.width < 1 or self.visits < 0 or self.decoded < 0:
            raise ValueError(f"opening and width are at least 1, visits >= 0 and decoded >= 0; got {self}")
        if self.evaluations < 1:
            raise ValueError(f"a round needs at least 1 exact evaluation, not {self.evaluations}")


def search_in_rounds(
    problem: MeteredProblem,
    predict: Predict,
    judge: Judge,
    rng: np.random.Generator,
    *,
    descent: DescentSettings,
    rounds: RoundSettings,
    hdx: HdxSettings | None,
    lambdas: tuple[float, ...],
    device: str,
) -> None:
    """Rounds until the budget is spent.

    Args:
        problem: the metered problem.
        predict: what the descent follows.
        judge: ends each round.
        rng: draws the starts.
        descent, rounds, hdx, lambdas, device: as in `Dance`.
    """
    meter = problem.meter
    idle = number = 0
    while meter.left and idle < IDLE_ROUNDS:
        before = meter.spent
        opening = max(rounds.opening, len(lambdas)) << min(number, 20)
        settings = replace(descent, restarts=min(descent.restarts, opening))
        plan = plan_round(
            meter.left, settings, evaluations=rounds.evaluations, searches=len(lambdas), visits=rounds.visits
        )
        judge(_descended(problem, predict, rng, plan, settings, hdx, lambdas, rounds.decoded, device), plan)
        idle = idle + 1 if meter.spent == before else 0
        number += 1


def _descended(
    problem: MeteredProblem,
    predict: Predict,
    rng: np.random.Generator,
    plan: Plan,
    settings: DescentSettings,
    hdx: HdxSettings | None,
    lambdas: tuple[float, ...],
    decoded: int,
    device: str,
) -> np.ndarray:
    """Decoded networks (restarts, N), the best `decoded` first, of every lambda in turns."""
    counts = network_option_counts(problem)
    groups = np.arange(plan.restarts) % len(lambdas)
    start = torch.tensor(rng.normal(0.0, settings.spread, (plan.restarts, sum(counts))), device=device)
    constraints = problem.objective.constraints
    latest = [np.zeros(plan.restarts)]

    def note(step: int, probs: torch.Tensor, loss: torch.Tensor) -> None:
        latest[0] = loss.cpu().numpy()

    logits = descend(
        predict,
        start,
        option_counts=counts,
        objective=problem.objective,
        lambdas=torch.tensor([lambdas[group] for group in groups], dtype=start.dtype, device=device),
        steps=plan.steps,
        settings=settings,
        hard=HardConstraints(constraints, plan.restarts, hdx) if hdx is not None and constraints else None,
        each_step=note,
    )
    order = in_turns(latest[0], groups)
    first = order[: min(decoded, plan.evaluations)]
    first.sort()  # they are evaluated in any case: in the order of their searches, which is the seed's
    return most_probable(logits.cpu().numpy(), counts)[order]


def check_lambdas(lambdas: tuple[float, ...]) -> None:
    """Refuse factors on lambda2 that mean nothing."""
    if not lambdas or not all(np.isfinite(each) and each >= 0 for each in lambdas):
        raise ValueError(f"lambdas are factors on the objective's weight, one or more numbers >= 0; got {lambdas}")
