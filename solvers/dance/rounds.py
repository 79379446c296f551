"""One round of a gradient search: descend, decode, evaluate."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch

from solvers.dance.descent import DescentSettings, Predict, descend, plan_round
from solvers.dance.finish import Finalists, in_turns
from solvers.dance.hdx import HardConstraints, HdxSettings
from solvers.dance.options import metered, most_probable

if TYPE_CHECKING:
    from dance_env.envs import CoDesignEnv

Accelerate = Callable[[np.ndarray], np.ndarray]
"""From networks (B, N) to designs (B, D): each with the accelerator chosen for it."""


def search_round(
    env: CoDesignEnv,
    predict: Predict,
    accelerate: Accelerate,
    finalists: Finalists,
    rng: np.random.Generator,
    *,
    settings: DescentSettings,
    hdx: HdxSettings | None,
    lambdas: tuple[float, ...],
    evaluations: int,
    queries: int = 1,
    device: str = "cpu",
    columns: slice | None = None,
) -> int:
    """One round: descend, decode, evaluate.

    Args:
        env: the metered env.
        predict: what the descent follows.
        accelerate: chooses accelerators for decoded networks.
        finalists: told of every design evaluated.
        rng: draws the starts.
        settings, hdx, lambdas, evaluations, device: as in `Dance`.
        queries: gradient queries that one `predict` of one network costs.
        columns: of a design, that are searched; the network's unless given. `accelerate` is handed these.

    Returns:
        How many of the round's evaluations are left.
    """
    space = env.space
    counts = [int(count) for count in space.option_counts[space.network if columns is None else columns]]
    plan = plan_round(metered(env).meter.left, settings, evaluations=evaluations, queries=queries, searches=len(lambdas))
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
    designs = accelerate(most_probable(logits.cpu().numpy(), counts))[in_turns(latest[0], groups)]
    return plan.evaluations - finalists.evaluate(designs, most=plan.evaluations)


def check_lambdas(lambdas: tuple[float, ...]) -> None:
    """Refuse factors on lambda2 that mean nothing."""
    if not lambdas or not all(np.isfinite(each) and each >= 0 for each in lambdas):
        raise ValueError(f"lambdas are factors on the objective's weight, one or more numbers >= 0; got {lambdas}")
