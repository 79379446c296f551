"""An array of processing elements: squares that fall on whole pixels, so that no gap between them is lost."""

from __future__ import annotations

from collections.abc import Iterable

from dance_env.drawing.canvas import Canvas

_GAP = 0.18  # of the distance between two PEs
_LEAST_PITCH_WITH_GAPS = 4


def draw_pe_array(
    canvas: Canvas,
    groups: Iterable[tuple[Iterable[tuple[int, int]], str]],
    *,
    columns: int,
    rows: int,
    x: float,
    y: float,
    side: float,
) -> None:
    """Draw an array into a square, as large as whole pixels allow; (0, 0) is at the lower left.

    Args:
        canvas: What to draw on; its unit is a pixel.
        groups: PEs as (column, row), and their color.
        columns, rows: Size of the array. Where its PEs are too small, they are drawn without gaps.
        x, y: The upper left corner of the square.
        side: Of the square.
    """
    pitch = side / max(columns, rows)
    pitch = float(int(pitch)) if pitch >= 1 else pitch
    gap = max(1, round(_GAP * pitch)) if pitch >= _LEAST_PITCH_WITH_GAPS else 0
    left, bottom = round(x), round(y + side)
    for cells, color in groups:
        corners = [(left + column * pitch, bottom - (row + 1) * pitch + gap) for column, row in cells]
        canvas.squares(corners, pitch - gap, color=color)
