"""What each node of a layer graph is in a standalone module: a submodule where it has parameters, and an expression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from dance_env.exporting.network import torch_helpers as helpers
from dance_env.graph import LayerGraph
from dance_env.graph.nodes import Activation, Add, BatchNorm, Conv, GlobalPool, Linear, Node, Scale, Skip
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


class Statement(NamedTuple):
    """A node in a module's source.

    Attributes:
        value: The expression of its output.
        module: The expression that makes its submodule; "" where it has none.
        helpers: Source of the functions that the expression calls.
    """

    value: str
    module: str = ""
    helpers: tuple[str, ...] = ()


_ACTIVATIONS = {
    "relu": "functional.relu({0})",
    "relu6": "functional.relu6({0})",
    "gelu": "functional.gelu({0})",
    "hard_sigmoid": "functional.hardsigmoid({0})",
}

_VALUES: dict[type, str] = {
    Scale: "{0} * {1}[:, :, None, None]",
    Skip: "{0}",
    GlobalPool: "{0}.mean(dim=(2, 3))",
    Softmax: "{0}.softmax(dim=-1)",
    LastToken: "{0}[:, -1:]",
}


def statement(graph: LayerGraph, name: str, *, own: str, inputs: Sequence[str], table: str) -> Statement:
    """Return a node's statement.

    Args:
        graph: The network.
        name: Of the node.
        own: The node's name in the source.
        inputs: Names of what feeds it.
        table: The name of the submodule that embeds tokens; "" for none.

    Raises:
        ValueError: If the node has no form in torch that the graph knows; the message says why.
    """
    node: Node = graph.node(name)
    arriving = graph.shape(graph.inputs(name)[0])
    module = _module(node, arriving)
    if module:
        return Statement(f"self.{own}({inputs[0]})", module)
    if type(node) in _VALUES:
        return Statement(_VALUES[type(node)].format(*inputs))
    match node:
        case Activation():
            return Statement(_ACTIVATIONS[node.function].format(inputs[0]))
        case Add():
            return Statement(" + ".join(inputs))
        case Scores(cached=None):
            value = f"attention_scores({inputs[0]}, {node.heads})"
            return Statement(value, helpers=(helpers.SPLIT_HEADS, helpers.SCORES))
        case WeightedValues():
            value = f"attended_values({inputs[0]}, {inputs[1]})"
            return Statement(value, helpers=(helpers.SPLIT_HEADS, helpers.VALUES))
        case TokenScores() if table:
            return Statement(f"functional.linear({inputs[0]}, self.{table}.weight)")
    reason = {
        Scores: "a decode step reads a cache that the graph does not hold",
        TokenScores: "it shares the table of an embedding, and the graph has none",
    }.get(type(node), "the graph does not say what it computes; export the network from its own file")
    raise ValueError(f"layer graph {graph.name!r}, node {name!r} ({node.kind}): {reason}")


def _module(node: Node, arriving: tuple[int, ...]) -> str:
    """Return the expression that makes a node's submodule; "" where it has no parameters."""
    match node:
        case Conv():
            padding = (node.kernel - 1) // 2
            more = "".join(
                f", {key}={value}"
                for key, value, usual in (
                    ("stride", node.stride, 1),
                    ("padding", padding, 0),
                    ("groups", node.groups, 1),
                )
                if value != usual
            )
            return f"nn.Conv2d({arriving[0]}, {node.channels}, {node.kernel}{more}, bias=False)"
        case BatchNorm():
            return f"nn.BatchNorm2d({arriving[0]}, eps={node.eps!r})"
        case Linear():
            return f"nn.Linear({arriving[0]}, {node.features})"
        case Embedding():
            return f"nn.Embedding({node.vocabulary}, {node.features})"
        case LayerNorm():
            return f"nn.LayerNorm({arriving[-1]}, eps={node.eps!r})"
        case Project():
            return f"nn.Linear({arriving[-1]}, {node.features}{'' if node.bias else ', bias=False'})"
    return ""
