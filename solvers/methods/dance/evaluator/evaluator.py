"""The evaluator: hardware generation network and cost estimation network put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from dance_env.cost.cost import Cost
from solvers.methods.dance.evaluator.estimator import CostEstimator
from solvers.methods.dance.evaluator.generator import HardwareGenerator, gumbel_softmax
from solvers.methods.dance.evaluator.layers import build


@dataclass(frozen=True)
class EvaluatorShape:
    """Sizes of the two networks.

    Attributes:
        network_options: O_net.
        hardware_counts: options of each accelerator choice.
        generator_width, estimator_width: units per layer (128 and 256 recalled from the paper).
        layers: residual layers in each network.
        feature_forwarding: whether the estimator sees the generated accelerator.
    """

    network_options: int
    hardware_counts: tuple[int, ...]
    generator_width: int = 128
    estimator_width: int = 256
    layers: int = 5
    feature_forwarding: bool = True


class Evaluator(nn.Module):
    """Network probabilities -> their best accelerator and the cost of both together; differentiable throughout."""

    def __init__(self, generator: HardwareGenerator, estimator: CostEstimator) -> None:
        super().__init__()
        self.generator = generator
        self.estimator = estimator

    @classmethod
    def untrained(cls, shape: EvaluatorShape, *, seed: int, device: torch.device | str = "cpu") -> Evaluator:
        """Return an evaluator with newly drawn weights; the generator's do not depend on the estimator's sizes."""
        hardware_options = sum(shape.hardware_counts) if shape.feature_forwarding else 0
        generator = build(
            lambda: HardwareGenerator(
                shape.network_options, shape.hardware_counts, width=shape.generator_width, layers=shape.layers
            ),
            seed=2 * seed,
            device=device,
        )
        estimator = build(
            lambda: CostEstimator(
                shape.network_options, hardware_options, width=shape.estimator_width, layers=shape.layers
            ),
            seed=2 * seed + 1,
            device=device,
        )
        with torch.no_grad():
            estimator.output.weight.zero_()  # so that training starts from the mean cost
        return cls(generator, estimator)

    @property
    def hardware_counts(self) -> Sequence[int]:
        """Options of each accelerator choice."""
        return self.generator.option_counts

    @property
    def feature_forwarding(self) -> bool:
        """Whether the estimator sees the generated accelerator."""
        return self.estimator.hardware_options > 0

    def frozen(self) -> Evaluator:
        """Return itself, in evaluation mode and without weight gradients, as the search uses it."""
        return self.eval().requires_grad_(False)

    def forward(
        self,
        network_probs: torch.Tensor,
        *,
        temperature: float = 1.0,
        noise: torch.Tensor | None = None,
        hard: bool = True,
    ) -> tuple[Cost, torch.Tensor]:
        """Return the predicted costs of networks on the accelerators generated for them.

        Args:
            network_probs: (B, O_net), float32.
            temperature: of the Gumbel softmax.
            noise: Gumbel noise (B, O_hw), or none.
            hard: forward one-hot accelerators, with the soft gradient (straight-through).

        Returns:
            The cost, leaves (B,), and the forwarded accelerators (B, O_hw).
        """
        logits = self.generator(network_probs)
        hardware = gumbel_softmax(logits, self.hardware_counts, temperature=temperature, noise=noise, hard=hard)
        return self.estimator.cost(network_probs, hardware if self.feature_forwarding else None), hardware
