"""The pieces of a language model as nodes of a layer graph: attention, MLP, the scores of the next token."""

from __future__ import annotations

from collections.abc import Callable

from dance_env.graph.layer_graph import LayerGraph
from dance_env.graph.nodes import Activation, Node
from dance_env.graph.phase import Decode, Phase
from dance_env.graph.token_nodes import (
    Hidden,
    LastToken,
    LayerNorm,
    Project,
    Scores,
    Softmax,
    TokenScores,
    WeightedValues,
)

PAD_VOCABULARY_TO = 64
"""The token scores are computed for a multiple of so many tokens, as nanoGPT pads: 50,257 = 29 x 1,733 fits no array."""


def add_attention(
    graph: LayerGraph,
    after: str,
    *,
    heads: int,
    head_size: int,
    bias: bool,
    phase: Phase,
    block: str = "",
    operator: str = "",
) -> str:
    """Add layer norm and attention behind `after`; return the last node's name. The output is as wide as the input."""

    def add(name: str, node: Node, *inputs: str) -> str:
        return graph.add(f"{block}.{name}", node, inputs=inputs, block=block, operator=operator)

    width = graph.shape(after)[1]
    qkv = add("qkv", Project(3 * heads * head_size, bias), add("norm1", LayerNorm(), after))
    scores = add("scores", Scores(heads, phase.entries if isinstance(phase, Decode) else None), qkv)
    values = add("values", WeightedValues(), add("softmax", Softmax(), scores), qkv)
    return add("out", Project(width, bias), values)


def add_mlp(graph: LayerGraph, after: str, *, ratio: int, bias: bool, block: str = "", operator: str = "") -> str:
    """Add layer norm and an MLP of `ratio` times the width behind `after`; return the last node's name."""
    width, last = graph.shape(after)[1], after
    for name, node in (
        ("norm2", LayerNorm()),
        ("up", Project(ratio * width, bias)),
        ("gelu", Activation("gelu")),
        ("down", Project(width, bias)),
    ):
        last = graph.add(f"{block}.{name}", node, inputs=(last,), block=block, operator=operator)
    return last


def add_token_scores(graph: LayerGraph, after: str, *, vocabulary: int) -> str:
    """Add the last layer norm and the scores of the next token behind `after`; return the last node's name."""
    last = graph.add("norm", LayerNorm(), inputs=(after,), block="head")
    last = graph.add("last", LastToken(), inputs=(last,), block="head")
    computed = -(-vocabulary // PAD_VOCABULARY_TO) * PAD_VOCABULARY_TO
    return graph.add("head", TokenScores(vocabulary, computed), inputs=(last,), block="head")


def piece(name: str, *, tokens: int, width: int, build: Callable[[LayerGraph, str], object]) -> LayerGraph:
    """Return a graph of one piece: hidden activations, and what `build` adds behind the node that it is given."""
    graph = LayerGraph(name)
    build(graph, graph.add("hidden", Hidden(tokens, width)))
    return graph
