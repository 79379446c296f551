"""Tables and figures, from the rows alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from experiments.conditional_front.measure import Points, Reading
from experiments.conditional_front.plan import BUDGETS, LIMITED, LIMITED_BUDGETS, SOLVERS
from solvers.report.figure import save_figure
from solvers.report.palette import solver_styles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DRAWN = {"macro-cifar10/edap": "10networks", "accel-nasbench/edap": "30networks", LIMITED: LIMITED_BUDGETS[0]}
"""Budget whose fronts are drawn."""


def write_page(readings: Sequence[Reading], fronts: dict[tuple[str, float, str, str], Points], out: Path) -> None:
    """Write `report.md` and the figures."""
    lines = [
        "# One generator for the whole front, measured",
        "",
        "Made by `python -m experiments.conditional_front`. Hypervolume of the feasible designs evaluated, in % of the "
        "true front's: median "
        f"over {len({each.seed for each in readings})} seeds, in brackets the worst.",
    ]
    for task in BUDGETS:
        rows = [each for each in readings if (each.part, each.task) == ("front", task)]
        if rows:
            lines += ["", f"## {task}", "", *table(rows, BUDGETS[task]), "", *bill(rows)]
    rows = [each for each in readings if each.part == "deadlines"]
    for deadline in sorted({each.deadline for each in rows}):
        lines += ["", f"## {LIMITED}, deadline x {deadline:g}", ""]
        lines += table([each for each in rows if each.deadline == deadline], LIMITED_BUDGETS)
    if rows:
        lines += ["", *bill(rows)]
    for tau in sorted({each.tau for each in readings if each.part == "supernet"}, reverse=True):
        rows = [each for each in readings if (each.part, each.tau) == ("supernet", tau)]
        lines += ["", f"## {rows[0].task}, supernet with Kendall's tau {tau:g}", "", *table(rows, (rows[0].budget,))]
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.md").write_text("\n".join([*lines, ""]), encoding="utf-8")
    for task, budget in DRAWN.items():
        if any(key[0] == task for key in fronts):
            _figure(task, budget, fronts, out)


def table(rows: Sequence[Reading], budgets: Sequence[str]) -> list[str]:
    """Return the Markdown table of hypervolumes, a line a solver."""
    found = []
    for solver in (each for each in SOLVERS if any(row.solver == each for row in rows)):
        cells = [[row.share for row in rows if (row.solver, row.budget) == (solver, budget)] for budget in budgets]
        texts = [f"{100 * np.median(each):.1f} ({100 * min(each):.1f})" if each else "–" for each in cells]
        found.append((solver, *texts))
    return _markdown(("solver", *budgets), found)


def bill(rows: Sequence[Reading]) -> list[str]:
    """Return what the runs asked for, medians over seeds."""
    found = []
    for solver, budget in dict.fromkeys((each.solver, each.budget) for each in rows):
        own = [each for each in rows if (each.solver, each.budget) == (solver, budget)]
        figures = [f"{np.median([getattr(each, name) for each in own]):,.4g}" for name in _BILL]
        found.append((solver, budget, *figures))
    return _markdown(("solver", "budget", "networks", "GPU-hours", "gradient queries"), found)


_BILL = ("networks", "gpu_hours", "gradient_queries")


def _figure(task: str, budget: str, fronts: dict[tuple[str, float, str, str], Points], out: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    deadlines = sorted({key[1] for key in fronts if key[0] == task})
    figure = Figure(figsize=(3.6 * len(deadlines) + 5.0, 4.4), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    plots = figure.subplots(1, len(deadlines), squeeze=False)[0]
    for plot, deadline in zip(plots, deadlines, strict=True):
        _draw(plot, task, deadline, budget, fronts)
        if len(deadlines) > 1:
            plot.set_xlabel(f"the objective's cost, deadline x {deadline:g}")
    for plot in plots[1:]:
        plot.set_ylabel("")
    for ending in ("png", "svg"):
        save_figure(
            figure,
            plots[0],
            title=f"{task}, {budget}",
            path=out / f"{task.replace('/', '-')}.{ending}",
            caption="Designs of seed 0 that no other one of the same solver dominates; the line is the true front.",
        )


_NOTHING = Points(np.empty(0), np.empty(0))


def _draw(
    plot: Axes, task: str, deadline: float, budget: str, fronts: dict[tuple[str, float, str, str], Points]
) -> None:
    plot.spines[["top", "right"]].set_visible(False)
    plot.grid(visible=True, color="0.92", linewidth=0.7)
    plot.set_axisbelow(True)
    true = fronts[task, deadline, "", ""]
    order = np.argsort(true.cost)
    plot.step(true.cost[order], true.error_pct[order], where="post", color="0.45", linewidth=1.0, label="true front")
    for solver, style in solver_styles(SOLVERS).items():
        if any((key[0], key[2], key[3]) == (task, solver, budget) for key in fronts):  # in the legend of every plot
            points = fronts.get((task, deadline, solver, budget), _NOTHING)
            plot.plot(
                points.cost, points.error_pct, style.marker, color=style.color, markersize=4.5, alpha=0.8, label=solver
            )
    plot.set_xscale("log")
    low, high = true.error_pct.min(), true.error_pct.max()
    plot.set_ylim(low - 0.05 * (high - low), high + 0.1 * (high - low))
    plot.set_xlabel("the objective's cost")
    plot.set_ylabel("error, %")


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    marks = ["---", *["---:"] * (len(columns) - 1)]
    return [f"| {' | '.join(line)} |" for line in (columns, marks, *rows)]
