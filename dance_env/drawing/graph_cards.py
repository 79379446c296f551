"""A layer graph as rows of cards, one card a block: what each says, and where it lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from dance_env.graph.layer import Layer
from dance_env.graph.layer_graph import LayerGraph
from dance_env.graph.nodes import Activation, Add, Shape
from dance_env.graph.token_nodes import Embedding, Scores, Tokens

CARD_WIDTH, CARD_HEIGHT = 135, 124
"""Pixels, as all lengths here."""

GAP = 38
_ROW_PITCH = 202
_MOST_IN_A_ROW = 8
_MOST_LINES = 4
_LEFT, _TOP = 108, 80


@dataclass(frozen=True)
class Card:
    """One block.

    Attributes:
        name: of the block.
        operator: chosen there; `""` for a block that every network has, such as the stem.
        lines: its convolutions, or its heads and the width of its MLP, in words.
        macs: multiply-accumulates for one image.
        shape: of its output.
        residual: whether its input is added to its output.
        x, y: the upper left corner.
    """

    name: str
    operator: str
    lines: tuple[str, ...]
    macs: int
    shape: Shape
    residual: bool
    x: float = 0.0
    y: float = 0.0

    @property
    def empty(self) -> bool:
        """Whether something could be chosen there, and nothing was."""
        return self.operator != "" and self.macs == 0


def rows_of_cards(graph: LayerGraph) -> list[list[Card]]:
    """Return the blocks in rows: a new row where the size of the image changes, and after the most that fit.

    Raises:
        ValueError: If the graph has no nodes.
    """
    cards = _cards(graph)
    if not cards:
        raise ValueError(f"layer graph {graph.name!r} has no nodes; there is nothing to draw")
    sizes: list[Shape] = []
    for card in cards:
        size = card.shape[1:] if len(card.shape) == 3 else ()  # tokens have no rows and columns
        sizes.append(size or (sizes[-1] if sizes else ()))
    rows: list[list[Card]] = []
    for _, group in groupby(zip(sizes, cards, strict=True), key=lambda pair: pair[0]):
        members = [card for _, card in group]
        rows += [members[start : start + _MOST_IN_A_ROW] for start in range(0, len(members), _MOST_IN_A_ROW)]
    return [
        [
            replace(card, x=_LEFT + column * (CARD_WIDTH + GAP), y=_TOP + index * _ROW_PITCH)
            for column, card in enumerate(row)
        ]
        for index, row in enumerate(rows)
    ]


def sheet_size(rows: Sequence[Sequence[Card]]) -> tuple[int, int]:
    """Return width and height of a sheet that holds the cards, a title above them, and a legend below."""
    right = max(card.x for row in rows for card in row) + CARD_WIDTH
    return max(int(right) + 47, 780), int(rows[-1][0].y) + CARD_HEIGHT + 80


def short_count(count: int) -> str:
    """Return a count in thousands, millions or billions, such as "10.67 M"."""
    if count >= 1e9:
        return f"{count / 1e9:.2f} G"
    return f"{count / 1e6:.2f} M" if count >= 1e5 else f"{count / 1e3:.1f} k"


def _cards(graph: LayerGraph) -> list[Card]:
    layers = {layer.name: layer for layer in graph.layers()}
    cards = []
    for name, group in groupby(graph.nodes, key=lambda node: graph.block(node)[0] or node):
        nodes = list(group)
        costly = [layers[node] for node in nodes if node in layers]
        lines = _conv_lines(costly)
        lines += _token_lines(graph, nodes)
        kind = graph.node(nodes[-1]).kind
        if len(lines) > _MOST_LINES:
            lines = (*lines[: _MOST_LINES - 1], f"and {len(lines) - _MOST_LINES + 1} more")
        if not lines:
            lines = {"input": ("image",), "global_pool": ("mean",), "token_scores": ("next token",)}.get(kind, ())
        cards.append(
            Card(
                name=name,
                operator=graph.block(nodes[-1])[1],
                lines=lines,
                macs=sum(layer.macs for layer in costly),
                shape=graph.shape(nodes[-1]),
                residual=any(isinstance(graph.node(node), Add) for node in nodes),
            )
        )
    return cards


def _token_lines(graph: LayerGraph, nodes: Sequence[str]) -> tuple[str, ...]:
    """What nodes on tokens do: heads times the features of each, and the width between the projections of an MLP."""
    lines = []
    for name in nodes:
        match graph.node(name):
            case Tokens():
                lines.append("numbers")
            case Embedding() as table:
                lines.append(f"{table.vocabulary:,} rows")
            case Scores() as scores:
                features = graph.shape(graph.inputs(name)[0])[1]
                lines.append(f"{scores.heads} × {features // (3 * scores.heads)}")
            case Activation() if len(graph.shape(name)) == 2:
                lines.append(f"MLP {graph.shape(name)[1]}")
    return tuple(lines)


def _conv_lines(layers: Sequence[Layer]) -> tuple[str, ...]:
    """What convolutions and fully connected layers do; the two of squeeze-and-excitation share a line."""
    lines = []
    for layer in layers:
        if layer.name.endswith(".se.squeeze"):
            lines.append(f"SE {layer.c} → {layer.k}")
        elif layer.kind not in ("gemm", "attention") and not layer.name.endswith(".se.excite"):
            lines.append(_line(layer))
    return tuple(lines)


def _line(layer: Layer) -> str:
    if layer.kind == "fc":
        return f"{layer.c} → {layer.k}"
    step = f" /{layer.stride}" if layer.stride > 1 else ""
    kind = "dw" if layer.kind == "depthwise" else ""
    return f"{layer.r}×{layer.s} {kind}{step} {layer.k}".replace("  ", " ")
