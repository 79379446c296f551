"""A drawing surface with one unit for lengths, text and lines; matplotlib's Agg without pyplot, so no global state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Polygon
from numpy.typing import ArrayLike

from dance_env.drawing.palette import CARD, FAINT, INK, MUTED, PAPER

_DPI = 100


class Canvas:
    """Shapes and text on matplotlib axes. The origin is at the top left; every length is in units of the canvas.

    On a sheet of its own (`Canvas.sheet`) the unit is a pixel.

    Attributes:
        width, height: of the canvas.
        figure: the matplotlib figure; `figure.savefig(path)` writes it.
    """

    def __init__(self, axes: Axes, *, width: float, height: float) -> None:
        """Take over axes: their ticks and frame go, and the whole canvas fits into them."""
        self.width, self.height = width, height
        axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
        axes.set_axis_off()
        self.figure = cast(Figure, axes.get_figure(root=True))
        self._axes = axes
        box = axes.get_window_extent()
        # Text sizes and line widths of matplotlib are in points, 1/72 inch.
        self._point = min(box.width / width, box.height / height) * 72 / self.figure.dpi

    @classmethod
    def sheet(cls, width: int, height: int, *, color: str = PAPER) -> Canvas:
        """Return an empty sheet of `width` x `height` pixels."""
        figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor=color)
        return cls(figure.add_axes((0.0, 0.0, 1.0, 1.0)), width=width, height=height)

    def pixels(self) -> np.ndarray:
        """Return the figure as `(height, width, 3)` uint8, fresh memory."""
        agg = FigureCanvasAgg(self.figure)
        agg.draw()
        return np.asarray(agg.buffer_rgba())[:, :, :3].copy()

    def text(self, x: float, y: float, text: str, *, size: float = 10, color: str = INK, **style: Any) -> None:
        """Write text, by default with its left end and baseline at (x, y)."""
        self._axes.text(x, y, text, fontsize=size * self._point, color=color, parse_math=False, **style)

    def card(self, x: float, y: float, width: float, height: float, *, title: str) -> None:
        """Draw a white card with rounded corners and a title."""
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
        """Draw a filled box, its corners rounded by `radius`."""
        self._axes.add_patch(
            FancyBboxPatch(
                (x + radius, y + radius),
                max(width - 2 * radius, 0.01),
                max(height - 2 * radius, 0.01),
                boxstyle=f"round,pad={radius},rounding_size={radius}" if radius else "square,pad=0",
                facecolor=color,
                edgecolor=edge or "none",
                linewidth=1.4 * self._point if edge else 0,
                linestyle=(0, (3, 2)) if dashed else "-",
                mutation_aspect=1,
            )
        )

    def squares(self, corners: Sequence[tuple[float, float]], side: float, *, color: str) -> None:
        """Draw many squares of one size and color, each at its upper left corner, with sharp edges."""
        if not corners:
            return
        outline = np.array([(0.0, 0.0), (side, 0.0), (side, side), (0.0, side)])
        vertices = np.asarray(corners)[:, None, :] + outline
        # Without antialiasing: edges between pixels would be blended, and look like gaps of different widths.
        squares = PolyCollection(list(vertices), facecolors=color, edgecolors="none", antialiaseds=False)
        self._axes.add_collection(squares, autolim=False)

    def line(self, xs: ArrayLike, ys: ArrayLike, *, color: str, width: float = 1.5, **style: Any) -> None:
        """Draw a polyline."""
        shape = {"solid_capstyle": "round", "solid_joinstyle": "round"} | style
        self._axes.plot(xs, ys, color=color, linewidth=width * self._point, **shape)

    def dots(self, xs: ArrayLike, ys: ArrayLike, *, color: str, size: float) -> None:
        """Draw round dots of diameter `size`."""
        self._axes.plot(xs, ys, color=color, linewidth=0, marker="o", markersize=size * self._point)

    def arrow(self, xs: Sequence[float], ys: Sequence[float], *, color: str, width: float = 1.5) -> None:
        """Draw a polyline that ends in a head to the right."""
        length = 6 * width
        tip = (xs[-1], ys[-1])
        self.line([*xs[:-1], tip[0] - length / 2], ys, color=color, width=width, zorder=0)
        head = [(tip[0] - length, tip[1] - length * 0.45), tip, (tip[0] - length, tip[1] + length * 0.45)]
        self._axes.add_patch(Polygon(head, color=color, linewidth=0))
