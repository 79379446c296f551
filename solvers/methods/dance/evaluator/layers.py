"""The building block of both networks of the evaluator: layers with a residual connection around each."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

M = TypeVar("M", bound=nn.Module)


class ResidualLayer(nn.Module):
    """`relu(batch_norm(linear(x))) + x`; where the widths differ, the shortcut is a linear map without bias."""

    def __init__(self, in_width: int, out_width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(in_width, out_width, bias=False)  # the batch norm that follows holds the bias
        self.norm = nn.BatchNorm1d(out_width)
        self.shortcut = nn.Linear(in_width, out_width, bias=False) if in_width != out_width else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, in_width) -> (B, out_width)."""
        return torch.relu(self.norm(self.linear(x))) + self.shortcut(x)


class ResidualStack(nn.Sequential):
    """`layers` residual layers of one width. The first one also maps the input to that width."""

    def __init__(self, in_width: int, *, width: int, layers: int) -> None:
        if layers < 1 or width < 1:
            raise ValueError(
                f"a residual stack needs at least one layer and a width of at least one; got {layers=}, {width=}"
            )
        super().__init__(*(ResidualLayer(in_width if i == 0 else width, width) for i in range(layers)))


def build(make: Callable[[], M], *, seed: int, device: torch.device | str = "cpu") -> M:
    """Make a module and draw its weights from a seed, leaving torch's global random state untouched.

    The module is made without storage first (torch draws nothing for the "meta" device), then its linear layers get
    He-uniform weights, its batch norms the identity. Weights are drawn on the CPU, so that a seed means the same
    weights on every device.

    Args:
        make: a function that returns the module; its parametrised layers may be `nn.Linear` and `nn.BatchNorm1d`.
        seed: of the weights.
        device: where the module is put.
    """
    with torch.device("meta"):
        module = make()
    module = module.to_empty(device="cpu")
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.Linear):
                _draw_linear(part, rng)
            elif isinstance(part, nn.BatchNorm1d):
                part.reset_running_stats()
                nn.init.ones_(part.weight)
                nn.init.zeros_(part.bias)
            elif list(part.parameters(recurse=False)):
                raise TypeError(
                    f"no initial weights are defined for {type(part).__name__}; use nn.Linear or nn.BatchNorm1d"
                )
            else:
                for buffer in part.buffers(recurse=False):
                    buffer.zero_()
    return module.to(device)


def _draw_linear(linear: nn.Linear, rng: torch.Generator) -> None:
    bound = math.sqrt(6.0 / linear.in_features)
    linear.weight.copy_((2.0 * torch.rand(linear.weight.shape, generator=rng) - 1.0) * bound)
    if linear.bias is not None:
        linear.bias.zero_()
