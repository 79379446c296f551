"""Error against a cost: where each run ends, what it found on the way, and the exact front."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dance_env.analysis.exact import non_dominated
from dance_env.analysis.optimum import shipped_front
from dance_env.objective import EDAP
from dance_env.problem import Problem
from solvers.contract.record.trace import Trace
from solvers.contract.result import Result
from solvers.report.figure import new_figure, save_figure
from solvers.report.palette import solver_styles


@dataclass(frozen=True, eq=False)
class Front:
    """A Pareto front of error against a cost.

    Attributes:
        error_pct: (points,) percentage points.
        cost: (points,) in the unit of the plot.
        name: what it is called: exact, certified (with its gap), or the best known.
    """

    error_pct: np.ndarray
    cost: np.ndarray
    name: str = "exact front"

    @classmethod
    def best_known(cls, results: Iterable[Result], metric: str) -> Front:
        """Return that of the feasible designs that these runs evaluated; `metric` is a trace's column or property."""
        traces = [result.trace[result.trace.feasible] for result in results]
        error = np.concatenate([np.empty(0), *(trace.error_pct for trace in traces)])
        cost = np.concatenate([np.empty(0), *(getattr(trace, metric) for trace in traces)])
        front = non_dominated(error, cost)
        return cls(error[front], cost[front], name="best known front")

    @classmethod
    def shipped(cls, problem: Problem, metric: str) -> Front | None:
        """Return the front whose certificate ships with this library; None where none does, or it is over another cost.

        Args:
            problem: whose designs it is over.
            metric: `cost`, the objective's cost function, which fronts are proved over; `edap_js_mm2` is the same front
                where that function is EDAP.
        """
        is_edap = isinstance(problem.objective.cost_function, EDAP)
        proved = shipped_front(problem) if metric == "cost" or (metric == "edap_js_mm2" and is_edap) else None
        if proved is None:
            return None
        evaluation = problem.evaluate(proved.designs)
        cost = proved.cost if metric == "cost" else evaluation.cost.edap_js_mm2
        gap = f"{proved.gap:.1%}" if proved.gap >= 0.001 else "0.1 %"
        lacks = f"lacks at most {gap}" if proved.gap else "exact"
        return cls(evaluation.error_pct, cost, name=f"certified front ({lacks})")


@dataclass(frozen=True)
class CostAxis:
    """The cost on the x axis.

    Attributes:
        metric: the trace's column or property, such as `edap_js_mm2`; `cost` is the objective's cost function.
        label: axis label with unit.
    """

    metric: str
    label: str


def plot_plane(
    results: Mapping[str, Sequence[Result]],
    front: Front,
    *,
    axis: CostAxis,
    path: Path,
    title: str,
    error_name: str = "error",
    formats: Sequence[str] = (),
) -> Path:
    """Draw the best designs (outlined markers) and non-dominated designs (dots) of all runs over the front of error against a cost.

    Outlines of solvers that end in the same design lie around each other, so that none is hidden.

    Args:
        results: each solver's results.
        front: the front to draw them over.
        axis: the cost.
        path: the file; its ending decides the format.
        title: heading.
        error_name: what the error is called; a percentage where it is "error".
        formats: endings of further files, beside `path`.
    """
    figure, axes = new_figure()
    axes.step(front.cost, front.error_pct, where="post", color="0.3", linewidth=1.2, label=front.name, zorder=1)
    styles = solver_styles(list(results))
    for number, (solver, style) in enumerate(styles.items()):
        found = [_front_of(result.trace, axis.metric) for result in results[solver]]
        cost, error = (np.concatenate([np.empty(0), *each]) for each in zip(*found, strict=True))
        axes.scatter(cost, error, s=10, color=style.color, alpha=0.45, linewidths=0, zorder=2)
        ends = np.array([end for result in results[solver] if (end := _end(result, axis.metric))]).reshape(-1, 2)
        size = 30.0 + 45.0 * (len(styles) - 1 - number)  # the first solver named has the outermost outline
        axes.scatter(
            ends[:, 0],
            ends[:, 1],
            s=size,
            marker=style.marker,
            facecolors="none",
            edgecolors=style.color,
            linewidths=1.7,
            label=solver,
            zorder=4,
        )
    axes.set_xlabel(axis.label)
    axes.set_ylabel("error (%)" if error_name == "error" else error_name)
    low, high = error_limits(front, results)
    axes.set_ylim(low, high)
    limits = cost_limits(front, results, axis.metric, high)
    if limits is not None:
        axes.set_xscale("log")
        axes.set_xlim(*limits)
    caption = (
        "Outlines: the best feasible design of each run, around each other where runs end alike. Dots: each run's "
    )
    caption += "non-dominated designs."
    save_figure(figure, axes, title=title, path=path, caption=caption, formats=formats)
    return path


def _front_of(trace: Trace, metric: str) -> tuple[np.ndarray, np.ndarray]:
    archive = trace[trace.pareto(("error_pct", metric))]
    return getattr(archive, metric), archive.error_pct


def _end(result: Result, metric: str) -> tuple[float, float] | None:
    """Return cost and error of a run's best design, if it is feasible."""
    best = result.best
    if best is None or not result.trace.feasible[best]:
        return None
    return float(getattr(result.trace, metric)[best]), float(result.trace.error_pct[best])


def _ends(results: Mapping[str, Sequence[Result]], metric: str) -> list[tuple[float, float]]:
    return [end for runs in results.values() for result in runs if (end := _end(result, metric))]


def error_limits(front: Front, results: Mapping[str, Sequence[Result]]) -> tuple[float, float]:
    """Return limits from just under the front's lowest error to well above the best designs' highest."""
    best = [error for _, error in _ends(results, "cost")]
    low = float(min([*front.error_pct, *best], default=0.0))  # no front where nothing feasible is known
    high = max([*best, low + 1.0])
    return low - 0.1 * (high - low) - 0.1, high + 1.2 * (high - low) + 0.5


def cost_limits(
    front: Front, results: Mapping[str, Sequence[Result]], metric: str, highest_error: float
) -> tuple[float, float] | None:
    """Return limits around the shown part of the front and the best designs; None where there is neither."""
    shown = [cost for cost, _ in _ends(results, metric)] + front.cost[front.error_pct <= highest_error].tolist()
    shown = [each for each in shown if np.isfinite(each) and each > 0]
    return (0.85 * min(shown), 1.3 * max(shown)) if shown else None
