"""A design on one sheet: network, accelerator, costs, objective."""

from __future__ import annotations

import numpy as np

from dance_env.drawing.canvas import Canvas
from dance_env.drawing.design.accelerator_panel import draw_accelerator
from dance_env.drawing.design.cost_panel import draw_costs
from dance_env.drawing.design.network_panel import draw_network
from dance_env.drawing.design.objective_panel import draw_objective
from dance_env.drawing.design.snapshot import Snapshot
from dance_env.drawing.palette import MUTED

WIDTH, HEIGHT = 1000, 560
_MARGIN = 14


def dashboard(view: Snapshot) -> np.ndarray:
    """Return the sheet as `(560, 1000, 3)` uint8."""
    canvas = Canvas.sheet(WIDTH, HEIGHT)
    canvas.text(_MARGIN + 4, 34, view.title, size=20, weight="bold")
    place = f"{view.style} · step {view.step} of {view.horizon}"
    canvas.text(WIDTH - _MARGIN - 4, 34, place, size=14, color=MUTED, ha="right")
    wide = WIDTH - 2 * _MARGIN
    draw_network(canvas, view, x=_MARGIN, y=50, width=wide, height=224)
    top, tall = 50 + 224 + 12, HEIGHT - 50 - 224 - 12 - _MARGIN
    first = 386
    rest = (wide - first - 2 * 12) / 2
    draw_accelerator(canvas, view.accelerator, x=_MARGIN, y=top, width=first, height=tall)
    draw_costs(canvas, view, x=_MARGIN + first + 12, y=top, width=rest, height=tall)
    draw_objective(canvas, view, x=_MARGIN + first + rest + 24, y=top, width=rest, height=tall)
    return canvas.pixels()
