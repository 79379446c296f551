"""A network of your own: a PyTorch module as a layer graph, and the exact best accelerator for it.

    python examples/import_network.py     # ten seconds; the cost table is cached

One block of a language model writes a token behind 127 others, whose keys and values are read from a cache. Its layers
are found by tracing the module; no weight is read.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dance_env.analysis.hardware import accelerator_in_short, optimize_hardware
from dance_env.graph.importing import ImportedNetwork, import_torch

WIDTH, HEADS, CONTEXT = 128, 4, 128


class Block(nn.Module):
    """Attention to a cache, and an MLP."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

    def forward(self, x: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return activations (1, 1, width), and keys and values (1, heads, entries + 1, width / heads)."""
        qkv = self.qkv(self.norm1(x)).view(1, 1, 3, HEADS, WIDTH // HEADS)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        keys, values = torch.cat([keys, key], dim=2), torch.cat([values, value], dim=2)
        attended = F.scaled_dot_product_attention(query, keys, values)
        x = x + self.out(attended.transpose(1, 2).reshape(1, 1, WIDTH))
        return x + self.mlp(self.norm2(x)), keys, values


def network() -> ImportedNetwork:
    """Return the block as a layer graph; also ``dance optimise-hardware examples/import_network.py:network``."""
    cache = torch.zeros(1, HEADS, CONTEXT - 1, WIDTH // HEADS)
    return import_torch(Block(), (torch.zeros(1, 1, WIDTH), cache, cache), name="block")


def main() -> None:
    """Import the block, and find its best accelerator."""
    found = network()
    print(found.as_text())
    for layer in found.layers:
        print(f"  {layer.name:40} {layer.kind:10} {layer.macs:>10,} MACs")
    best = optimize_hardware(found.graph, least="energy_j", limits={"area_mm2": 1.5}).best
    print(f"least energy on at most 1.5 mm2: {accelerator_in_short(best.options)}")
    print(
        f"{1e6 * best.costs['energy_j']:.2f} µJ, {1e3 * best.costs['latency_s']:.3f} ms, {best.costs['area_mm2']:.2f} mm2"
    )


if __name__ == "__main__":
    main()
