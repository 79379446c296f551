"""What the panels of an explanation share: frame, grid, heading."""

from __future__ import annotations

from matplotlib.axes import Axes

from dance_env.drawing.palette import FAINT, INK, MUTED


def style(axes: Axes, title: str, *, grid: str = "both") -> None:
    """Give axes the common frame, a heading at the left, and a faint grid along `grid` ("both", "x", "y" or "")."""
    axes.set_title(title, loc="left", fontsize=12, weight="bold", color=INK, parse_math=False, pad=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(MUTED)
    axes.tick_params(colors=MUTED, labelsize=9)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(visible=True, which="major", axis=grid, color=FAINT, linewidth=0.8)  # type: ignore[arg-type]  # text, not a literal
