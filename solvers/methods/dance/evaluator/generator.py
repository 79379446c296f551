"""The hardware generation network: a network's probabilities -> its best accelerator."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from solvers.methods.dance.evaluator.layers import ResidualStack


class HardwareGenerator(nn.Module):
    """Five residual layers and one classification head for each accelerator choice (arXiv 2009.06237).

    Args:
        network_options: O_net, options of all network choices together: the width of the input.
        option_counts: number of options of each accelerator choice, one head each.
        width: units of each layer (128 recalled from the paper).
        layers: number of residual layers (5 in the paper's figure).
    """

    def __init__(
        self, network_options: int, option_counts: Sequence[int], *, width: int = 128, layers: int = 5
    ) -> None:
        super().__init__()
        self.option_counts = tuple(int(count) for count in option_counts)
        self.stack = ResidualStack(network_options, width=width, layers=layers)
        self.heads = nn.Linear(width, sum(self.option_counts))

    def forward(self, network_probs: torch.Tensor) -> torch.Tensor:
        """Return logits (B, O_hw) of all heads side by side, from network probabilities (B, O_net).

        The input is centered: a block of probabilities sums to one, so its mean carries no information.
        """
        return self.heads(self.stack(2.0 * network_probs - 1.0))

    def split(self, logits: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return each head's logits, (B, options of the choice)."""
        return torch.split(logits, list(self.option_counts), dim=1)

    def generate(self, network_probs: torch.Tensor) -> torch.Tensor:
        """Return the most probable accelerator (B, C) of each network, as option indices."""
        return torch.stack([head.argmax(dim=1) for head in self.split(self(network_probs))], dim=1)


def gumbel_noise(shape: Sequence[int], rng: torch.Generator, *, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Return standard Gumbel noise drawn from `rng`, on its device: -log(-log(u))."""
    tiny = torch.finfo(dtype).tiny
    uniform = torch.rand(tuple(shape), generator=rng, device=rng.device, dtype=dtype)
    return -torch.log((-torch.log(uniform.clamp_min(tiny))).clamp_min(tiny))


def gumbel_softmax(
    logits: torch.Tensor,
    option_counts: Sequence[int],
    *,
    temperature: float,
    noise: torch.Tensor | None = None,
    hard: bool = True,
) -> torch.Tensor:
    """Return differentiable samples of one option per choice (Jang et al., arXiv 1611.01144, equation 2).

    Args:
        logits: (B, O), the choices' blocks side by side.
        option_counts: width of each block.
        temperature: above zero; towards zero the samples become one-hot.
        noise: Gumbel noise (B, O); none gives the plain softmax.
        hard: forward exact one-hots and pass the soft gradient back (straight-through).

    Returns:
        (B, O), each block summing to one.
    """
    if not temperature > 0:
        raise ValueError(f"the temperature of a Gumbel softmax must be above zero; got {temperature}")
    scores = (logits if noise is None else logits + noise) / temperature
    blocks = []
    for block in torch.split(scores, list(option_counts), dim=1):
        soft = torch.softmax(block, dim=1)
        if hard:
            one_hot = torch.zeros_like(soft).scatter_(1, soft.argmax(dim=1, keepdim=True), 1.0)
            soft = one_hot + (soft - soft.detach())
        blocks.append(soft)
    return torch.cat(blocks, dim=1)
