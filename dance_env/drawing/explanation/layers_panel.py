"""Cycles and energy of each layer, as bars in order of execution."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from dance_env.analysis.explanation import ENERGY_LEVELS, LayerGroup, Totals
from dance_env.drawing.explanation.axes_style import style
from dance_env.drawing.palette import BOUNDS, INK, LEVELS, MUTED

_MOST_NAMES = 80  # bars that are named one by one
_MOST_CHARACTERS = 26


def draw_cycles(axes: Axes, groups: Sequence[LayerGroup], sums: Totals) -> None:
    """Draw the share of the cycles of each group of equal layers, colored by what bounds it."""
    style(axes, "Cycles of each layer, by what bounds it", grid="y")
    shares = [100 * _times(group) * group.report.latency_s / sums.latency_s for group in groups]
    axes.bar(range(len(groups)), shares, width=0.78, color=[BOUNDS[group.report.bound] for group in groups])
    axes.set_ylabel("% of all cycles", color=INK)
    axes.tick_params(axis="x", length=0, labelbottom=False)
    axes.set_xlim(-0.7, len(groups) - 0.3)
    _name_networks(axes, groups)


def draw_energy(axes: Axes, groups: Sequence[LayerGroup], sums: Totals) -> None:
    """Draw the share of the energy of each group of equal layers, stacked by level."""
    style(axes, "Energy of each layer, by level", grid="y")
    bottom = np.zeros(len(groups))
    for level in ENERGY_LEVELS:
        joules = np.array([_times(group) * group.report.energy_by_level[level] for group in groups])
        heights = 100 * joules / sums.energy_j
        axes.bar(range(len(groups)), heights, bottom=bottom, width=0.78, color=LEVELS[level], label=level)
        bottom += heights
    axes.set_ylabel("% of all energy", color=INK)
    if len(groups) <= _MOST_NAMES:
        axes.set_xticks(range(len(groups)), [_name(group) for group in groups], rotation=55, ha="right", fontsize=8.5)
        for label in axes.get_xticklabels():
            label.set(rotation_mode="anchor", color=INK, parse_math=False)
    else:
        axes.set_xlabel("layers in order of execution", color=INK)
    axes.tick_params(axis="x", length=0)


def _name_networks(axes: Axes, groups: Sequence[LayerGroup]) -> None:
    """Part the bars of different networks, and name the networks, where there are several."""
    networks = [group.report.network for group in groups]
    starts = [place for place, name in enumerate(networks) if place == 0 or name != networks[place - 1]]
    if len(starts) == 1:
        return
    for start in starts:
        axes.axvline(start - 0.5, color=MUTED, linewidth=0.8, linestyle=(0, (2, 2)))
        axes.text(
            start - 0.4, 1.0, networks[start], transform=axes.get_xaxis_transform(), fontsize=9, color=MUTED, va="top",
            parse_math=False,
        )  # fmt: skip


def _name(group: LayerGroup) -> str:
    name = group.report.layer.name
    shown = name if len(name) <= _MOST_CHARACTERS else f"...{name[3 - _MOST_CHARACTERS :]}"
    return shown if group.count == 1 else f"{shown} (x{group.count})"


def _times(group: LayerGroup) -> float:
    return group.count * group.report.weight
