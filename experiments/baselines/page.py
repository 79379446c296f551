"""Tables and the figure, from the rows alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from experiments.baselines.plan import BUDGET, TASKS
from experiments.baselines.store import Row
from experiments.baselines.telling import AT_THE_OPTIMUM_PCT, Telling, regrets, telling, upper_median
from solvers.report.figure import new_figure, save_figure

_LEAST, _MOST = 1e-2, 1e2
"""Ends of the figure's scale, % of regret; what is less or more has the color of the end."""


def write_page(rows: Sequence[Row], out: Path) -> None:
    """Write `report.md` and `regret.png`."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.md").write_text(page(rows), encoding="utf-8")
    _heat_map(rows, out / "regret.png")


def page(rows: Sequence[Row]) -> str:
    """Return the tables as Markdown."""
    tasks = [task for task in TASKS if any(row.task == task for row in rows)]
    seeds = len({row.seed for row in rows})
    lines = [
        "# Baselines, measured",
        "",
        f"Made by `python -m experiments.baselines`. Every solver on every task that it suits, budget `{BUDGET}`, {seeds} seeds "
        f"({len(rows):,} runs). Regret of the design that a run reports, judged without noise, above the task's optimum, in %: "
        "the median over seeds. inf: half of the runs report no feasible design. –: the solver does not suit the task, or was not "
        "run on it. `runs.csv.gz` holds a row for each run, with its design.",
        *_fewer_seeds(rows, seeds),
        "",
        "## Which tasks tell solvers apart",
        "",
        *_telling_table(rows),
    ]
    for family in dict.fromkeys(task.partition("/")[0] for task in tasks):
        of_family = [task for task in tasks if task.startswith(f"{family}/")]
        lines += ["", f"## {family}", "", *_regret_table(rows, of_family)]
    lines += [
        "",
        "## What a run costs",
        "",
        *_price_table(rows),
        "",
        "![Median regret of each solver on each task](regret.png)",
    ]
    return "\n".join([*lines, ""])


def _fewer_seeds(rows: Sequence[Row], most: int) -> list[str]:
    """Return a paragraph on the solvers that were run with fewer seeds than others, if there are any."""
    counts: dict[str, set[int]] = {}
    for row in rows:
        counts.setdefault(row.solver, set()).add(row.seed)
    fewer = [f"`{name}` {len(seeds)}" for name, seeds in sorted(counts.items()) if 1 < len(seeds) < most]
    return ["", f"Fewer seeds: {', '.join(fewer)}."] if fewer else []


def tellings(rows: Sequence[Row]) -> list[Telling]:
    """Return how well each task tells solvers apart, in the order of the plan."""
    return [telling(of_task) for task in TASKS if (of_task := [row for row in rows if row.task == task])]


def _telling_table(rows: Sequence[Row]) -> list[str]:
    lines = [
        f"*Solved*: solvers with a median regret of at most {AT_THE_OPTIMUM_PCT} %. *Apart*: pairs of solvers of which every "
        "run of one is better than every run of the other. *Differ*: pairs whose regrets differ (Mann-Whitney, false discovery "
        "rate of 5 % over the pairs); – where half of the pairs have too few runs for the test to find a difference. A task tells "
        "solvers apart where at least half of the pairs differ and at most half of the solvers solve it; the others are for "
        "teaching.",
        "",
        "| task | solvers | solved | pairs | apart | differ | median regret, middle solver | worst solver | tells solvers apart |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for each in tellings(rows):
        cells = (
            each.task,
            each.solvers,
            each.solved,
            each.pairs,
            _share(each.apart, each),
            _share(each.different, each),
        )
        verdict = {True: "yes", False: "no", None: "not decided"}[each.tells]
        lines.append(f"| {' | '.join(map(str, cells))} | {_figure(each.middle)} | {_figure(each.worst)} | {verdict} |")
    return lines


def _share(number: int | None, of: Telling) -> str:
    return "–" if number is None else f"{number / of.pairs:.0%}" if of.pairs else "0"


def _regret_table(rows: Sequence[Row], tasks: Sequence[str]) -> list[str]:
    medians = _medians(rows, tasks)
    lines = [
        f"| solver | access | {' | '.join(task.partition('/')[2] for task in tasks)} |",
        f"| --- | --- |{' ---: |' * len(tasks)}",
    ]
    access = {row.solver: row.access for row in rows}
    for name in _by_rank(medians, tasks):
        cells = [_figure(medians[name][task]) if task in medians[name] else "–" for task in tasks]
        lines.append(f"| {name} | {access[name]} | {' | '.join(cells)} |")
    return lines


def _price_table(rows: Sequence[Row]) -> list[str]:
    """Medians over all runs of a family of networks: the largest one on which times are known."""
    task = "accel-nasbench/edap"
    some = [row for row in rows if row.task == task]
    lines = [
        f"On {task}: medians over seeds. *Search s*: processor seconds of the solver itself, on a machine that ran other jobs.",
        "",
        "| solver | evaluations | gradient queries | trained networks | GPU-hours | cost pairs | search s | training s |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name in dict.fromkeys(row.solver for row in some):
        runs = [row for row in some if row.solver == name]
        cells = [
            f"{upper_median([getattr(row, figure) for row in runs]):{form}}"
            for figure, form in (
                ("evaluations", ",.0f"), ("gradient_queries", ",.0f"), ("networks", ",.0f"), ("gpu_hours", ",.1f"),
                ("cost_pairs", ",.0f"), ("search_s", ".2f"), ("training_s", ".0f"),
            )
        ]  # fmt: skip
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _medians(rows: Sequence[Row], tasks: Sequence[str]) -> Mapping[str, Mapping[str, float]]:
    """Median regret, %, by solver and task."""
    found: dict[str, dict[str, float]] = {}
    for task in tasks:
        for name, values in regrets([row for row in rows if row.task == task]).items():
            found.setdefault(name, {})[task] = upper_median(values)
    return found


def _by_rank(medians: Mapping[str, Mapping[str, float]], tasks: Sequence[str]) -> list[str]:
    """Solvers, the one of the best mean rank first; on a task that it does not suit, a solver has the middle rank."""
    names = list(medians)
    ranks = dict.fromkeys(names, 0.0)
    for task in tasks:
        known = [name for name in names if task in medians[name]]
        values = np.array([medians[name][task] for name in known])
        for name in names:
            own = medians[name].get(task)
            ranks[name] += len(known) / 2 if own is None else (values < own).sum() + 0.5 * ((values == own).sum() - 1)
    return sorted(names, key=lambda name: (ranks[name], names.index(name)))


def _figure(value: float) -> str:
    if math.isnan(value):
        return "–"
    return "inf" if math.isinf(value) else f"{value:.2f}"


def _heat_map(rows: Sequence[Row], path: Path) -> None:
    from matplotlib.colors import LogNorm

    tasks = [task for task in TASKS if any(row.task == task for row in rows)]
    medians = _medians(rows, tasks)
    names = _by_rank(medians, tasks)
    values = np.array([[medians[name].get(task, np.nan) for task in tasks] for name in names])
    figure, axes = new_figure()
    figure.set_size_inches(2.6 + 0.5 * len(tasks), 1.8 + 0.24 * len(names))
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    image = axes.imshow(np.clip(values, _LEAST, _MOST), norm=LogNorm(_LEAST, _MOST), cmap="viridis_r", aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        if not math.isnan(value):
            text = "inf" if math.isinf(value) else f"{value:.2f}" if value < 9.95 else f"{value:.0f}"
            axes.text(
                column, row, text, ha="center", va="center", fontsize=6.5, color="white" if value > 1.5 else "black"
            )
    axes.set_xticks(range(len(tasks)), tasks, rotation=40, ha="right", rotation_mode="anchor", fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.tick_params(length=0)
    figure.colorbar(image, ax=axes, label="median regret, %", pad=0.01, fraction=0.03)
    save_figure(
        figure,
        axes,
        title=f"Median regret at {BUDGET.replace('networks,', ' trained networks and at most ')} queries",
        path=path,
        caption="Solvers by mean rank over the tasks. Empty: the solver does not suit the task, or was not run on it. "
        "inf: half of the runs report no feasible design.",
    )
