"""Gradient descent on architecture parameters, many searches side by side in one batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from dance_env.objective import Objective
from solvers.methods.dance.hdx import HardConstraints


@dataclass(frozen=True)
class DescentSettings:
    """How architecture parameters are searched.

    Attributes:
        steps: the most updates in one round.
        restarts: the most searches side by side; a small budget gets fewer of both.
        travel: how far Adam may take a parameter in one round; its learning rate is `travel / steps`.
        betas: of Adam, as ProxylessNAS takes them.
        spread: standard deviation of the initial parameters. ProxylessNAS draws 1e-3, but searches side by side that
            start from one point would all find the same.
        temperature: of the network softmax, from first to last step, geometric. The evaluator sees the distribution, the
            result is its most probable network: cooling brings the two together.
        hardware_temperature: of the Gumbel softmax over accelerators, likewise.
        warm_up: share of the steps over which lambda2 rises from 0 to its value.
        threads: of torch.
    """

    steps: int = 24
    restarts: int = 64
    travel: float = 12.0
    betas: tuple[float, float] = (0.0, 0.999)
    spread: float = 2.0
    temperature: tuple[float, float] = (1.0, 0.2)
    hardware_temperature: tuple[float, float] = (2.0, 0.5)
    warm_up: float = 0.1
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("steps", "restarts", "travel", "threads"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0; got {getattr(self, name)}")
        for name in ("temperature", "hardware_temperature"):
            if not min(getattr(self, name)) > 0:
                raise ValueError(f"{name} must be two numbers above 0; got {getattr(self, name)}")
        if not 0 <= self.warm_up <= 1:
            raise ValueError(f"warm_up is a share of the steps, between 0 and 1; got {self.warm_up}")


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a step of the search knows of its mixed networks; leaves (R,), differentiable.

    Attributes:
        error_pct: expected error, percentage points.
        cost: latency, energy and area, for the hard constraints.
        cost_value: the objective's cost function.
    """

    error_pct: torch.Tensor
    cost: Any
    cost_value: torch.Tensor


Predict = Callable[[torch.Tensor, torch.Tensor, float], Prediction]
"""From network probabilities (R, O_net), each search's lambda2 (R,) and the share of the steps done to a prediction."""


def descend(
    predict: Predict,
    start: torch.Tensor,
    *,
    option_counts: Sequence[int],
    objective: Objective,
    lambdas: torch.Tensor,
    steps: int,
    settings: DescentSettings,
    hard: HardConstraints | None = None,
    each_step: Callable[[int, torch.Tensor, torch.Tensor], object] | None = None,
) -> torch.Tensor:
    """Minimise error + lambda2 x cost from many starts at once.

    Args:
        predict: asks the problem, or a surrogate of it.
        start: architecture parameters (R, O_net); not changed.
        option_counts: options of each network choice.
        objective: whose weight is lambda2, and whose limits `hard` enforces.
        lambdas: factors (R,) on lambda2, one per search; all ones but for a sweep.
        steps: updates.
        settings: the rest.
        hard: keeps the searches within the limits, if given.
        each_step: told (step, network probabilities, loss (R,)) before each update.

    Returns:
        Architecture parameters (R, O_net).
    """
    logits = start.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([logits], lr=settings.travel / max(1, steps), betas=settings.betas)
    weights = lambdas * objective.weight
    for step in range(steps):
        done = step / max(1, steps - 1)
        probs = softmax_blocks(logits / cooled(settings.temperature, done), option_counts)
        prediction = predict(probs, weights, done)
        ramp = 1.0 if not settings.warm_up else min(1.0, (step + 1) / (settings.warm_up * steps))
        loss = prediction.error_pct + ramp * weights * prediction.cost_value
        if each_step is not None:
            each_step(step, probs.detach(), (prediction.error_pct + weights * prediction.cost_value).detach())
        (gradient,) = torch.autograd.grad(loss.sum(), logits, retain_graph=hard is not None)
        if hard is not None:
            gradient = hard.correct(gradient, logits, prediction.error_pct, prediction.cost)
        logits.grad = gradient
        optimizer.step()
    return logits.detach()


def softmax_blocks(logits: torch.Tensor, option_counts: Sequence[int]) -> torch.Tensor:
    """Probabilities (R, O) of each choice from logits (R, O)."""
    if len(set(option_counts)) == 1:  # one kernel in place of one for each choice
        return torch.softmax(logits.reshape(len(logits), -1, option_counts[0]), dim=2).reshape(logits.shape)
    return torch.cat([torch.softmax(block, dim=1) for block in torch.split(logits, list(option_counts), dim=1)], dim=1)


def cooled(ends: tuple[float, float], done: float) -> float:
    """A temperature between `ends`, geometric in the share of the steps done."""
    return ends[0] * math.pow(ends[1] / ends[0], done)


@dataclass(frozen=True)
class Plan:
    """How one round spends its budget.

    Attributes:
        restarts: searches side by side.
        steps: updates of each.
        visits: gradient queries at corners afterwards.
        evaluations: exact evaluations at the end.
    """

    restarts: int
    steps: int
    visits: int
    evaluations: int


def plan_round(
    left: int, settings: DescentSettings, *, evaluations: int, queries: int = 1, searches: int = 1, visits: int = 0
) -> Plan:
    """Divide what is left of a budget.

    A sixth of it, at most `evaluations`, is for exact evaluations, another, at most `visits`, for visits to corners; the
    rest for the descent. A small budget shrinks searches and steps together, though steps not below a third: many short
    searches find more than few long ones.

    Args:
        left: evaluations and gradient queries left.
        settings: the most searches and steps.
        evaluations: the most exact evaluations.
        queries: gradient queries per search and step.
        searches: the fewest searches (a sweep needs one for each lambda), if the budget allows at least four steps.
        visits: the most visits to corners.
    """
    reserved = min(left, max(1, min(evaluations, left // 6)))
    visits = min(visits, left // 6)
    updates = (left - reserved - visits) // queries
    restarts, steps = settings.restarts, settings.steps
    if updates < restarts * steps:
        steps = int(max(steps / 3, math.sqrt(updates * steps / restarts)))
        restarts = min(settings.restarts, max(1, updates // max(1, steps), min(searches, updates // 4)))
        steps = min(settings.steps, updates // restarts)
    return Plan(restarts=restarts, steps=steps, visits=visits, evaluations=reserved)
