"""The best design so far as inline SVG: for each x axis the paths of all solvers, and where each ends.

Paths are drawn in a square of `SIDE` units and stretched to the chart's frame, so that one set of paths serves a wide and a
narrow layout. Every step of every curve is drawn: a step function has few.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from solvers.comparison.spending import AXES, Axis
from solvers.contract.result import Result
from solvers.report.anytime import Measure, Spread, over_seeds, run_steps
from solvers.report.html.layout import CURVE_LAYOUTS, Layout
from solvers.report.html.scale import Scale, Tick
from solvers.report.table import count

SIDE = 1000
_APART = 12.0  # pixels between two markers

_SHORT = {
    "queries": "Queries",
    "networks": "Trained networks",
    "gpu_hours": "GPU-hours",
    "cost_pairs": "Cost pairs",
    "seconds": "Seconds",
}
"""What an axis is called where it is chosen."""


@dataclass(frozen=True)
class Line:
    """One solver's curve, in units of `SIDE` from the upper left corner.

    Attributes:
        solver: Its number on the page.
        median, band, runs: SVG path data.
        end: x and y of the median's end, 0 to 1 from the lower left corner.
        text: What the end says.
    """

    solver: int
    median: str
    band: str
    runs: str
    end: tuple[float, float]
    text: str


@dataclass(frozen=True)
class Chart:
    """All solvers' curves against one axis.

    Attributes:
        key: A name of `AXES`, or another that is unique on the page.
        short, label: What the axis is called.
        x_ticks, y_ticks: Labeled places.
        lines: Of solvers that have a median.
    ends: By the name of a layout, x and y in pixels of each line's marker; none hides another.
        zero: Where a regret of zero is drawn, 0 to 1; None where there is none.
    """

    key: str
    short: str
    label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]
    ends: Mapping[str, tuple[tuple[float, float], ...]]
    zero: float | None


def charts(
    results: Mapping[str, Sequence[Result]], measure: Measure, *, axes: Sequence[Axis], numbers: Mapping[str, int]
) -> list[Chart]:
    """Return a chart for each axis on which there is something to show.

    Args:
        results: Each solver's results.
        measure: The y axis.
        axes: Names of `AXES`.
        numbers: Each solver's number on the page.
    """
    found = (_chart(results, measure, axis, numbers) for axis in axes)
    return [chart for chart in found if chart is not None]


def _chart(
    results: Mapping[str, Sequence[Result]], measure: Measure, axis: Axis, numbers: Mapping[str, int]
) -> Chart | None:
    curves = {solver: [run_steps(result, measure, axis) for result in runs] for solver, runs in results.items()}
    drawn = {solver: spread for solver, each in curves.items() if (spread := over_seeds(each)) is not None}
    if not drawn:
        return None
    starts = [each.x[0] for runs in curves.values() for each in runs if each is not None]
    ends = [each.x[-1] for runs in curves.values() for each in runs if each is not None]
    x = Scale(min(starts), max(*ends, 1.001 * min(starts)))
    y = _heights(drawn.values(), measure)
    lines = tuple(
        Line(
            numbers[solver],
            _path(x.at(spread.x), y.at(spread.median)),
            _band(x.at(spread.x), y.at(spread.low), y.at(spread.high)),
            "".join(_path(x.at(run.x), y.at(run.y)) for run in curves[solver] if run is not None),
            (float(x.at(spread.x[-1:])[0]), float(y.at(spread.median[-1:])[0])),
            _text(solver, spread, measure, axis),
        )
        for solver, spread in drawn.items()
    )
    zero = float(y.at(np.array([0.0]))[0]) if measure.logarithmic else None
    ends_at = {layout.name: _side_by_side([line.end for line in lines], layout) for layout in CURVE_LAYOUTS}
    return Chart(axis, _SHORT[axis], AXES[axis], x.ticks(), y.ticks(), lines, ends_at, zero)


def share_chart(
    key: str,
    axis: Axis,
    label: str,
    x: np.ndarray,
    shares: np.ndarray,
    solvers: Sequence[str],
    numbers: Mapping[str, int],
) -> Chart:
    """Return a chart of shares between 0 and 1 that rise in steps along a logarithmic axis.

    Args:
        key: Unique on the page.
        axis: What is spent along the x axis.
        label: Of the x axis.
        x: (points,) rising.
        shares: (solvers, points) at or below each x.
        solvers: Their labels.
        numbers: Each solver's number on the page.
    """
    across = Scale(max(float(x[0]), 1e-4), max(float(x[-1]), 1.001 * float(x[0])))
    up = Scale(-0.03, 1.03, logarithmic=False)
    places = across.at(np.maximum(x, across.low))
    lines = tuple(
        Line(
            numbers[solver],
            _path(places, up.at(share)),
            "",
            "",
            (1.0, float(up.at(share[-1:])[0])),
            f"{solver}: {share[-1]:.0%} at the end",
        )
        for solver, share in zip(solvers, shares, strict=True)
    )
    ends = {layout.name: _side_by_side([line.end for line in lines], layout) for layout in CURVE_LAYOUTS}
    return Chart(key, _SHORT[axis], label, across.ticks(), up.ticks(), lines, ends, None)


def _side_by_side(ends: Sequence[tuple[float, float]], layout: Layout) -> tuple[tuple[float, float], ...]:
    """Where markers of line ends are drawn: one that would lie on another goes to its left."""
    placed: list[tuple[float, float]] = []
    for end in ends:
        x, y = layout.place(end)
        while any(math.dist((x, y), other) < _APART for other in placed) and x > layout.left:
            x -= 1.0
        placed.append((round(x, 1), round(y, 1)))
    return tuple(placed)


def _heights(drawn: Collection[Spread], measure: Measure) -> Scale:
    values = np.concatenate([np.r_[each.median, each.low, each.high] for each in drawn])
    values = values[np.isfinite(values)]
    if not measure.logarithmic:
        pad = 0.05 * (values.max() - values.min() or 1.0)
        return Scale(float(values.min() - pad), float(values.max() + pad), logarithmic=False)
    positive = values[values > 0]
    low, high = (float(positive.min()), float(positive.max())) if positive.size else (0.1, 10.0)
    low = max(low, high * 1e-6)
    return Scale(low, max(1.15 * high, 10 * low), with_zero=True)


def _text(solver: str, spread: Spread, measure: Measure, axis: Axis) -> str:
    value, spent = float(spread.median[-1]), float(spread.x[-1])
    amount = count(spent) if axis in ("queries", "networks", "cost_pairs") else f"{spent:,.3g}"
    return f"{solver}: median {measure.label} {value:.3g} at the end, after {amount} {AXES[axis].split(' (')[0]}"


def _path(x: np.ndarray, y: np.ndarray) -> str:
    """A step function as path data: each value holds up to the next x."""
    columns, rows = _units(x), _units(1.0 - y)
    parts, here = [f"M{columns[0]} {rows[0]}"], rows[0]
    for column, row in zip(columns[1:], rows[1:], strict=True):
        if row != here:
            parts.append(f"H{column}V{row}")
            here = row
    return f"{''.join(parts)}H{columns[-1]}"


def _band(x: np.ndarray, low: np.ndarray, high: np.ndarray) -> str:
    """The area between two step functions as path data: along the upper one, and back along the lower one."""
    columns, below = _units(x), _units(1.0 - low)
    back = "".join(f"V{below[index]}H{columns[index]}" for index in range(len(columns) - 2, -1, -1))
    return f"{_path(x, high)}V{below[-1]}{back}Z"


def _units(place: np.ndarray) -> list[str]:
    return [f"{value:g}" for value in np.round(SIDE * np.clip(place, 0.0, 1.0), 1)]
