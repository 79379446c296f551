"""What all figures of a report share: size, grid, legend, files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def new_figure() -> tuple[Figure, Axes]:
    """Return a figure of its own, with one plot: pyplot's global state is left alone."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.6, 4.6), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, which="major", color="0.92", linewidth=0.7)
    axes.set_axisbelow(True)
    return figure, axes


def save_figure(figure: Figure, axes: Axes, *, title: str, path: Path, caption: str = "") -> None:
    """Write the figure with title, legend and caption.

    Text is drawn as it stands (names come from users: no mathematics in it).

    Args:
        figure: what to write.
        axes: its plot.
        title: heading.
        path: the file; its ending decides the format (`.png`, `.pdf`, `.svg`).
        caption: explains bands, marks and zeros, below the plot.
    """
    from matplotlib.collections import PathCollection

    axes.set_title(title, loc="left", fontsize=11, parse_math=False)
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        texts = [label.replace("$", r"\$") for label in labels]
        legend = figure.legend(handles, texts, loc="outside right upper", frameon=False, fontsize=8)  # hides no data
        for handle in legend.legend_handles:
            if isinstance(handle, PathCollection):
                handle.set_sizes([40.0])  # rings differ in size in the plot only
    if caption:
        figure.supxlabel(caption, fontsize=7.5, color="0.35", x=0.01, ha="left")
    figure.savefig(path)
