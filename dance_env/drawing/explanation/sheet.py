"""Roofline, sums and layers of a design on one sheet."""

from __future__ import annotations

from io import BytesIO
from os import PathLike
from pathlib import Path

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from dance_env.analysis.explanation import LayerReport, Roofline, grouped, totals
from dance_env.atomic import write_whole
from dance_env.drawing.explanation.layers_panel import draw_cycles, draw_energy
from dance_env.drawing.explanation.roofline_panel import draw_roofline
from dance_env.drawing.explanation.sums_panel import draw_sums
from dance_env.drawing.palette import INK, MUTED

FORMATS = (".png", ".svg", ".pdf")
_DPI = 150
_LEAST_WIDTH, _MOST_WIDTH, _PER_LAYER = 12.0, 24.0, 0.3  # inches


def draw_explanation(layers: tuple[LayerReport, ...], roofline: Roofline, *, title: str, subtitle: str = "") -> Figure:
    """Draw where the cycles and the energy of a design go.

    Args:
        layers: Of the design, in order of execution; equal layers of one network are drawn as one.
        roofline: Of the accelerator.
        title: Heading.
        subtitle: A line below it.

    Returns:
        A matplotlib figure that no window shows.
    """
    groups, sums = grouped(layers), totals(layers)
    width = min(max(_LEAST_WIDTH, 2.5 + _PER_LAYER * len(groups)), _MOST_WIDTH)
    spaced = ConstrainedLayoutEngine(h_pad=0.08, w_pad=0.08, hspace=0.03)
    figure = Figure(figsize=(width, 9.8), dpi=_DPI, layout=spaced, facecolor="white")
    FigureCanvasAgg(figure)
    figure.suptitle(" \n ", fontsize=20)  # keeps the place of the two lines below
    figure.text(0.012, 0.975, title, fontsize=16, weight="bold", color=INK, va="center", parse_math=False)
    figure.text(0.012, 0.943, subtitle, fontsize=11, color=MUTED, va="center", parse_math=False)
    grid = figure.add_gridspec(3, 2, height_ratios=(1.5, 0.72, 0.9), width_ratios=(1.55, 1.0))
    draw_roofline(figure.add_subplot(grid[0, 0]), groups, roofline, sums)
    draw_sums(figure.add_subplot(grid[0, 1]), sums)
    cycles = figure.add_subplot(grid[1, :])
    draw_cycles(cycles, groups, sums)
    draw_energy(figure.add_subplot(grid[2, :], sharex=cycles), groups, sums)
    return figure


def save_explanation(
    layers: tuple[LayerReport, ...],
    roofline: Roofline,
    path: str | PathLike[str],
    *,
    title: str,
    subtitle: str = "",
) -> Path:
    """Write the drawing as the file's ending says, one of `FORMATS`; return the path. The same input gives the same bytes.

    Raises:
        OSError: If the file cannot be written.
        ValueError: If the ending is another one.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"{path}: a picture ends with one of {', '.join(FORMATS)}, got {path.suffix or 'no ending'!r}")
    figure = draw_explanation(layers, roofline, title=title, subtitle=subtitle)
    dates = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {}}[path.suffix.lower()]
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "dance", "pdf.fonttype": 42}):  # text stays text
        content = BytesIO()
        figure.savefig(content, format=path.suffix[1:].lower(), metadata=dates)
    return write_whole(path, content.getvalue())
