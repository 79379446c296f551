"""Gradient descent on architecture parameters, many searches side by side in one batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from dance_env.objective import Objective
from solvers.methods.gradient.hdx import HardConstraints


@dataclass(frozen=True)
class DescentSettings:
    """How architecture parameters are searched.

    Attributes:
        steps: the most updates in one round.
        restarts: the most searches side by side. A small budget gets fewer of both.
        path_length: the farthest that Adam moves a parameter in one round; its learning rate is `path_length / steps`.
        betas: of Adam, as in ProxylessNAS.
        init_std: standard deviation of the initial parameters. ProxylessNAS draws 1e-3, but searches that run side by side
            from nearly one point would all find the same network.
        temperature: of the network softmax, from the first to the last step, geometric. The cost is predicted for the
            distribution, while the result is its most probable network: cooling makes the two agree.
        hardware_temperature: of the Gumbel softmax over accelerators, likewise.
        warm_up: share of the steps over which lambda2 rises to its value.
        threads: of torch.
    """

    steps: int = 24
    restarts: int = 64
    path_length: float = 12.0
    betas: tuple[float, float] = (0.0, 0.999)
    init_std: float = 2.0
    temperature: tuple[float, float] = (1.0, 0.2)
    hardware_temperature: tuple[float, float] = (2.0, 0.5)
    warm_up: float = 0.1
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("steps", "restarts", "path_length", "threads"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0; got {getattr(self, name)}")
        for name in ("temperature", "hardware_temperature"):
            if not min(getattr(self, name)) > 0:
                raise ValueError(f"{name} must be two numbers above 0; got {getattr(self, name)}")
        if not 0 <= self.warm_up <= 1:
            raise ValueError(f"warm_up must be a share of the steps, between 0 and 1; got {self.warm_up}")


@dataclass(frozen=True, eq=False)
class Prediction:
    """What one step of the search predicts for its distributions; leaves (R,), differentiable.

    Attributes:
        error_pct: expected error, percentage points.
        cost: latency, energy and area, for the hard constraints.
        cost_value: the objective's cost function.
    """

    error_pct: torch.Tensor
    cost: Any
    cost_value: torch.Tensor


Predict = Callable[[torch.Tensor, float], Prediction]
"""From probabilities (R, O) and the share of the steps done to a prediction."""


def descend(
    predict: Predict,
    start: torch.Tensor,
    *,
    option_counts: Sequence[int],
    objective: Objective,
    steps: int,
    settings: DescentSettings,
    hard: HardConstraints | None = None,
    each_step: Callable[[int, torch.Tensor, torch.Tensor], object] | None = None,
) -> torch.Tensor:
    """Minimize error + lambda2 x cost from many starts at once.

    Args:
        predict: asks the problem, or a surrogate of it.
        start: architecture parameters (R, O); not changed.
        option_counts: options of each choice.
        objective: whose weight is lambda2, and whose limits `hard` enforces.
        steps: updates.
        settings: the rest.
        hard: keeps the searches within the limits, if given.
        each_step: called with (step, probabilities, loss (R,)) before each update.

    Returns:
        Architecture parameters (R, O).
    """
    logits = start.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([logits], lr=settings.path_length / max(1, steps), betas=settings.betas)
    for step in range(steps):
        done = step / max(1, steps - 1)
        probs = softmax_blocks(logits / geometric(settings.temperature, done), option_counts)
        prediction = predict(probs, done)
        ramp = 1.0 if not settings.warm_up else min(1.0, (step + 1) / (settings.warm_up * steps))
        loss = prediction.error_pct + ramp * objective.weight * prediction.cost_value
        if each_step is not None:
            full = prediction.error_pct + objective.weight * prediction.cost_value
            each_step(step, probs.detach(), full.detach())
        # One backward pass gives the loss's gradient; the limits' gradients reuse the graph.
        (gradient,) = torch.autograd.grad(loss.sum(), logits, retain_graph=hard is not None)
        if hard is not None:
            gradient = hard.correct(gradient, logits, prediction.error_pct, prediction.cost)
        logits.grad = gradient
        optimizer.step()
    return logits.detach()


def softmax_blocks(logits: torch.Tensor, option_counts: Sequence[int]) -> torch.Tensor:
    """Return the probabilities (R, O) of each choice's options from logits (R, O)."""
    if len(set(option_counts)) == 1:  # one kernel in place of one for each choice
        return torch.softmax(logits.reshape(len(logits), -1, option_counts[0]), dim=2).reshape(logits.shape)
    return torch.cat([torch.softmax(block, dim=1) for block in torch.split(logits, list(option_counts), dim=1)], dim=1)


def geometric(ends: tuple[float, float], done: float) -> float:
    """Return a value between `ends`, geometric in the share of the steps done."""
    return ends[0] * math.pow(ends[1] / ends[0], done)
