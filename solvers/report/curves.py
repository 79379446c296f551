"""The best design so far as a figure: regret against queries, trained networks, GPU-hours, cost pairs or seconds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from solvers.comparison.reference import Reference
from solvers.comparison.spending import AXES, Axis
from solvers.contract.result import Result
from solvers.report.anytime import SEARCH_SECONDS, Measure, Spread, spreads
from solvers.report.figure import new_figure, save_figure
from solvers.report.palette import Style, solver_styles

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_best_so_far(
    results: Mapping[str, Sequence[Result]],
    reference: Reference,
    *,
    against: Axis,
    path: Path,
    title: str,
    error_name: str = "error",
    formats: Sequence[str] = (),
) -> Path:
    """Draw the best feasible design so far: its regret on logarithmic axes, median and range over seeds.

    Where the optimum is not known there is no regret; then the objective itself is drawn, on a linear axis.

    A solver that reads the tables is labeled white box: its counts do not measure what it used.

    Args:
        results: each solver's results.
        reference: the optimum, or the best known.
        against: `queries` (evaluations + gradient queries), `networks` (trained ones), `gpu_hours` (of their training),
            `cost_pairs` (distinct pairs asked for, which no budget limits), or `seconds` (solver, problem and all training,
            so that a solver with a learned evaluator starts where its training ends; its search alone is drawn paler).
        path: the file; its ending decides the format.
        title: heading.
        error_name: what the error is called; the objective is in percentage points where it is "error".
        formats: endings of further files, beside `path`.
    """
    figure, axes = new_figure()
    measure = Measure.of(reference, error_name=error_name)
    drawn = spreads(results, measure, against)
    floor = _floor(drawn.values()) if measure.logarithmic else -np.inf
    styles = solver_styles(list(results))
    for solver, spread in drawn.items():
        white_box = any(result.ledger.access == "white box" for result in results[solver])
        _draw(axes, spread, styles[solver], label=f"{solver} (white box)" if white_box else solver, floor=floor)
    if against == "seconds":
        taught = {
            solver: runs for solver, runs in results.items() if any(each.ledger.evaluator_seconds for each in runs)
        }
        for solver, spread in spreads(taught, measure, SEARCH_SECONDS).items():
            _draw(axes, spread, styles[solver], label=f"{solver}, its search alone", floor=floor, pale=True)
    if axes.lines:
        axes.set_xscale("log")
    if axes.lines and measure.logarithmic:
        axes.set_yscale("log")
        axes.set_ylim(bottom=0.6 * floor)
    if np.isfinite(reference.objective):
        height = max(float(measure.height(np.array(reference.objective))), floor)
        _mark(axes, height, reference.name)
    axes.set_xlabel(AXES[against])
    axes.set_ylabel(measure.label)
    caption = (
        "Line: median over seeds. Band: least to greatest. A curve starts where half of the runs have a feasible design; "
        "a failed run counts as one without."
    )
    if measure.logarithmic:
        caption += f"\nA regret of zero is drawn at {floor:.1g} %."
    save_figure(figure, axes, title=title, path=path, caption=caption, formats=formats)
    return path


def _mark(axes: Axes, height: float, name: str) -> None:
    """Draw a dotted line across, with its name at the left end, below it, where no curve has begun."""
    axes.axhline(height, color="0.6", linewidth=0.8, linestyle=":", zorder=0)
    axes.annotate(
        name,
        (0.01, height),
        (0, -2),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="left",
        va="top",
        color="0.4",
        fontsize=8,
    )


def _draw(axes: Axes, spread: Spread, style: Style, *, label: str, floor: float, pale: bool = False) -> None:
    median, low, high = (np.maximum(each, floor) for each in (spread.median, spread.low, spread.high))
    shade = 0.45 if pale else 1.0
    axes.step(
        spread.x,
        median,
        where="post",
        label=label,
        color=style.color,
        alpha=shade,
        linewidth=1.8,
        linestyle=style.line_style,
        marker=style.marker,
        markevery=[len(median) - 1],
        markersize=6,
        clip_on=False,
        zorder=4,
    )
    top = np.where(np.isfinite(high), high, median)
    axes.fill_between(spread.x, low, top, step="post", color=style.color, alpha=0.12 * shade, linewidth=0)


def _floor(drawn: Collection[Spread]) -> float:
    """Return where a regret of zero is drawn: a third of the least positive regret, 1e-2 (%) at the most."""
    positive = [each.low[each.low > 0] for each in drawn] + [each.median[each.median > 0] for each in drawn]
    smallest = min((float(each.min()) for each in positive if each.size), default=3e-2)
    return min(smallest / 3.0, 1e-2)
