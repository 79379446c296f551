"""Cycles by bound, energy by level and utilization, in sum."""

from __future__ import annotations

from matplotlib.axes import Axes

from dance_env.analysis.explanation import Totals
from dance_env.drawing.palette import ACCENT, BOUNDS, FAINT, INK, LEVELS, MUTED
from dance_env.objective.quantities import quantity

_HEIGHT = 0.2


def draw_sums(axes: Axes, sums: Totals) -> None:
    """Draw three bars of 100 %, each part with its name and share."""
    axes.set_title("In sum", loc="left", fontsize=12, weight="bold", color=INK, pad=8)
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(2.75, -0.35))
    cycles = {name: seconds / sums.latency_s for name, seconds in sums.latency_by_bound.items()}
    energy = {name: joules / sums.energy_j for name, joules in sums.energy_by_level.items()}
    _bar(axes, 0, f"latency {quantity('latency_s', sums.latency_s)}, by what bounds the layer", cycles, BOUNDS)
    _bar(axes, 1, f"energy {quantity('energy_j', sums.energy_j)}, by level", energy, LEVELS)
    used = {"used": sums.utilization, "idle": 1 - sums.utilization}
    _bar(axes, 2, "slots for multiply-accumulates", used, {"used": ACCENT, "idle": FAINT})


def _bar(axes: Axes, row: int, title: str, shares: dict[str, float], colors: dict[str, str]) -> None:
    axes.text(0, row - 0.07, title, fontsize=10.5, color=INK)
    left = 0.0
    for name, share in shares.items():
        axes.barh(row + _HEIGHT / 2, share, left=left, height=_HEIGHT, color=colors[name])
        left += share
    shown = [(name, share) for name, share in shares.items() if share > 0]
    step = 1 / max(len(shown), 3)
    for column, (name, share) in enumerate(shown):
        x = column * step
        axes.plot([x + 0.012], [row + 0.33], marker="s", markersize=7, color=colors[name])
        axes.text(x + 0.035, row + 0.36, name, fontsize=9, color=INK)
        axes.text(x + 0.035, row + 0.5, f"{share:.1%}", fontsize=9, color=MUTED)
