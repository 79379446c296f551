"""Source of the functions that a standalone module of a language model needs; the same as `graph.token_modules`."""

from __future__ import annotations

from dance_env.graph.token_modules import ROTATED_SHARE

SPLIT_HEADS = '''\
def split_heads(qkv, heads):
    """Return queries, keys and values, (batch, heads, tokens, head size) each, from (batch, tokens, 3 x width)."""
    by_head = qkv.unflatten(2, (3, heads, -1)).permute(2, 0, 3, 1, 4)
    return by_head[0], by_head[1], by_head[2]
'''

SCORES = f'''\
def rotate(features):
    """Rotate a share of the features, pair by pair, by the token's position (rotary embedding, arXiv 2104.09864)."""
    tokens, size = features.shape[-2:]
    half = int({ROTATED_SHARE} * size) // 2
    speeds = 10_000.0 ** (-torch.arange(half, dtype=features.dtype, device=features.device) / max(half, 1))
    angles = torch.arange(tokens, dtype=features.dtype, device=features.device)[:, None] * speeds
    first, second, rest = features[..., :half], features[..., half : 2 * half], features[..., 2 * half :]
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([first * cos - second * sin, second * cos + first * sin, rest], dim=-1)


def attention_scores(qkv, heads):
    """Return queries times keys, scaled, rotated and masked: (batch, heads, tokens, tokens)."""
    queries, keys, _ = split_heads(qkv, heads)
    scores = rotate(queries) @ rotate(keys).transpose(-1, -2) / queries.shape[-1] ** 0.5
    later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
    return scores.masked_fill(later, float("-inf"))
'''

VALUES = '''\
def attended_values(weights, qkv):
    """Return the values weighted by attention, (batch, tokens, width)."""
    values = split_heads(qkv, weights.shape[1])[2]
    return (weights @ values).transpose(1, 2).flatten(2)
'''
