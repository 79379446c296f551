"""The accelerator: its PE array within the largest of the space, as many PEs lit as are busy on average."""

from __future__ import annotations

from dance_env.drawing.canvas import Canvas
from dance_env.drawing.design.snapshot import AcceleratorView
from dance_env.drawing.palette import ACCENT, BUSY_PE, IDLE_PE, INK, MISSING_PE, MUTED
from dance_env.drawing.pe_array import draw_pe_array

_DATAFLOWS = {"WS": "weight stationary", "OS": "output stationary", "RS": "row stationary"}


def draw_accelerator(canvas: Canvas, view: AcceleratorView, *, x: float, y: float, width: float, height: float) -> None:
    """Draw the panel into the given rectangle, pixels."""
    canvas.card(x, y, width, height, title="Accelerator")
    side = min(height - 62, width - 170)
    _draw_array(canvas, view, x=x + 16, y=y + 40, side=side)
    left = x + 16 + side + 18
    array = f"{_shown(view.pe_x)} × {_shown(view.pe_y)}"
    facts = [
        (array, "PEs, columns × rows"),
        (f"{_shown(view.rf_words)} words", "in each register file"),
        (_shown(view.dataflow), _DATAFLOWS.get(view.dataflow or "", "dataflow")),
        *view.memory_facts(),
        ("?" if view.utilization is None else f"{view.utilization:.1%}", "of the PEs busy"),
    ]
    size, below = (17, 16) if len(facts) <= 4 else (14, 13)
    for index, (value, label) in enumerate(facts):
        top = y + 56 + index * (height - 72) / len(facts)
        canvas.text(left, top, value, size=size, weight="bold", color=ACCENT if index == len(facts) - 1 else INK)
        canvas.text(left, top + below, label, size=11, color=MUTED)


def _draw_array(canvas: Canvas, view: AcceleratorView, *, x: float, y: float, side: float) -> None:
    """The array at the lower left of the largest one, as many PEs lit as are busy on average."""
    columns, rows = view.pe_x or 0, view.pe_y or 0
    cells = [(column, row) for row in range(view.most_y) for column in range(view.most_x)]
    inside = [(column, row) for column, row in cells if column < columns and row < rows]
    missing = [(column, row) for column, row in cells if not (column < columns and row < rows)]
    busy = round(len(inside) * min(view.utilization or 0.0, 1.0))
    groups = [(missing, MISSING_PE), (inside[busy:], IDLE_PE), (inside[:busy], BUSY_PE)]
    draw_pe_array(canvas, groups, columns=view.most_x, rows=view.most_y, x=x, y=y, side=side)


def _shown(value: object) -> str:
    return "?" if value is None else str(value)
