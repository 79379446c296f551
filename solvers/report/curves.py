"""The best design so far: regret against queries, trained networks, GPU-hours, cost pairs or seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from solvers.comparison.reference import Reference
from solvers.contract.result import Result
from solvers.report.figure import new_figure, save_figure
from solvers.report.palette import solver_colors

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Curve = tuple[np.ndarray, np.ndarray]
Axis = Literal["queries", "networks", "gpu_hours", "cost_pairs", "seconds"]

_POINTS = 400
AXES: dict[Axis, str] = {
    "queries": "evaluations + gradient queries",
    "networks": "trained networks (a supernet counts as its price in trainings)",
    "gpu_hours": "GPU-hours of training (networks and supernet)",
    "cost_pairs": "distinct (layer, accelerator) pairs whose cost was asked for",
    "seconds": "seconds (search, problem and training)",
}
"""What a curve can be drawn against, and the label of that axis."""


def plot_best_so_far(
    results: Mapping[str, Sequence[Result]], reference: Reference, *, against: Axis, path: Path, title: str
) -> Path:
    """Draw the best feasible design so far: its regret on logarithmic axes, median and range over seeds.

    Where the optimum is not known there is no regret; then the objective itself is drawn, on a linear axis.

    A solver that reads the tables (white box) is drawn dotted and labeled so: its counts do not measure what it used.

    Args:
        results: each solver's results.
        reference: the optimum, or the best known.
        against: `queries` (evaluations + gradient queries), `networks` (trained ones), `gpu_hours` (of their training),
            `cost_pairs` (distinct pairs asked for, which no budget limits), or `seconds` (solver, problem and all training,
            so that a solver with a learned evaluator starts where its training ends; its search alone is dashed).
        path: the file; its ending decides the format.
        title: heading.
    """
    figure, axes = new_figure()
    optimum = reference.objective if reference.exact and np.isfinite(reference.objective) else 0.0
    floor = _floor(results, optimum) if reference.exact else -np.inf
    for solver, color in solver_colors(list(results)).items():
        ledgers = [result.ledger for result in results[solver]]
        white_box = any(ledger.access == "white box" for ledger in ledgers)
        label, style = (f"{solver} (white box)", ":") if white_box else (solver, "-")
        _draw(axes, _curves(results[solver], optimum, against), label=label, color=color, floor=floor, style=style)
        if against == "seconds" and any(ledger.evaluator_seconds for ledger in ledgers):
            alone = _curves(results[solver], optimum, "search seconds")
            _draw(axes, alone, label=f"{solver}, its search alone", color=color, floor=floor, style="--")
    if axes.lines:
        axes.set_xscale("log")
    if axes.lines and reference.exact:
        axes.set_yscale("log")
        axes.set_ylim(bottom=0.6 * floor)
    if np.isfinite(reference.objective):
        _mark(axes, floor if reference.exact else reference.objective, reference.name)
    axes.set_xlabel(AXES[against])
    axes.set_ylabel(f"{'regret' if reference.exact else 'objective'} (percentage points)")
    caption = (
        "Line: median over seeds. Band: least to greatest. A curve starts where a run first has a feasible design."
    )
    if reference.exact:
        caption += f"\nA regret of zero is drawn at {floor:.1g}."
    save_figure(figure, axes, title=title, path=path, caption=caption)
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


def _curves(results: Sequence[Result], optimum: float, against: str) -> list[Curve]:
    """Return x and regret of each run that has a feasible design, from the first such design on."""
    curves = []
    for result in results:
        trace = result.trace
        regret = trace.best_so_far() - optimum
        x = _spent(result, against)
        known = np.isfinite(regret) & np.isfinite(x)
        if not known.any():
            continue
        curves.append((np.maximum(x[known].astype(float), 1e-4), regret[known]))
    return curves


def _spent(result: Result, against: str) -> np.ndarray:
    """(rows,) what had been spent when each row of the trace was known; NaN where that is not known."""
    trace = result.trace
    if against == "queries":
        return np.arange(1, len(trace) + 1) + trace.gradient_queries
    columns = {"networks": trace.trained_networks, "gpu_hours": trace.gpu_hours, "cost_pairs": trace.cost_pairs}
    if against in columns:
        return columns[against]
    return trace.seconds + (result.ledger.evaluator_seconds if against == "seconds" else 0.0)


def _draw(axes: Axes, curves: Sequence[Curve], *, label: str, color: str, floor: float, style: str = "-") -> None:
    if not curves:
        return
    start, end = min(x[0] for x, _ in curves), max(x[-1] for x, _ in curves)
    still = start == end or all(len(np.unique(regret)) == 1 and len(x) == 1 for x, regret in curves)
    grid = np.array([start]) if still else np.geomspace(start, max(end, start * 1.0001), _POINTS)
    values = np.array([_step(x, regret, grid) for x, regret in curves])
    with np.errstate(all="ignore"):
        reached = np.where(np.isnan(values), np.inf, values)  # a run without a feasible design yet is the worst
        middle, high, low = np.median(reached, axis=0), reached.max(axis=0), reached.min(axis=0)
    shown = np.isfinite(middle)
    if not shown.any():
        return
    middle, low, high = (np.maximum(each[shown], floor) for each in (middle, low, high))
    axes.step(grid[shown], middle, where="post", label=label, color=color, linewidth=1.8, linestyle=style)
    axes.plot(grid[shown][-1:], middle[-1:], marker="o", color=color, markersize=5, clip_on=False, zorder=5)
    top = np.where(np.isfinite(high), high, middle)
    axes.fill_between(grid[shown], low, top, step="post", color=color, alpha=0.15, linewidth=0)


def _step(x: np.ndarray, y: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Return the last y at or before each grid point; NaN before the first."""
    index = np.searchsorted(x, grid * (1 + 1e-9), side="right") - 1
    return np.where(index >= 0, y[np.maximum(index, 0)], np.nan)


def _floor(results: Mapping[str, Sequence[Result]], optimum: float) -> float:
    """Return where a regret of zero is drawn: a third of the smallest positive regret, 1e-3 at the most."""
    regrets = [result.trace.best_so_far() - optimum for runs in results.values() for result in runs]
    positive = [regret[np.isfinite(regret) & (regret > 1e-9)] for regret in regrets]
    smallest = min((float(each.min()) for each in positive if each.size), default=3e-3)
    return min(smallest / 3.0, 1e-3)
