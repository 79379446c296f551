"""Torch modules of the node types on tokens. Importing this module imports torch."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

ROTATED_SHARE = 0.5
"""Share of a head's features that are rotated by the position, as in HW-GPT-Bench."""


class AttentionScores(nn.Module):
    """Queries times keys, scaled, rotated by position and masked: (batch, tokens, 3 x width) to (..., tokens, tokens)."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.heads = heads

    def forward(self, qkv: Tensor) -> Tensor:
        """Return (batch, heads, tokens, tokens), -inf where a later token would be attended to."""
        queries, keys, _ = split_heads(qkv, self.heads)
        scores = rotate(queries) @ rotate(keys).transpose(-1, -2) / queries.shape[-1] ** 0.5
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        return scores.masked_fill(later, float("-inf"))


class AttendedValues(nn.Module):
    """Values weighted by attention: (batch, heads, tokens, tokens) and (batch, tokens, 3 x width) to (..., width)."""

    def forward(self, weights: Tensor, qkv: Tensor) -> Tensor:
        """Return (batch, tokens, width)."""
        values = split_heads(qkv, weights.shape[1])[2]
        return (weights @ values).transpose(1, 2).flatten(2)


class Last(nn.Module):
    """The last token's features: (batch, tokens, width) to (batch, 1, width)."""

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the last token."""
        return hidden[:, -1:]


class TiedScores(nn.Module):
    """A score for each token of the vocabulary, by the table of an embedding (see `tie`)."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding: list[nn.Embedding] = []  # in a list: the table is a parameter of the embedding alone

    def tie(self, embedding: nn.Embedding) -> None:
        """Take the table of this embedding."""
        self.embedding = [embedding]

    def forward(self, hidden: Tensor) -> Tensor:
        """Return (batch, tokens, vocabulary)."""
        if not self.embedding:
            raise RuntimeError("token scores share the table of an embedding, and this graph has none")
        return functional.linear(hidden, self.embedding[0].weight)


def split_heads(qkv: Tensor, heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return queries, keys and values, (batch, heads, tokens, head size) each, from (batch, tokens, 3 x width)."""
    by_head = qkv.unflatten(2, (3, heads, -1)).permute(2, 0, 3, 1, 4)
    return by_head[0], by_head[1], by_head[2]


def rotate(features: Tensor) -> Tensor:
    """Rotate half of the features, pair by pair, by the token's position (rotary embedding, arXiv 2104.09864)."""
    tokens, size = features.shape[-2:]
    cos, sin = rotation(tokens, size, features.dtype, features.device)
    half = cos.shape[1]
    first, second, rest = features[..., :half], features[..., half : 2 * half], features[..., 2 * half :]
    return torch.cat([first * cos - second * sin, second * cos + first * sin, rest], dim=-1)


def rotation(tokens: int, size: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return cosine and sine of the angle of each token's pairs, (tokens, pairs); `size` features a head."""
    half = int(ROTATED_SHARE * size) // 2
    speeds = 10_000.0 ** (-torch.arange(half, dtype=dtype, device=device) / max(half, 1))
    angles = torch.arange(tokens, dtype=dtype, device=device)[:, None] * speeds
    return angles.cos(), angles.sin()
