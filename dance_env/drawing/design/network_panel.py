"""The network as a row of blocks: height for image rows, colour for the operator, bars for the time."""

from __future__ import annotations

import math
import re

from dance_env.drawing.design.canvas import ACCENT, CARD, FAINT, INK, MUTED, Canvas
from dance_env.drawing.design.snapshot import BlockView, Snapshot
from dance_env.drawing.design.units import operator_lines
from dance_env.objective.quantities import quantity

#: By kernel: the colours of a small and of a large expansion.
_KERNEL_COLORS = {3: ("#a9d6d5", "#5fb0ae"), 5: ("#b3cdf2", "#6f9fe0"), 7: ("#d5c3ee", "#a98bd8")}
_OTHER_COLOR = "#e9d8b4"
_SKIPPED = ("identity", "zero")


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
    open_or_skipped = block.operator is None or block.operator in _SKIPPED
    canvas.box(
        left,
        top,
        width,
        height,
        color=_color(block),
        radius=min(6.0, width * 0.2),
        edge=MUTED if open_or_skipped else (None if block.searchable else "#9aa6b2"),
        dashed=open_or_skipped,
    )
    first, second = operator_lines(block.operator)
    size = min(14.0, width * 0.3)
    ink = INK if block.searchable and not open_or_skipped else MUTED
    centre, middle = left + width / 2, top + height / 2
    canvas.text(
        centre,
        middle - (size * 0.6 if second else 0),
        first,
        size=size,
        color=ink,
        ha="center",
        va="center",
        weight="bold",
    )
    if second:
        canvas.text(centre, middle + size * 0.7, second, size=size * 0.92, color=ink, ha="center", va="center")
    if width > 80 and block.rows is not None:
        shape = f"{block.rows}² → {block.channels} ch"
        canvas.text(
            centre, top + height - 9, shape, size=10.5, color=MUTED if open_or_skipped else "#3c4a58", ha="center"
        )


def _draw_time(canvas: Canvas, block: BlockView, *, left: float, width: float, base: float, slowest: float) -> None:
    centre, size = left + width / 2, min(11.0, width * 0.26)
    label = block.name.removeprefix("block") if block.searchable else "fixed"
    canvas.text(centre, base + 18, label, size=max(size, 8.5), color=MUTED, ha="center")
    if block.latency_s is None or not math.isfinite(slowest) or slowest == 0:
        return
    tall = 22 * block.latency_s / slowest
    canvas.box(left, base, width, 1.0, color=FAINT)
    canvas.box(left, base - tall, width, max(tall, 0.8), color=ACCENT)
    if width > 42:
        text = quantity("latency_s", float(f"{block.latency_s:.3g}"))
        canvas.text(centre, base - tall - 4, text, size=10.5, color=INK, ha="center")


def _relative_height(block: BlockView, most_rows: int) -> float:
    """1 for the largest image, falling with the logarithm of its rows, so that the smallest stays readable."""
    if block.rows is None or most_rows == 1:
        return 0.8
    return 0.5 + 0.5 * math.log2(max(block.rows, 1)) / math.log2(most_rows)


def _color(block: BlockView) -> str:
    if block.operator is None or block.operator in _SKIPPED:
        return CARD
    found = re.fullmatch(r"mb(\d+)_k(\d+)", block.operator)
    if not found or int(found[2]) not in _KERNEL_COLORS:
        return _OTHER_COLOR
    if not block.searchable:
        return FAINT
    return _KERNEL_COLORS[int(found[2])][int(found[1]) >= 6]
