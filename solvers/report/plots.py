"""The comparison as pictures: regret against queries and seconds, and the error-cost plane with the exact front."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from dance_env.analysis.exact import non_dominated
from solvers.comparison.reference import Reference
from solvers.contract.result import Result
from solvers.report.summary import REFERENCE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = ("#d1495b", "#00798c", "#edae49", "#30638e", "#6a994e", "#8d5b9d", "#7f7f7f", "#bc6c25")
_POINTS = 400


@dataclass(frozen=True, eq=False)
class Front:
    """A Pareto front of error against a cost.

    Attributes:
        error_pct: (points,) percentage points.
        cost: (points,) in the unit of the plot.
        exact: whether it is that of all designs; else of those that were evaluated.
    """

    error_pct: np.ndarray
    cost: np.ndarray
    exact: bool = True

    @classmethod
    def best_known(cls, results: Iterable[Result], metric: str) -> Front:
        """Of the feasible designs that these runs evaluated; `metric` is a trace's column or property."""
        traces = [result.trace[result.trace.feasible] for result in results]
        error = np.concatenate([np.empty(0), *(trace.error_pct for trace in traces)])
        cost = np.concatenate([np.empty(0), *(getattr(trace, metric) for trace in traces)])
        front = non_dominated(error, cost)
        return cls(error[front], cost[front], exact=False)


def colours(solvers: Sequence[str]) -> dict[str, str]:
    """A colour for each solver, the same in every plot of a comparison."""
    return {solver: _COLOURS[number % len(_COLOURS)] for number, solver in enumerate(solvers)}


def plot_best_so_far(
    results: Mapping[str, Sequence[Result]],
    reference: Reference,
    *,
    against: Literal["queries", "seconds"],
    path: Path,
    title: str,
) -> Path:
    """The best feasible design so far, median and range over seeds: its regret, on logarithmic axes.

    Where the optimum is not known there is no regret; then it is the objective itself, on a linear axis.

    Args:
        results: each solver's results.
        reference: the optimum, or the best known.
        against: `queries` (evaluations + gradient queries; without exhaustive search) or
            `seconds` (solver, oracle, and the surrogate's training in full, so that a solver with a surrogate starts
            where its training ends; its search alone is dashed).
        path: the PNG.
        title: heading.
    """
    figure, axes = _figure()
    optimum = reference.objective if reference.exact and np.isfinite(reference.objective) else 0.0
    floor = _floor(results, optimum) if reference.exact else -np.inf
    for solver, colour in colours(list(results)).items():
        curves = _curves(results[solver], optimum, against)
        if curves:
            _draw_curves(axes, curves, label=solver, colour=colour, floor=floor)
        if against == "seconds" and any(result.ledger.evaluator_seconds for result in results[solver]):
            search = _curves(results[solver], optimum, "search seconds")
            _draw_curves(axes, search, label=f"{solver}, its search alone", colour=colour, floor=floor, dashed=True)
    axes.set_xscale("log")
    if reference.exact:
        axes.set_yscale("log")
    if np.isfinite(reference.objective):
        _mark(axes, floor if reference.exact else reference.objective, reference.name)
    axes.set_xlabel(
        "evaluations + gradient queries" if against == "queries" else "seconds (surrogate training included)"
    )
    axes.set_ylabel(f"{'regret' if reference.exact else 'objective'} (percentage points)")
    _finish(figure, axes, title, path)
    return path


def _mark(axes: Axes, height: float, name: str) -> None:
    """A dotted line across, with its name at the right end."""
    axes.axhline(height, color="0.6", linewidth=0.8, linestyle=":")
    axes.annotate(
        name,
        (1.0, height),
        xycoords=("axes fraction", "data"),
        ha="right",
        va="bottom",
        color="0.4",
        fontsize=8,
    )


def _curves(results: Sequence[Result], optimum: float, against: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """x and regret of each run that has a feasible design, from the first such design on."""
    curves = []
    for result in results:
        trace = result.trace
        regret = trace.best_so_far() - optimum
        known = np.isfinite(regret)
        if not known.any() or (against == "queries" and result.solver == REFERENCE):
            continue
        if against == "queries":
            x = np.arange(1, len(trace) + 1) + trace.gradient_queries
        else:
            x = trace.seconds + (result.ledger.evaluator_seconds if against == "seconds" else 0.0)
        curves.append((np.maximum(x[known].astype(float), 1e-4), regret[known]))
    return curves


def _draw_curves(
    axes: Axes,
    curves: Sequence[tuple[np.ndarray, np.ndarray]],
    *,
    label: str,
    colour: str,
    floor: float,
    dashed: bool = False,
) -> None:
    start = min(x[0] for x, _ in curves)
    end = max(x[-1] for x, _ in curves)
    if all(len(np.unique(regret)) == 1 for _, regret in curves) and start == end:
        grid = np.array([start])
    else:
        grid = np.geomspace(start, max(end, start * 1.0001), _POINTS)
    values = np.array([_step(x, regret, grid) for x, regret in curves])
    with np.errstate(all="ignore"):
        middle = np.median(np.where(np.isnan(values), np.inf, values), axis=0)
        low, high = np.nanmin(values, axis=0), np.max(np.where(np.isnan(values), np.inf, values), axis=0)
    shown = np.isfinite(middle)
    middle, low, high = (np.maximum(each[shown], floor) for each in (middle, low, high))
    axes.step(
        grid[shown], middle, where="post", color=colour, label=label, linewidth=1.8, linestyle="--" if dashed else "-"
    )
    axes.plot(grid[shown][-1:], middle[-1:], marker="o", color=colour, markersize=5)
    axes.fill_between(
        grid[shown], low, np.where(np.isfinite(high), high, middle), step="post", color=colour, alpha=0.15, linewidth=0
    )


def _step(x: np.ndarray, y: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """The last y at or before each grid point; NaN before the first."""
    index = np.searchsorted(x, grid * (1 + 1e-9), side="right") - 1
    return np.where(index >= 0, y[np.maximum(index, 0)], np.nan)


def _floor(results: Mapping[str, Sequence[Result]], optimum: float) -> float:
    """Where a regret of zero is drawn: a third of the smallest positive regret of all traces, 1e-3 at the most."""
    regrets = [result.trace.best_so_far() - optimum for runs in results.values() for result in runs]
    positive = [regret[np.isfinite(regret) & (regret > 1e-9)] for regret in regrets]
    smallest = min((float(each.min()) for each in positive if each.size), default=3e-3)
    return min(smallest / 3.0, 1e-3)


def plot_plane(
    results: Mapping[str, Sequence[Result]], front: Front, *, metric: str, label: str, path: Path, title: str
) -> Path:
    """The best designs (large) and archives (small) of all runs over the exact front of error against a cost.

    Args:
        results: each solver's results.
        front: the exact front.
        metric: the trace's column or property on the x axis, such as `edap_js_mm2`.
        label: axis label with unit.
        path: the PNG.
        title: heading.
    """
    figure, axes = _figure()
    axes.step(
        front.cost,
        front.error_pct,
        where="post",
        color="0.3",
        linewidth=1.2,
        label=f"{'exact' if front.exact else 'best known'} front",
        zorder=1,
    )
    for solver, colour in colours(list(results)).items():
        for number, result in enumerate(results[solver]):
            trace = result.trace
            archive = trace[trace.pareto(("error_pct", metric))]
            axes.scatter(
                getattr(archive, metric), archive.error_pct, s=10, color=colour, alpha=0.5, linewidths=0, zorder=2
            )
            if result.best is not None and trace.feasible[result.best]:
                best = trace[np.array([result.best])]
                axes.scatter(
                    getattr(best, metric),
                    best.error_pct,
                    s=80,
                    color=colour,
                    edgecolors="white",
                    linewidths=1.0,
                    marker="*" if solver == REFERENCE else "o",
                    zorder=4 if solver == REFERENCE else 3,
                    label=solver if number == 0 else None,
                )
    axes.set_xscale("log")
    axes.set_xlabel(label)
    axes.set_ylabel("error (%)")
    low, high = _error_limits(front, results)
    axes.set_ylim(low, high)
    axes.set_xlim(*_cost_limits(front, results, metric, high))
    _finish(figure, axes, title, path)
    return path


def _error_limits(front: Front, results: Mapping[str, Sequence[Result]]) -> tuple[float, float]:
    """From just under the front's lowest error to well above the best designs' highest."""
    best = [float(r.trace.error_pct[r.best]) for runs in results.values() for r in runs if r.best is not None]
    low = float(min([*front.error_pct, *best], default=0.0))  # no front where nothing feasible is known
    high = max([*best, low + 1.0])
    return low - 0.1 * (high - low) - 0.1, high + 1.2 * (high - low) + 0.5


def _cost_limits(
    front: Front, results: Mapping[str, Sequence[Result]], metric: str, highest_error: float
) -> tuple[float, float]:
    """Around the part of the front that is shown and the best designs; archives may run out to the right."""
    best = [float(getattr(r.trace, metric)[r.best]) for runs in results.values() for r in runs if r.best is not None]
    shown = [*best, *front.cost[front.error_pct <= highest_error].tolist()]
    return 0.85 * min(shown), 1.3 * max(shown)


def _finish(figure: Figure, axes: Axes, title: str, path: Path) -> None:
    """Title and legend as they stand, no mathematics in them, and the PNG."""
    axes.set_title(title, loc="left", fontsize=11, parse_math=False)
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        axes.legend(handles, [label.replace("$", r"\$") for label in labels], frameon=False, fontsize=9)
    figure.savefig(path)


def _figure() -> tuple[Figure, Axes]:
    """A figure of its own: pyplot's global state is left alone."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.6), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, which="major", color="0.92", linewidth=0.7)
    axes.set_axisbelow(True)
    return figure, axes
