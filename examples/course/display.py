"""Figures of the lessons: one style, shown as SVG, and written as files where slides are made.

`show(figure, "1-roofline")` shows a figure in a notebook. Where the environment variable DANCE_COURSE_FIGURES names a
folder, the figure is also written there, as SVG and as PDF.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib

matplotlib.use("agg")  # figures are shown as SVG, whatever the notebook's front end is

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLE: dict[str, Any] = {
    "figure.dpi": 100,
    "font.size": 10,
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e3e8ee",
    "axes.axisbelow": True,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text: small files that a diff can show
    "svg.hashsalt": "dance-env",  # the same figure gives the same file
    "pdf.fonttype": 42,
}
COLORS = ("#00798c", "#d1495b", "#c08400", "#6a4c93", "#55616e", "#3a82d8", "#7a4f00")
FOLDER = "DANCE_COURSE_FIGURES"


def axes(columns: int = 1, *, width: float = 7.0, height: float = 3.4) -> tuple[Figure, list[Axes]]:
    """Return a figure in the course's style, and its axes from left to right."""
    import matplotlib.pyplot as plt

    plt.rcParams.update(STYLE)
    figure, drawn = plt.subplots(1, columns, figsize=(width, height), squeeze=False, layout="constrained")
    return figure, list(drawn[0])


def show(figure: Figure, name: str) -> None:
    """Show a figure as SVG, and write it for slides where DANCE_COURSE_FIGURES names a folder."""
    import matplotlib.pyplot as plt
    from IPython.display import SVG, display

    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    if os.environ.get(FOLDER):
        folder = Path(os.environ[FOLDER])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.svg").write_text(buffer.getvalue(), encoding="utf-8")
        figure.savefig(folder / f"{name}.pdf", metadata={"CreationDate": None})
    plt.close(figure)
    display(SVG(buffer.getvalue()))
