"""The nodes of a language model as ONNX operators. Importing this module imports torch."""

from __future__ import annotations

import torch

from dance_env.exporting.network.onnx_writer import OnnxWriter
from dance_env.graph import LayerGraph
from dance_env.graph.nodes import Node
from dance_env.graph.to_torch import module_name
from dance_env.graph.token_modules import rotation
from dance_env.graph.token_nodes import (
    Embedding,
    LastToken,
    LayerNorm,
    Project,
    Scores,
    Softmax,
    TokenScores,
    WeightedValues,
)


def add_token_node(writer: OnnxWriter, graph: LayerGraph, name: str, *, table: str) -> bool:
    """Write the operators of a node on tokens; return whether it is one.

    Args:
        writer: Of the model.
        graph: The network.
        name: Of the node; its value is called the same.
        table: Name of the node that embeds tokens; "" for none.
    """
    node: Node = graph.node(name)
    inputs = list(graph.inputs(name))
    key = module_name(name)  # by which its weights are called
    match node:
        case Embedding():
            writer.op("Gather", [f"{key}.weight", *inputs], name)
        case LayerNorm():
            values = [f"{key}.weight", f"{key}.bias"]
            writer.op("LayerNormalization", [*inputs, *values], name, axis=-1, epsilon=node.eps)
        case Project():
            weights = writer.op("Transpose", [f"{key}.weight"], perm=[1, 0])
            product = writer.op("MatMul", [*inputs, weights], "" if node.bias else name)
            if node.bias:
                writer.op("Add", [product, f"{key}.bias"], name)
        case Scores():
            _add_scores(writer, name, inputs[0], node.heads, graph.shape(inputs[0]))
        case Softmax():
            writer.op("Softmax", inputs, name, axis=-1)
        case WeightedValues():
            tokens, width = graph.shape(name)
            attended = _heads(writer, inputs[1], 2, graph.shape(inputs[0])[0], tokens)
            product = writer.op("MatMul", [inputs[0], attended])
            by_token = writer.op("Transpose", [product], perm=[0, 2, 1, 3])
            writer.op("Reshape", [by_token, writer.whole([0, tokens, width])], name)
        case LastToken():
            writer.op("Slice", [*inputs, *(writer.whole([n]) for n in (-1, 2**31 - 1, 1))], name)
        case TokenScores() if table:
            weights = writer.op("Transpose", [f"{module_name(table)}.weight"], perm=[1, 0])
            writer.op("MatMul", [*inputs, weights], name)
        case _:
            return False
    return True


def _add_scores(writer: OnnxWriter, name: str, qkv: str, heads: int, arriving: tuple[int, ...]) -> None:
    tokens, head_size = arriving[0], arriving[1] // (3 * heads)
    queries, keys = (_rotated(writer, _heads(writer, qkv, part, heads, tokens), tokens, head_size) for part in (0, 1))
    product = writer.op("MatMul", [queries, writer.op("Transpose", [keys], perm=[0, 1, 3, 2])])
    scores = writer.op("Div", [product, writer.scalar(head_size**0.5)])
    mask = torch.zeros(tokens, tokens).masked_fill(torch.ones(tokens, tokens, dtype=torch.bool).triu(1), float("-inf"))
    writer.op("Add", [scores, writer.constant(f"mask {tokens}", mask.numpy())], name)


def _heads(writer: OnnxWriter, qkv: str, part: int, heads: int, tokens: int) -> str:
    """Return queries (0), keys (1) or values (2): (batch, heads, tokens, head size)."""
    split = writer.op("Reshape", [qkv, writer.whole([0, tokens, 3, heads, -1])])
    chosen = writer.op("Gather", [split, writer.index(part)], axis=2)
    return writer.op("Transpose", [chosen], perm=[0, 2, 1, 3])


def _rotated(writer: OnnxWriter, features: str, tokens: int, head_size: int) -> str:
    """Return features rotated by the token's position, as `token_modules.rotate`."""
    cos, sin = rotation(tokens, head_size, torch.float32, torch.device("cpu"))
    half = cos.shape[1]
    if half == 0:
        return features
    sizes = [size for size in (half, half, head_size - 2 * half) if size]
    first, second, *rest = writer.split(features, sizes)
    names = [
        writer.constant(f"{kind} {tokens} {head_size}", table.numpy()) for kind, table in (("cos", cos), ("sin", sin))
    ]

    def times(value: str, table: str) -> str:
        return writer.op("Mul", [value, table])

    turned = [
        writer.op("Sub", [times(first, names[0]), times(second, names[1])]),
        writer.op("Add", [times(second, names[0]), times(first, names[1])]),
    ]
    return writer.op("Concat", [*turned, *rest], axis=-1)
