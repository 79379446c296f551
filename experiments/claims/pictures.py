"""Draws a claim's pictures as PNG files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from experiments.claims.claim import Claim, Picture

_COLORS = ("#30638e", "#d1495b", "#00798c", "#edae49", "#6a994e", "#8d5b9d", "#7f7f7f", "#bc6c25")


def draw(picture: Picture, path: Path) -> Path:
    """One picture; series without a label take the color of the one before and do not appear in the legend."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogFormatter

    figure = Figure(figsize=(7.2, 4.6), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, color="0.92", linewidth=0.7)
    axes.set_axisbelow(True)
    if picture.log_x:
        axes.set_xscale("log")
    if picture.log_y:
        axes.set_yscale("log")
    for axis, logarithmic in ((axes.xaxis, picture.log_x), (axes.yaxis, picture.log_y)):
        if logarithmic:  # plain numbers rather than powers of ten: most of these axes span one or two decades
            axis.set_major_formatter(LogFormatter())
            axis.set_minor_formatter(LogFormatter(minor_thresholds=(1.0, 0.4)))
    color = -1
    for series in picture.series:
        color += bool(series.label) or color < 0
        shared: dict[str, Any] = {"color": _COLORS[color % len(_COLORS)], "label": series.label or None}
        if series.style == "points":
            axes.scatter(series.x, series.y, s=22, alpha=0.8, linewidths=0, **shared)
        elif series.style == "step":
            axes.step(series.x, series.y, where="post", linewidth=1.5, **shared)
        else:
            axes.plot(series.x, series.y, linewidth=1.5, marker=".", **shared)
    axes.set_xlabel(picture.x_label)
    axes.set_ylabel(picture.y_label)
    axes.set_title(_plain(picture.title), loc="left", fontsize=11, wrap=True)
    if any(series.label for series in picture.series):
        axes.legend(frameon=False, fontsize=8)
    figure.savefig(path)
    return path


def file_of(claim: Claim, picture: Picture) -> str:
    """The file name of a claim's picture."""
    return f"{claim.name}_{picture.name}.png"


def _plain(text: str) -> str:
    """Without the dollar signs that matplotlib takes for mathematics."""
    return text.replace("$", r"\$")
