"""What all figures of a report share: size, grid, legend, files."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from dance_env.atomic import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
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


def save_figure(
    figure: Figure, axes: Axes, *, title: str, path: Path, caption: str = "", formats: Sequence[str] = ()
) -> None:
    """Write the figure with title, legend and caption.

    Text is drawn as it stands (names come from users: no mathematics in it).

    Args:
        figure: what to write.
        axes: its plot.
        title: heading.
        path: the file; its ending decides the format (`.png`, `.pdf`, `.svg`).
        caption: explains bands, marks and zeros, below the plot.
        formats: endings of further files beside `path`, such as `pdf`.
    """
    from matplotlib import rc_context
    from matplotlib.collections import PathCollection

    axes.set_title(_drawable(title), loc="left", fontsize=11, parse_math=False)
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        texts = [_drawable(label).replace("$", r"\$") for label in labels]
        legend = figure.legend(handles, texts, loc="outside right upper", frameon=False, fontsize=8)  # hides no data
        for handle in legend.legend_handles:
            if isinstance(handle, PathCollection):
                handle.set_sizes([40.0])  # outlines differ in size in the plot only
    if caption:
        figure.supxlabel(caption, fontsize=7.5, color="0.35", x=0.01, ha="left")
    for axis in (axes.xaxis, axes.yaxis):
        if axis.get_scale() == "log":
            _plain_log_ticks(axis)
    with rc_context(
        {"svg.fonttype": "none", "pdf.fonttype": 42}
    ):  # text stays text; no Type 3 fonts, which journals refuse
        _draw(figure, path)
        figure.set_layout_engine("none")  # it is laid out: the other files need not do it again
        for ending in formats:
            _draw(figure, path.with_suffix(f".{ending}"))


def _draw(figure: Figure, path: Path) -> None:
    """Write a file in the format of its ending; drawn once, where `Figure.savefig` draws twice, the first time for the layout."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_pdf import FigureCanvasPdf
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    content = BytesIO()
    if path.suffix == ".png":
        FigureCanvasAgg(figure).print_png(content)
    elif path.suffix == ".pdf":
        FigureCanvasPdf(figure).print_pdf(content)
    elif path.suffix == ".svg":
        FigureCanvasSVG(figure).print_svg(content)
    else:
        figure.savefig(content, format=path.suffix[1:])
    write_whole(path, content.getvalue())


def _drawable(text: str) -> str:
    """A user's text with what fonts have no glyph for, lone surrogates and control characters, as its escape."""
    text = text.encode("utf-8", "backslashreplace").decode()
    return "".join(each if ord(each) >= 32 else f"\\x{ord(each):02x}" for each in text)


def _plain_log_ticks(axis: Axis) -> None:
    """Label few places of a logarithmic axis in plain numbers, so that labels do not touch and need no typesetting."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    low, high = sorted(axis.get_view_interval())
    digits = (1.0,) if high / low > 1000 else (1.0, 2.0, 5.0) if high / low > 5 else tuple(range(1, 10))
    axis.set_major_locator(LogLocator(subs=digits, numticks=12))
    axis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:,.10g}" if 1e-4 <= value < 1e7 else f"{value:.3g}")
    )
    axis.set_minor_locator(NullLocator())
