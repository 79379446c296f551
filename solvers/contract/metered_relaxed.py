"""The differentiable view as a solver sees it (torch): a gradient query is one vector-Jacobian product."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from dance_env.cost import Cost
from dance_env.problem import Problem
from dance_env.problem.relaxed import RelaxedEvaluation, RelaxedProblem
from solvers.contract.capabilities import offers_expectation
from solvers.contract.meter import Meter

Expectation = Callable[[torch.Tensor], torch.Tensor]
"""From network probabilities (rows, options) to expected accuracies (rows,)."""


class MeteredRelaxedProblem:
    """The relaxed problem, one gradient query for each row whose expected accuracy is asked for.

    A query is answered by the value and, in the backward pass, one vector-Jacobian product. The answer is detached from
    the accuracy model: it has no second derivative, and it cannot be batched by `torch.func.vmap`. Expected costs are
    ordinary tensors: the costs behind them are on the bill as cost pairs, and derivatives add nothing to those.

    A question of more rows than are left is refused whole (half of a gradient is of no use), and nothing is charged:
    what is left can still be spent on evaluating the design that came out.

    Args:
        problem: What is asked.
        meter: What is billed.
        device: Of the tensors.
        dtype: "float64" or "float32".
    """

    def __init__(self, problem: Problem, meter: Meter, *, device: str, dtype: str) -> None:
        accuracy: Any = problem.accuracy
        if offers_expectation(accuracy):
            accuracy = _MeteredExpectation(accuracy, meter)
        self._relaxed: RelaxedProblem = replace(problem, accuracy=accuracy).relax(device=device, dtype=dtype)
        self._meter = meter

    def __call__(self, network_probs: torch.Tensor, hardware_probs: torch.Tensor) -> RelaxedEvaluation:
        """Return expected cost, accuracy, objective and violation (rows,) of independent probabilities per choice."""
        with self._meter.oracle():
            answer = self._relaxed(network_probs, hardware_probs)
        self._meter.bill_costs()
        return answer

    def accuracy(self, network_probs: torch.Tensor) -> torch.Tensor:
        """Return expected accuracies (rows,)."""
        with self._meter.oracle():
            return self._relaxed.accuracy(network_probs)

    def on_all_hardware(self, network_probs: torch.Tensor) -> Cost:
        """Return expected latency and energy on each accelerator (rows, H), and the areas; no gradient query."""
        with self._meter.oracle():
            cost = self._relaxed.on_all_hardware(network_probs)
        self._meter.bill_costs()
        return cost

    def on_each_accelerator(self, network_probs: torch.Tensor) -> tuple[torch.Tensor, Cost]:
        """Return expected accuracies (rows,), and costs on each accelerator."""
        return self.accuracy(network_probs), self.on_all_hardware(network_probs)

    def joint(self, hardware_probs: torch.Tensor) -> torch.Tensor:
        """Return each accelerator's probability (rows, H) under independent choices; asks nothing of the problem."""
        return self._relaxed.joint(hardware_probs)


@dataclass(frozen=True)
class _MeteredExpectation:
    """An accuracy model whose expectations are billed, one gradient query a row."""

    model: Any
    meter: Meter

    def evaluate(self, networks: np.ndarray) -> np.ndarray:
        return self.model.evaluate(networks)

    def fingerprint(self) -> str:
        return self.model.fingerprint()

    def relax(self, *, device: Any = "cpu", dtype: Any = None) -> Expectation:
        expectation = self.model.relax(device=device, dtype=dtype)

        def billed(network_probs: torch.Tensor) -> torch.Tensor:
            with self.meter.gradients(len(network_probs)):
                return _one_product(expectation, network_probs, self.meter)

        return billed


def _one_product(expectation: Expectation, network_probs: torch.Tensor, meter: Meter) -> torch.Tensor:
    try:
        # Without gradients as well: where torch.func's transforms are active, this refuses.
        return _OneProduct.apply(expectation, network_probs, meter, torch.is_grad_enabled())
    except RuntimeError as error:
        if "functorch" not in str(error):
            raise
        raise TypeError(
            "the differentiable view counts rows, and torch.func's transforms hide them: ask for (rows, options) at "
            "once, and take gradients by torch.autograd"
        ) from error


class _OneProduct(torch.autograd.Function):
    """An expectation whose backward pass is one vector-Jacobian product, without derivatives of its own.

    A row's accuracy is one number, so that products with other cotangents are multiples of the first: asking for the
    backward pass again learns nothing new, and is not refused.
    """

    @staticmethod
    def forward(
        ctx: Any, expectation: Expectation, network_probs: torch.Tensor, meter: Meter, wanted: bool
    ) -> torch.Tensor:
        leaf = network_probs.detach().requires_grad_(wanted and network_probs.requires_grad)
        with torch.set_grad_enabled(leaf.requires_grad):
            value = expectation(leaf)
        ctx.leaf, ctx.value, ctx.meter = leaf, value, meter
        return value.detach()

    @staticmethod
    def backward(ctx: Any, cotangent: torch.Tensor) -> tuple[None, torch.Tensor, None, None]:
        if torch.is_grad_enabled():
            raise RuntimeError(
                "a gradient query is one vector-Jacobian product and has no second derivative: ask without create_graph"
            )
        with ctx.meter.charge("oracle"):
            (gradient,) = torch.autograd.grad(ctx.value, ctx.leaf, cotangent, retain_graph=True)
        return None, gradient, None, None
