"""The figure of docs/buffers.md, from the readings alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from experiments.buffers.measure import Reading
from experiments.buffers.page import CAPACITIES, NAMES, best, subjects


def draw(readings: list[Reading], folder: Path) -> None:
    """Write `buffers.png` and `buffers.svg`: least EDAP and least energy of each task's network against the capacity."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.4), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    for axes, metric in zip(figure.subplots(1, 2), ("edap_js_mm2", "energy_j"), strict=True):
        for subject in subjects(readings):
            if subject[0].endswith("/linear"):
                continue
            least = best(readings, subject, metric)
            curve = [best(readings, subject, metric, kib).value / least.value for kib in CAPACITIES]
            axes.plot(np.array(CAPACITIES), curve, marker="o", markersize=3.5, label=" ".join(subject).strip())
            axes.plot([least.glb_kib], [1.0], marker="o", markersize=8, color="k", markerfacecolor="none")
        axes.set_xscale("log", base=2)
        axes.set_xticks(CAPACITIES, [str(kib) for kib in CAPACITIES])
        axes.set_xlabel("global buffer, KiB")
        axes.set_ylabel(f"{NAMES[metric]} over its least")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(visible=True, color="0.92", linewidth=0.7)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=5, frameon=False, fontsize=8)
    for ending in ("png", "svg"):
        figure.savefig(folder / f"buffers.{ending}", metadata={"Date": None} if ending == "svg" else None)
