"""Draws a layer graph: one card a block, coloured by operator, one row of cards for each image size."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby, pairwise
from os import PathLike
from typing import TYPE_CHECKING, Any

from dance_env.graph.layer import Layer
from dance_env.graph.layer_graph import LayerGraph
from dance_env.graph.nodes import Add, Shape

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# All lengths are in card widths.
_GAP = 0.28
_HEIGHT = 0.92
_ROW = 1.5
_MOST_IN_A_ROW = 8
_INCHES = 1.35  # one card width, in a drawing of its own

_KERNEL_COLOURS = {3: (0.25, 0.45, 0.70), 5: (0.13, 0.56, 0.50), 7: (0.80, 0.42, 0.16)}
_OTHER_COLOUR = (0.42, 0.36, 0.55)
_FRAME_COLOUR = (0.93, 0.93, 0.94)
_INK = (0.16, 0.17, 0.20)
_FAINT = (0.48, 0.50, 0.54)


@dataclass(frozen=True)
class _Card:
    """What one block looks like, and where: `x`, `y` is the middle."""

    name: str
    operator: str
    lines: tuple[str, ...]
    macs: int
    shape: Shape
    residual: bool
    x: float = 0.0
    y: float = 0.0


def draw_graph(graph: LayerGraph, target: str | PathLike[str] | Axes) -> None:
    """Draw `graph` into an image file, or onto matplotlib axes (which are emptied of ticks and frame).

    Args:
        graph: What to draw.
        target: A path whose suffix matplotlib can write (.png, .svg, .pdf), or axes.

    Raises:
        ValueError: If the graph has no nodes, or matplotlib cannot write such a file.
    """
    from matplotlib.figure import Figure

    rows = _rows(graph)
    if not isinstance(target, str | PathLike):
        _draw_on(target, graph, rows)
        return
    left, right, bottom, top = _extent(rows)
    figure = Figure(figsize=((right - left) * _INCHES, (top - bottom) * _INCHES), dpi=150)
    _draw_on(figure.add_axes((0.0, 0.0, 1.0, 1.0)), graph, rows)
    figure.savefig(target)


def operator_colour(name: str) -> tuple[float, float, float]:
    """Red, green, blue in 0..1: the hue says the kernel, the depth says the expansion; pale where there is no block."""
    found = re.fullmatch(r"mb(\d+)_k(\d+)", name)
    if found is None:
        return _FRAME_COLOUR
    depth = {1: 0.35, 3: 0.62}.get(int(found[1]), 1.0)
    red, green, blue = (1 - depth * (1 - part) for part in _KERNEL_COLOURS.get(int(found[2]), _OTHER_COLOUR))
    return (red, green, blue)


# -------------------------------------------------------------------------------------------------------------- layout
def _rows(graph: LayerGraph) -> list[list[_Card]]:
    """Cards in rows: a new row where rows and columns of the image change, and after the most that fit."""
    cards = _cards(graph)
    if not cards:
        raise ValueError(f"layer graph {graph.name!r} has no nodes; there is nothing to draw")
    sizes: list[Shape] = []
    for card in cards:
        sizes.append(card.shape[1:] or (sizes[-1] if sizes else ()))
    rows = []
    for _, group in groupby(zip(sizes, cards, strict=True), key=lambda pair: pair[0]):
        members = [card for _, card in group]
        rows += [members[start : start + _MOST_IN_A_ROW] for start in range(0, len(members), _MOST_IN_A_ROW)]
    return [
        [
            _Card(**{**vars(card), "x": column * (1 + _GAP), "y": -row * _ROW})
            for column, card in enumerate(cards_of_row)
        ]
        for row, cards_of_row in enumerate(rows)
    ]


def _extent(rows: list[list[_Card]]) -> tuple[float, float, float, float]:
    """Left, right, bottom, top."""
    columns = max(len(row) for row in rows)
    return -1.3, max(columns * (1 + _GAP), 4.5) - 0.45, -(len(rows) - 1) * _ROW - 1.0, 1.05


def _cards(graph: LayerGraph) -> list[_Card]:
    layers = {layer.name: layer for layer in graph.layers()}
    cards = []
    for name, group in groupby(graph.nodes, key=lambda node: graph.block(node)[0] or node):
        nodes = list(group)
        costly = [layers[node] for node in nodes if node in layers]
        lines = tuple(_line(layer) for layer in costly)
        kind = graph.node(nodes[-1]).kind
        if not lines:
            lines = {"input": ("image",), "global_pool": ("mean",)}.get(kind, ())
        cards.append(
            _Card(
                name=name,
                operator=graph.block(nodes[-1])[1],
                lines=lines,
                macs=sum(layer.macs for layer in costly),
                shape=graph.shape(nodes[-1]),
                residual=any(isinstance(graph.node(node), Add) for node in nodes),
            )
        )
    return cards


def _line(layer: Layer) -> str:
    if layer.kind == "fc":
        return f"{layer.c} → {layer.k}"
    step = f" /{layer.stride}" if layer.stride > 1 else ""
    kind = "dw" if layer.kind == "depthwise" else ""
    return f"{layer.r}×{layer.s} {kind}{step} {layer.k}".replace("  ", " ")


# ------------------------------------------------------------------------------------------------------------- drawing
@dataclass(frozen=True)
class _Pen:
    """Draws on axes in card widths; `unit` is one card width in points, which sizes text and lines."""

    axes: Axes
    unit: float

    def text(self, x: float, y: float, text: str, *, size: float, align: str = "center", **style: Any) -> None:
        self.axes.text(x, y, text, ha=align, va="center", size=size * self.unit, **({"color": _INK} | style))

    def line(self, *corners: tuple[float, float]) -> None:
        xs, ys = zip(*corners, strict=True)
        width = 0.012 * self.unit
        self.axes.plot(xs, ys, color=_FAINT, linewidth=width, zorder=0, solid_joinstyle="round")

    def arrow(self, *corners: tuple[float, float]) -> None:
        from matplotlib.patches import Polygon

        x, y = corners[-1]  # the head points right, as every arrow here arrives from the left
        self.line(*corners[:-1], (x - 0.05, y))
        self.axes.add_patch(Polygon([(x - 0.09, y + 0.04), (x, y), (x - 0.09, y - 0.04)], color=_FAINT, linewidth=0))

    def box(self, x: float, y: float, *, width: float, height: float, operator: str, empty: bool) -> None:
        from matplotlib.patches import FancyBboxPatch

        corner, shape = (x - width / 2, y - height / 2), f"round,pad=0,rounding_size={0.07 * height}"
        box = FancyBboxPatch(corner, width, height, boxstyle=shape, facecolor=operator_colour(operator), linewidth=0)
        if empty:
            box.set(facecolor="white", edgecolor=_FAINT, linewidth=0.01 * self.unit, linestyle=(0, (4, 3)))
        self.axes.add_patch(box)


def _draw_on(axes: Axes, graph: LayerGraph, rows: list[list[_Card]]) -> None:
    left, right, bottom, top = _extent(rows)
    axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
    axes.set_axis_off()
    box, points = axes.get_window_extent(), 72 / axes.figure.dpi
    pen = _Pen(axes, min(box.width / (right - left), box.height / (top - bottom)) * points)
    for before, after in pairwise(card for row in rows for card in row):
        _draw_connection(pen, before, after)
    for row in rows:
        if size := row[0].shape[1:]:
            pen.text(-0.66, row[0].y, f"{size[0]} × {size[1]}", size=0.115, align="right", color=_FAINT)
        for card in row:
            _draw_card(pen, card)
    title = f"{graph.name}:  {_short(graph.macs)} MACs,  {_short(graph.parameters)} parameters"
    pen.text(-0.5, top - 0.22, title, size=0.16, align="left", weight="bold")
    for index, name in enumerate(sorted({card.operator for row in rows for card in row if card.operator})):
        x, y = -0.4 + 0.9 * index, bottom + 0.18
        pen.box(x, y, width=0.2, height=0.14, operator=name, empty=not name.startswith("mb"))
        pen.text(x + 0.17, y, name, size=0.11, align="left")


def _draw_card(pen: _Pen, card: _Card) -> None:
    x, y = card.x, card.y
    ink = "white" if sum(operator_colour(card.operator)) < 1.75 else _INK
    empty = not card.macs and card.operator != ""
    pen.box(x, y, width=1, height=_HEIGHT, operator=card.operator, empty=empty)
    pen.text(x, y + 0.31, card.operator or card.name, size=0.15, color=ink, weight="bold")
    for index, line in enumerate(card.lines):
        pen.text(x, y + 0.12 - 0.15 * index, line, size=0.115, color=ink)
    if card.macs:
        pen.text(x, y - 0.36, _short(card.macs), size=0.1, color=ink, alpha=0.85)
    shape = "×".join(str(each) for each in card.shape)
    pen.text(x, y - _HEIGHT / 2 - 0.1, f"{card.name}:  {shape}" if card.operator else shape, size=0.095, color=_FAINT)
    if card.residual:
        reach, top = 0.5 + 0.35 * _GAP, y + _HEIGHT / 2 + 0.09
        pen.line((x - reach, y), (x - reach, top), (x + reach, top), (x + reach, y))


def _draw_connection(pen: _Pen, before: _Card, after: _Card) -> None:
    right, left = before.x + 0.5, after.x - 0.5
    if before.y == after.y:
        pen.arrow((right, before.y), (left, after.y))
        return
    lane = (before.y + after.y) / 2 - 0.02  # to the next row: along the lane between the rows
    turns = ((right + 0.15, before.y), (right + 0.15, lane), (left - 0.13, lane), (left - 0.13, after.y))
    pen.arrow((right, before.y), *turns, (left, after.y))


def _short(count: int) -> str:
    return f"{count / 1e6:.2f} M" if count >= 1e5 else f"{count / 1e3:.1f} k"
