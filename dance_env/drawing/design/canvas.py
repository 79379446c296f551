"""A drawing surface in pixels, the origin at the top left; matplotlib's Agg without pyplot, so no global state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle
from numpy.typing import ArrayLike

INK = "#16202b"
MUTED = "#667382"
FAINT = "#dfe5ec"
PAPER = "#f3f5f8"
CARD = "#ffffff"
ACCENT = "#0f7173"
COST = "#e08d3c"
GOOD = "#1b8a5a"
BAD = "#c8373f"
_DPI = 100


class Canvas:
    """Shapes and text at pixel coordinates.

    Attributes:
        width, height: pixels.
    """

    def __init__(self, width: int, height: int) -> None:
        """An empty sheet of paper."""
        self.width, self.height = width, height
        self._figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor=PAPER)
        self._agg = FigureCanvasAgg(self._figure)
        self._axes = self._figure.add_axes((0.0, 0.0, 1.0, 1.0))
        self._axes.set(xlim=(0, width), ylim=(height, 0))
        self._axes.axis("off")

    def pixels(self) -> np.ndarray:
        """`(height, width, 3)` uint8, fresh memory."""
        self._agg.draw()
        return np.asarray(self._agg.buffer_rgba())[:, :, :3].copy()

    def text(self, x: float, y: float, text: str, *, size: float = 10, color: str = INK, **style: Any) -> None:
        """Text anchored at (x, y): by default at its left end and baseline; `size` in pixels."""
        self._axes.text(x, y, text, fontsize=size * 72 / _DPI, color=color, parse_math=False, **style)

    def card(self, x: float, y: float, width: float, height: float, *, title: str) -> None:
        """A white card with rounded corners and a title."""
        self.box(x, y, width, height, color=CARD, radius=10, edge=FAINT)
        self.text(x + 16, y + 25, title, size=13, color=MUTED, weight="bold")

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        color: str,
        radius: float = 0,
        edge: str | None = None,
        dashed: bool = False,
    ) -> None:
        """A filled box, its corners rounded by `radius` pixels."""
        self._axes.add_patch(
            FancyBboxPatch(
                (x + radius, y + radius),
                max(width - 2 * radius, 0.01),
                max(height - 2 * radius, 0.01),
                boxstyle=f"round,pad={radius},rounding_size={radius}" if radius else "square,pad=0",
                facecolor=color,
                edgecolor=edge or "none",
                linewidth=1 if edge else 0,
                linestyle=(0, (3, 2)) if dashed else "-",
                mutation_aspect=1,
            )
        )

    def cells(self, corners: Sequence[tuple[float, float]], size: float, *, color: str) -> None:
        """Many squares of one size and colour, each at its upper left corner."""
        squares = [Rectangle(corner, size, size) for corner in corners]
        self._axes.add_collection(PatchCollection(squares, facecolor=color, edgecolor="none"))

    def line(self, xs: ArrayLike, ys: ArrayLike, *, color: str, width: float = 1.5, **style: Any) -> None:
        """A polyline."""
        self._axes.plot(xs, ys, color=color, linewidth=width * 72 / _DPI, solid_capstyle="round", **style)
