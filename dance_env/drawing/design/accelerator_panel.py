"""The accelerator: its PE array within the largest of the space, as many PEs lit as are busy on average."""

from __future__ import annotations

from dance_env.drawing.design.canvas import ACCENT, FAINT, INK, MUTED, Canvas
from dance_env.drawing.design.snapshot import AcceleratorView
from dance_env.drawing.design.units import DATAFLOW_NAMES

_IDLE = "#b9dedd"


def draw_accelerator(canvas: Canvas, view: AcceleratorView, *, x: float, y: float, width: float, height: float) -> None:
    """Draw the panel into the given rectangle, pixels."""
    canvas.card(x, y, width, height, title="Accelerator")
    side = min(height - 62, width - 170)
    _draw_array(canvas, view, x=x + 16, y=y + 40, side=side)
    left = x + 16 + side + 18
    size = f"{_shown(view.pe_x)} × {_shown(view.pe_y)}"
    facts = [
        (size, "PEs, columns × rows"),
        (f"{_shown(view.rf_words)} words", "in each register file"),
        (_shown(view.dataflow), DATAFLOW_NAMES.get(view.dataflow or "", "dataflow")),
        ("?" if view.utilization is None else f"{view.utilization:.1%}", "of the PEs busy"),
    ]
    for index, (value, label) in enumerate(facts):
        top = y + 56 + index * (height - 72) / 4
        canvas.text(left, top, value, size=17, weight="bold", color=ACCENT if index == 3 else INK)
        canvas.text(left, top + 16, label, size=11, color=MUTED)


def _draw_array(canvas: Canvas, view: AcceleratorView, *, x: float, y: float, side: float) -> None:
    pitch = side / max(view.most_x, view.most_y)
    cell = pitch * 0.82
    columns, rows = view.pe_x or 0, view.pe_y or 0

    def corner(column: int, row: int) -> tuple[float, float]:
        return (x + column * pitch, y + side - (row + 1) * pitch)

    outside = [corner(c, r) for r in range(view.most_y) for c in range(view.most_x) if not (c < columns and r < rows)]
    inside = [corner(c, r) for r in range(rows) for c in range(columns)]
    busy = round(len(inside) * min(view.utilization or 0.0, 1.0))
    for corners, color in ((outside, FAINT), (inside[busy:], _IDLE), (inside[:busy], ACCENT)):
        if corners:
            canvas.cells(corners, cell, color=color)


def _shown(value: object) -> str:
    return "?" if value is None else str(value)
