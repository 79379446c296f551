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
_CHARACTER, _LINE = 0.0115, 0.07  # width of a name's character and its height, in shares of the panel
_LARGEST, _SMALLEST = 420.0, 26.0  # areas of dots, points squared


def draw_roofline(axes: Axes, groups: Sequence[LayerGroup], roofline: Roofline, sums: Totals) -> None:
    """Draw peak and bandwidth, and the layers below them; a dot's area is the layers' share of the cycles."""
    style(axes, "Roofline")
    xs = np.array([group.report.macs_per_dram_word for group in groups])
    ys = np.array([group.report.macs_per_cycle for group in groups])
    shares = np.array([_share(group, sums) for group in groups])
    low, high = xs.min() / 2, xs.max() * 2
    if math.isfinite(roofline.ridge):
        low, high = min(low, roofline.ridge / 4), max(high, roofline.ridge * 4)
    _draw_roofs(axes, roofline, low, high)
    areas = _SMALLEST + (_LARGEST - _SMALLEST) * shares / shares.max()
    for bound in BOUNDS:
        chosen = np.array([group.report.bound == bound for group in groups])
        if chosen.any():
            sizes = _SMALLEST + (_LARGEST - _SMALLEST) * shares[chosen] / shares.max()
            axes.scatter(
                xs[chosen], ys[chosen], s=sizes, color=COLORS[bound], edgecolor="white", linewidth=1, alpha=0.9
            )
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(ys.min() / 2.4, roofline.peak * 2.4))
    _name_largest(axes, groups, areas, roofline.ridge)
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


def _name_largest(axes: Axes, groups: Sequence[LayerGroup], areas: np.ndarray, ridge: float) -> None:
    """Name the layers that take most cycles, where a name does not write over another one.

    Below the dot; on the slope to the right of it, where the roof does not run through the name.
    """
    to_axes = axes.transData + axes.transAxes.inverted()
    taken: list[tuple[float, float, float]] = []  # center and half the width, in shares of the panel; and the height
    for index in np.argsort(-areas):
        each = groups[int(index)].report
        place = (each.macs_per_dram_word, each.macs_per_cycle)
        x, y = to_axes.transform(place)
        half = _CHARACTER * (len(each.layer.name) + 1) / 2
        radius = math.sqrt(float(areas[index]) / math.pi)
        slope = each.macs_per_dram_word < 0.98 * ridge
        x = x + half if slope else x
        free = all(abs(x - other) > half + wide or abs(y - low) > _LINE for other, wide, low in taken)
        if len(taken) == _NAMED or not free or x + half > 1:
            continue
        taken.append((x, half, y))
        offset = (radius + 3, -10) if slope else (0, -radius - 11)
        axes.annotate(
            each.layer.name, place, xytext=offset, textcoords="offset points", ha="left" if slope else "center", fontsize=8.5,
            color=INK, zorder=5, parse_math=False,
        )  # fmt: skip


def _share(group: LayerGroup, sums: Totals) -> float:
    return group.count * group.report.weight * group.report.latency_s / sums.latency_s
