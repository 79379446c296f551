"""The roofline: multiply-accumulates a cycle against operational intensity, a dot for each layer."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from dance_env.analysis.explanation import BOUNDS, LayerGroup, Roofline, Totals
from dance_env.drawing.explanation.axes_style import style
from dance_env.drawing.palette import BOUNDS as COLORS
from dance_env.drawing.palette import INK, MUTED

_NAMED = 6  # layers that are named: those with the most cycles
_LARGEST, _SMALLEST = 420.0, 26.0  # areas of dots, points squared


def draw_roofline(axes: Axes, groups: Sequence[LayerGroup], roofline: Roofline, sums: Totals) -> None:
    """Draw peak and bandwidth, and the layers below them; a dot's area is the layers' share of the cycles."""
    style(axes, "Roofline")
    xs = np.array([group.report.macs_per_dram_word for group in groups])
    ys = np.array([group.report.macs_per_cycle for group in groups])
    shares = np.array([_share(group, sums) for group in groups])
    low, high = xs.min() / 1.6, max(xs.max(), 1.0) * 1.6
    if math.isfinite(roofline.ridge):
        low, high = min(low, roofline.ridge / 4), max(high, roofline.ridge * 4)
    _draw_roofs(axes, roofline, low, high)
    for bound in BOUNDS:
        chosen = np.array([group.report.bound == bound for group in groups])
        if chosen.any():
            sizes = _SMALLEST + (_LARGEST - _SMALLEST) * shares[chosen] / shares.max()
            axes.scatter(
                xs[chosen], ys[chosen], s=sizes, color=COLORS[bound], edgecolor="white", linewidth=1, alpha=0.9
            )
    _name_largest(axes, groups, shares)
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(ys.min() / 2, roofline.peak * 2.4))
    axes.set_xlabel("operational intensity, MACs for each DRAM word", color=INK)
    axes.set_ylabel("MACs a cycle", color=INK)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=12))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        axis.set_minor_locator(NullLocator())
    present = [bound for bound in BOUNDS if sums.layers_by_bound[bound]]
    marks = [Line2D([], [], marker="o", linewidth=0, markersize=8, color=COLORS[bound]) for bound in present]
    axes.legend(
        marks,
        [f"bound by {bound}" for bound in present],
        loc="lower right",
        frameon=False,
        fontsize=9.5,
        labelcolor=INK,
    )


def _draw_roofs(axes: Axes, roofline: Roofline, low: float, high: float) -> None:
    axes.plot([low, high], [roofline.peak] * 2, color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)), zorder=1)
    xs = np.geomspace(low, high, 200)
    axes.plot(xs, [roofline.at(float(x)) for x in xs], color=INK, linewidth=2, zorder=2)
    axes.annotate(
        f"peak: {roofline.peak:g} MACs a cycle", (high, roofline.peak), xytext=(-4, 15), textcoords="offset points",
        ha="right", fontsize=9.5, color=INK,
    )  # fmt: skip
    if math.isfinite(roofline.dram_words_per_cycle):
        x = math.sqrt(low * roofline.ridge)  # halfway up the slope
        axes.annotate(
            f"DRAM: {roofline.dram_words_per_cycle:g} words a cycle", (x, roofline.at(x)), xytext=(-10, 4),
            textcoords="offset points", ha="right", fontsize=9.5, color=INK,
        )  # fmt: skip


def _name_largest(axes: Axes, groups: Sequence[LayerGroup], shares: np.ndarray) -> None:
    """Name the layers that take most cycles, each place once: layers at one place would write over each other."""
    taken: list[tuple[float, float]] = []
    for index in np.argsort(-shares)[: 2 * _NAMED]:
        each = groups[int(index)].report
        place = (math.log10(each.macs_per_dram_word), math.log10(each.macs_per_cycle))
        if len(taken) == _NAMED or any(abs(place[0] - x) < 0.25 and abs(place[1] - y) < 0.12 for x, y in taken):
            continue
        taken.append(place)
        axes.annotate(
            each.layer.name, (each.macs_per_dram_word, each.macs_per_cycle), xytext=(9, -12),
            textcoords="offset points", fontsize=8.5, color=MUTED, parse_math=False,
        )  # fmt: skip


def _share(group: LayerGroup, sums: Totals) -> float:
    return group.count * group.report.weight * group.report.latency_s / sums.latency_s
