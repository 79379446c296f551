"""One round of a gradient search: descend, decode, evaluate."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch

from solvers.dance.descent import DescentSettings, Predict, descend, plan_round
from solvers.dance.finish import in_turns
from solvers.dance.hdx import HardConstraints, HdxSettings
from solvers.dance.options import metered, most_probable, network_option_counts

if TYPE_CHECKING:
    from dance_env.envs import CoDesignEnv

IDLE_ROUNDS = 20
"""Rounds without anything new to evaluate after which a run ends: the space is smaller than the budget."""

Judge = Callable[[np.ndarray, int], int]
"""Evaluates the first so many of decoded networks (B, N), the most promising first, that are new; says how many."""


def search_round(
    env: CoDesignEnv,
    predict: Predict,
    judge: Judge,
    rng: np.random.Generator,
    *,
    settings: DescentSettings,
    hdx: HdxSettings | None,
    lambdas: tuple[float, ...],
    evaluations: int,
    device: str,
) -> int:
    """One round: descend, decode, evaluate.

    Args:
        env: the metered env.
        predict: what the descent follows.
        judge: evaluates decoded networks.
        rng: draws the starts.
        settings, hdx, lambdas, evaluations, device: as in `Dance`.

    Returns:
        How many of the round's evaluations are left.
    """
    counts = network_option_counts(env.problem)
    plan = plan_round(metered(env).meter.left, settings, evaluations=evaluations, searches=len(lambdas))
    groups = np.arange(plan.restarts) % len(lambdas)
    start = torch.tensor(rng.normal(0.0, settings.spread, (plan.restarts, sum(counts))), device=device)
    constraints = env.problem.objective.constraints
    latest = [np.zeros(plan.restarts)]

    def note(step: int, probs: torch.Tensor, loss: torch.Tensor) -> None:
        latest[0] = loss.cpu().numpy()

    logits = descend(
        predict,
        start,
        option_counts=counts,
        objective=env.problem.objective,
        lambdas=torch.tensor([lambdas[group] for group in groups], dtype=start.dtype, device=device),
        steps=plan.steps,
        settings=settings,
        hard=HardConstraints(constraints, plan.restarts, hdx) if hdx is not None and constraints else None,
        each_step=note,
    )
    networks = most_probable(logits.cpu().numpy(), counts)[in_turns(latest[0], groups)]
    return plan.evaluations - judge(networks, plan.evaluations)


def check_lambdas(lambdas: tuple[float, ...]) -> None:
    """Refuse factors on lambda2 that mean nothing."""
    if not lambdas or not all(np.isfinite(each) and each >= 0 for each in lambdas):
        raise ValueError(f"lambdas are factors on the objective's weight, one or more numbers >= 0; got {lambdas}")
