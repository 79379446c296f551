"""The network as a row of blocks: height for image rows, color for the option, bars for the time."""

from __future__ import annotations

import math

from dance_env.drawing.canvas import Canvas
from dance_env.drawing.design.snapshot import BlockView, Snapshot
from dance_env.drawing.palette import ACCENT, CARD, FAINT, FIXED, INK, MUTED
from dance_env.objective.quantities import quantity

_CHARACTER = 0.66  # width of a bold character, in text sizes


def draw_network(canvas: Canvas, view: Snapshot, *, x: float, y: float, width: float, height: float) -> None:
    """Draw the panel into the given rectangle, pixels."""
    canvas.card(x, y, width, height, title="Network")
    pitch = (width - 32) / len(view.blocks)
    gap = min(10.0, pitch * 0.16)
    top, floor = y + 40, y + height - 72
    slowest = max((block.latency_s or 0.0 for block in view.blocks), default=0.0)
    most_rows = max((block.rows or 1 for block in view.blocks), default=1)
    for index, block in enumerate(view.blocks):
        left = x + 16 + index * pitch + gap / 2
        tall = (floor - top) * _relative_height(block, most_rows)
        middle = (top + floor) / 2
        _draw_block(canvas, block, left=left, top=middle - tall / 2, width=pitch - gap, height=tall)
        if index:
            canvas.line([left - gap, left], [middle, middle], color=MUTED, width=1.4)
        _draw_time(canvas, block, left=left, width=pitch - gap, base=y + height - 30, slowest=slowest)
    hints = ["height: image rows"] if most_rows > 1 else []
    hints += ["bars: time of each searched block"] if slowest and math.isfinite(slowest) else []
    canvas.text(x + width - 16, y + 25, "   ".join(hints), size=11, color=MUTED, ha="right")


def _draw_block(canvas: Canvas, block: BlockView, *, left: float, top: float, width: float, height: float) -> None:
    hollow = block.look is None or block.empty  # an open choice, or no block at all
    color = CARD if block.look is None or block.empty else block.look.color if block.searchable else FIXED
    edge = MUTED if hollow else None if block.searchable else FAINT
    canvas.box(left, top, width, height, color=color, radius=min(6.0, width * 0.2), edge=edge, dashed=hollow)
    lines = ("?",) if block.look is None else block.look.lines
    ink = INK if block.searchable and not hollow else MUTED
    size = min(14.0, width * 0.3, 0.94 * width / (_CHARACTER * max(map(len, lines))))
    center, middle = left + width / 2, top + height / 2
    first = middle - 0.65 * size * (len(lines) - 1)
    for index, text in enumerate(lines):
        weight = "normal" if index else "bold"
        y = first + 1.3 * size * index
        canvas.text(center, y, text, size=size, color=ink, ha="center", va="center", weight=weight)
    if width > 80 and block.rows is not None:
        shape = f"{block.rows}² → {block.channels} ch"
        canvas.text(center, top + height - 9, shape, size=10.5, color=MUTED if hollow else INK, ha="center")


def _draw_time(canvas: Canvas, block: BlockView, *, left: float, width: float, base: float, slowest: float) -> None:
    center, size = left + width / 2, min(11.0, width * 0.26)
    label = block.name.removeprefix("block") if block.searchable else "fixed"
    canvas.text(center, base + 18, label, size=max(size, 8.5), color=MUTED, ha="center")
    if block.latency_s is None or not math.isfinite(slowest) or slowest == 0:
        return
    tall = 22 * block.latency_s / slowest
    canvas.box(left, base, width, 1.0, color=FAINT)
    canvas.box(left, base - tall, width, max(tall, 0.8), color=ACCENT)
    if width > 42:
        text = quantity("latency_s", float(f"{block.latency_s:.3g}"))
        canvas.text(center, base - tall - 4, text, size=10.5, color=INK, ha="center")


def _relative_height(block: BlockView, most_rows: int) -> float:
    """1 for the largest image, falling with the logarithm of its rows, so that the smallest stays readable."""
    if block.rows is None or most_rows == 1:
        return 0.8
    return 0.5 + 0.5 * math.log2(max(block.rows, 1)) / math.log2(most_rows)
