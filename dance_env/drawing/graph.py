"""Draw a layer graph: one card a block, colored by operator, one row of cards for each image size."""

from __future__ import annotations

from itertools import pairwise
from os import PathLike

from matplotlib.axes import Axes

from dance_env.drawing.canvas import Canvas
from dance_env.drawing.graph_cards import CARD_HEIGHT, CARD_WIDTH, GAP, Card, rows_of_cards, sheet_size, short_count
from dance_env.drawing.operators import Look, looks
from dance_env.drawing.palette import CARD, FIXED, MUTED
from dance_env.graph.layer_graph import LayerGraph
from dance_env.graph.operators import Operator, operator
from dance_env.graph.squeeze import squeezed_operator

_SAVED_DPI = 150


def draw_graph(graph: LayerGraph, target: str | PathLike[str] | Axes) -> None:
    """Draw `graph` into an image file, or onto matplotlib axes (their ticks and frame go).

    Args:
        graph: What to draw.
        target: A path whose suffix matplotlib can write (.png, .svg, .pdf), or axes.

    Raises:
        ValueError: If the graph has no nodes, or matplotlib cannot write such a file.
        OSError: If the file cannot be written.
    """
    rows = rows_of_cards(graph)
    width, height = sheet_size(rows)
    if isinstance(target, str | PathLike):
        canvas = Canvas.sheet(width, height, color=CARD)
        _draw(canvas, graph, rows)
        canvas.figure.savefig(target, dpi=_SAVED_DPI)
    else:
        _draw(Canvas(target, width=width, height=height), graph, rows)


def _draw(canvas: Canvas, graph: LayerGraph, rows: list[list[Card]]) -> None:
    cards = [card for row in rows for card in row]
    chosen = sorted({card.operator for card in cards if card.operator})
    pale = {card.operator for card in cards if card.empty}
    by_name = looks((_known(name) for name in chosen), pale=pale)
    title = f"{graph.name}:  {short_count(graph.macs)} MACs,  {short_count(graph.parameters)} parameters"
    canvas.text(rows[0][0].x, 40, title, size=22, weight="bold")
    for before, after in pairwise(cards):
        _draw_connection(canvas, before, after)
    for row in rows:
        if len(row[0].shape) == 3:
            size = row[0].shape[1:]
            middle = row[0].y + CARD_HEIGHT / 2
            text = f"{size[0]} × {size[1]}"
            canvas.text(row[0].x - 22, middle, text, size=15.5, color=MUTED, ha="right", va="center")
        for card in row:
            _draw_card(canvas, card, by_name.get(card.operator))
    x, y = rows[0][0].x, canvas.height - 32
    for name, look in by_name.items():
        empty = all(card.empty for card in cards if card.operator == name)
        canvas.box(x, y - 10, 27, 19, color=CARD if empty else look.color, radius=1.5, edge=_edge(empty), dashed=empty)
        canvas.text(x + 36, y, name, size=15, va="center")
        x += 62 + 9.5 * len(name)


def _known(name: str) -> Operator | str:
    """The operator of this name in the catalog, or the name: a graph does not hold its operators."""
    try:
        return squeezed_operator(name) or operator(name)
    except ValueError:
        return name


def _edge(empty: bool) -> str | None:
    return MUTED if empty else None


def _draw_card(canvas: Canvas, card: Card, look: Look | None) -> None:
    color = CARD if card.empty else FIXED if look is None else look.color
    edge = _edge(card.empty)
    canvas.box(card.x, card.y, CARD_WIDTH, CARD_HEIGHT, color=color, radius=9, edge=edge, dashed=card.empty)
    middle = card.x + CARD_WIDTH / 2

    def line(y: float, text: str, *, size: float, **style: str) -> None:
        canvas.text(middle, card.y + y, text, size=size, ha="center", va="center", **style)

    title = card.operator or card.name
    line(20, title, size=min(20, 1.6 * CARD_WIDTH / len(title)), weight="bold")
    pitch = 20 if len(card.lines) <= 3 else 17
    for index, text in enumerate(card.lines):
        line(26 + pitch * (index + 1), text, size=0.775 * pitch)
    if card.macs:
        line(110, short_count(card.macs), size=13.5)
    shape = "×".join(str(each) for each in card.shape)
    line(CARD_HEIGHT + 14, f"{card.name}:  {shape}" if card.operator else shape, size=13, color=MUTED)
    if card.residual:
        left, right = card.x - 0.35 * GAP, card.x + CARD_WIDTH + 0.35 * GAP
        level, above = card.y + CARD_HEIGHT / 2, card.y - 12
        canvas.line([left, left, right, right], [level, above, above, level], color=MUTED, width=1.6, zorder=0)


def _draw_connection(canvas: Canvas, before: Card, after: Card) -> None:
    start, end = before.x + CARD_WIDTH, after.x
    from_y, to_y = before.y + CARD_HEIGHT / 2, after.y + CARD_HEIGHT / 2
    if before.y == after.y:
        canvas.arrow([start, end], [from_y, to_y], color=MUTED, width=1.6)
        return
    lane = (from_y + to_y) / 2 + 3  # to the next row: along the lane between the rows
    xs = [start, start + 20, start + 20, end - 17, end - 17, end]
    canvas.arrow(xs, [from_y, from_y, lane, lane, to_y, to_y], color=MUTED, width=1.6)
