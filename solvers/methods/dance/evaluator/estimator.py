"""The cost estimation network: a network's probabilities, and the accelerator forwarded to it -> latency, energy, area."""

from __future__ import annotations

import math

import torch
from torch import nn

from dance_env.cost.cost import Cost
from solvers.methods.dance.evaluator.layers import ResidualStack

METRICS = ("latency_s", "energy_j", "area_mm2")


class CostEstimator(nn.Module):
    """Five residual layers with three outputs, positive by an exponential (arXiv 2009.06237).

    Args:
        network_options: O_net, options of all network choices together.
        hardware_options: O_hw, options of all accelerator choices; 0 leaves feature forwarding out, and the estimator
            then predicts the costs on the best accelerator from the network alone.
        width: units of each layer (256 recalled from the paper).
        layers: number of residual layers (5 in the paper's figure).

    The buffer `log_scale` (3,) holds the mean logarithm of the training costs (s, J, mm2), so that the outputs start
    from the right order of magnitude.
    """

    log_scale: torch.Tensor

    def __init__(self, network_options: int, hardware_options: int, *, width: int = 256, layers: int = 5) -> None:
        super().__init__()
        self.hardware_options = hardware_options
        self.stack = ResidualStack(network_options + hardware_options, width=width, layers=layers)
        self.output = nn.Linear(width, len(METRICS))
        self.register_buffer("log_scale", torch.zeros(len(METRICS)))

    def forward(self, network_probs: torch.Tensor, hardware: torch.Tensor | None = None) -> torch.Tensor:
        """Return log costs (B, 3), in the order of `METRICS`.

        Args:
            network_probs: (B, O_net).
            hardware: forwarded features (B, O_hw), one-hot or soft; None for an estimator without feature forwarding.

        Raises:
            ValueError: If hardware is given to an estimator that takes none, or missing where it takes some.
        """
        if (hardware is None) != (self.hardware_options == 0):
            raise ValueError(
                f"this estimator was made with hardware_options={self.hardware_options}: "
                + (
                    "it takes the forwarded accelerator as its second input"
                    if hardware is None
                    else "it takes no accelerator"
                )
            )
        features = network_probs if hardware is None else torch.cat([network_probs, hardware], dim=1)
        return self.output(self.stack(2.0 * features - 1.0)) + self.log_scale

    def cost(self, network_probs: torch.Tensor, hardware: torch.Tensor | None = None) -> Cost:
        """Return the predicted cost, leaves (B,), differentiable in both inputs."""
        return as_cost(self(network_probs, hardware))


def as_cost(log_cost: torch.Tensor) -> Cost:
    """Return log costs (B, 3) as a `Cost` with leaves (B,)."""
    latency, energy, area = torch.exp(log_cost).unbind(dim=1)
    return Cost(latency, energy, area)


def relative_error(log_cost: torch.Tensor, target_log_cost: torch.Tensor) -> torch.Tensor:
    """Return `prediction / target - 1`, shape (B, 3)."""
    return torch.expm1(log_cost - target_log_cost)


def relative_error_loss(log_cost: torch.Tensor, target_log_cost: torch.Tensor) -> torch.Tensor:
    """Return the mean square relative error, the paper's loss; a scalar.

    Where a prediction is more than e times too high the square is continued by its tangent in the logarithm: early in
    training the exponential would swamp every other sample.
    """
    excess = torch.relu(log_cost - target_log_cost - 1.0)
    tangent = 2.0 * math.e * (math.e - 1.0)
    return (relative_error(log_cost - excess, target_log_cost).square() + tangent * excess).mean()
