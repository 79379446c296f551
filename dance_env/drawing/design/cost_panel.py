"""The costs, each on a logarithmic scale from the best to the worst that the space holds."""

from __future__ import annotations

import math

from dance_env.drawing.canvas import Canvas
from dance_env.drawing.design.snapshot import Snapshot
from dance_env.drawing.palette import ACCENT, BAD, FAINT, INK, MUTED
from dance_env.objective.quantities import METRIC_LABELS, quantity

_SHOWN = ("latency_s", "energy_j", "area_mm2", "edap_js_mm2")


def draw_costs(canvas: Canvas, view: Snapshot, *, x: float, y: float, width: float, height: float) -> None:
    """Draw the panel into the given rectangle, pixels."""
    canvas.card(x, y, width, height, title="Cost of one inference")
    pitch = (height - 66) / len(_SHOWN)
    for index, metric in enumerate(_SHOWN):
        value = None if view.values is None else view.values[metric]
        top = y + 56 + index * pitch
        limit = view.limits.get(metric)
        over = value is not None and limit is not None and value > limit
        canvas.text(x + 16, top, METRIC_LABELS[metric], size=12, color=MUTED)
        shown = "–" if value is None else quantity(metric, value)
        canvas.text(x + width - 16, top, shown, size=14, weight="bold", color=BAD if over else INK, ha="right")
        if metric in view.ranges:
            _draw_scale(canvas, view.ranges[metric], value, limit, x=x + 16, y=top + 8, width=width - 32)
    if view.ranges:
        canvas.text(x + 16, y + height - 12, "best", size=10.5, color=MUTED)
        canvas.text(
            x + width / 2, y + height - 12, "bounds of the space, log scale", size=10.5, color=MUTED, ha="center"
        )
        canvas.text(x + width - 16, y + height - 12, "worst", size=10.5, color=MUTED, ha="right")


def _draw_scale(
    canvas: Canvas,
    bounds: tuple[float, float],
    value: float | None,
    limit: float | None,
    *,
    x: float,
    y: float,
    width: float,
) -> None:
    def position(amount: float) -> float:
        low, high = bounds
        if not (0 < low < high) or amount <= 0:
            return 0.0
        share = math.log(min(amount, high) / low) / math.log(high / low)
        return width * min(max(share, 0.0), 1.0)

    canvas.box(x, y, width, 7, color=FAINT, radius=3)
    if value is not None:
        over = limit is not None and value > limit
        canvas.box(x, y, max(position(value), 7), 7, color=BAD if over else ACCENT, radius=3)
    if limit is not None:
        mark = x + position(limit)
        canvas.line([mark, mark], [y - 3, y + 10], color=BAD, width=2)
