"""The network from conditions to probabilities of all choices of a design."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch

from solvers.methods.gradient.descent import softmax_blocks

_FIRST_GAIN = 3.0
"""Of the first layer's weights: the units then bend at different places within the range of a condition, -1 to 1."""


class Generator(torch.nn.Module):
    """A perceptron with tanh units; its last layer starts at zero, so that every design is equally probable at first.

    All tensors are float64, and all weights are drawn from `rng`: torch's random state is neither read nor changed.

    Args:
        inputs: number of features of a condition.
        option_counts: options of each choice: network choices, then hardware choices.
        hidden: units of each hidden layer.
        rng: draws the weights.
        device: of torch.
    """

    def __init__(
        self,
        inputs: int,
        option_counts: Sequence[int],
        *,
        hidden: tuple[int, ...],
        rng: np.random.Generator,
        device: str = "cpu",
    ) -> None:
        super().__init__()
        self.option_counts = tuple(option_counts)
        self._weights, self._biases = torch.nn.ParameterList(), torch.nn.ParameterList()
        widths = (inputs, *hidden, sum(option_counts))
        for layer, (fan_in, width) in enumerate(pairwise(widths)):
            gain = 0.0 if layer == len(hidden) else (_FIRST_GAIN if layer == 0 else 1.0)
            weight = gain * rng.normal(0.0, fan_in**-0.5, (fan_in, width))
            bias = gain * rng.uniform(-1.0, 1.0, width)
            self._weights.append(torch.nn.Parameter(torch.tensor(weight, device=device)))
            self._biases.append(torch.nn.Parameter(torch.tensor(bias, device=device)))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return logits (B, O) of all options from features (B, inputs)."""
        for layer, (weight, bias) in enumerate(zip(self._weights, self._biases, strict=True)):
            features = (torch.tanh(features) if layer else features) @ weight + bias
        return features

    def probabilities(self, features: torch.Tensor, *, temperature: float) -> torch.Tensor:
        """Return the probabilities (B, O) of each choice's options; the temperature is that of the softmax."""
        return softmax_blocks(self(features) / temperature, self.option_counts)
