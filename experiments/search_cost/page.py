"""Tables and figures, from the readings alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from experiments.search_cost.break_even import COLUMNS, break_even_rows
from experiments.search_cost.measure import Reading
from experiments.search_cost.plan import GPU_HOURS, NETWORKS
from solvers.report.figure import new_figure, save_figure
from solvers.report.palette import solver_colors

_RESAMPLES = 2_000


def median_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the median of regrets, and the ends of its 95 % interval by percentile bootstrap over seeds."""
    known = np.sort(np.array(values))
    drawn = np.random.default_rng(0).integers(0, len(known), (_RESAMPLES, len(known)))
    medians = np.quantile(known[drawn], 0.5, axis=1, method="higher")
    low, high = np.quantile(medians, [0.025, 0.975], method="nearest")
    return float(np.quantile(known, 0.5, method="higher")), float(low), float(high)


def write_page(readings: list[Reading], out: Path) -> None:
    """Write `report.md` and the figures."""
    lines = [
        "# Search cost, measured",
        "",
        "Made by `python -m experiments.search_cost`. Regret above the proved optimum in %, median over seeds with its 95 % "
        "bootstrap interval in brackets; – where a solver was not run, or not all of its runs went so far; inf where half of its "
        "runs had no feasible design.",
    ]
    for task in dict.fromkeys(each.task for each in readings if each.part == "solvers"):
        rows = [each for each in readings if each.part == "solvers" and each.task == task]
        for unit, amounts, words in (("networks", NETWORKS, "trained networks"), ("gpuh", GPU_HOURS, "GPU-hours")):
            lines += ["", f"## {task}, by {words}", ""]
            lines += solver_table(rows, unit, amounts)
            _curves(rows, unit, amounts, words, task, out)
            if unit == "networks" and any(np.isinf(each.regret_pct) for each in rows if each.unit == unit):
                lines += [
                    "",
                    "### Runs with a feasible design, and their regret",
                    "",
                    _FEASIBLE,
                    "",
                    *feasible_table(rows),
                ]
        lines += ["", "### The bill of the longest run", "", *bill_table(rows)]
        lines += ["", "### Number of designs from which a supernet is worth its price", "", _BREAK_EVEN, ""]
        lines += _markdown(COLUMNS, list(break_even_rows(rows)))
    lines += _sensitivity(readings, out)
    (out / "report.md").write_text("\n".join([*lines, ""]), encoding="utf-8")


def solver_table(rows: list[Reading], unit: str, amounts: Sequence[float]) -> list[str]:
    """Return the Markdown table of one task and unit, the best solver at the middle amount first."""
    solvers = list(dict.fromkeys(each.solver for each in rows if each.unit == unit))
    cells = {s: [_at(rows, s, unit, amount) for amount in amounts] for s in solvers}
    access = {each.solver: each.access for each in rows}
    order = sorted(solvers, key=lambda s: [np.inf if not v else median_interval(v)[0] for v in reversed(cells[s][:3])])
    return _markdown(
        ("solver", "access", *(f"{amount:,g}" for amount in amounts)),
        [(s, access[s], *(_cell(values) for values in cells[s])) for s in order],
    )


_FEASIBLE = (
    "Runs that had found a feasible design, of all, and the regret in % as above, where a run without a design counts as "
    "infinite; by trained networks."
)
_FEASIBLE_NETWORKS = (30, 100, 300)


def feasible_table(rows: list[Reading]) -> list[str]:
    """Return the Markdown table of one task: feasible runs and regret, the best solver at the middle amount first."""
    access = {each.solver: each.access for each in rows}
    cells = {s: [_at(rows, s, "networks", amount) for amount in _FEASIBLE_NETWORKS] for s in access}

    def place(solver: str) -> list[float]:
        few, middle, many = (median_interval(values)[0] if values else np.inf for values in cells[solver])
        return [middle, few, many]

    found = [
        (s, access[s], *(cell for values in cells[s] for cell in (_feasible(values), _cell(values))))
        for s in sorted(cells, key=place)
    ]
    columns = [name for amount in _FEASIBLE_NETWORKS for name in (f"{amount}: runs", "regret %")]
    return _markdown(("solver", "access", *columns), found)


def _feasible(values: Sequence[float]) -> str:
    return f"{np.isfinite(values).sum()}/{len(values)}" if values else "–"


def bill_table(rows: list[Reading]) -> list[str]:
    """Return what each solver's longest run had asked for, medians over seeds."""
    found = []
    for solver in dict.fromkeys(each.solver for each in rows):
        own = [each for each in rows if each.solver == solver]
        most = max(each.gpu_hours for each in own)
        last = {e.seed: e for e in sorted(own, key=lambda e: e.gpu_hours)}.values()
        figures = [float(np.median([getattr(e, n) for e in last])) for n in _BILL]
        found.append((most, (solver, *(f"{value:,.4g}" for value in figures))))
    return _markdown(
        ("solver", "networks", "GPU-hours", "gradient queries", "cost pairs", "solver and oracle, s"),
        [row for _, row in sorted(found, key=lambda each: each[1][0])],
    )


_BREAK_EVEN = (
    "The cheapest search that reaches a median regret, by the amounts at which runs were read: GPU-hours of the networks "
    "that it trains for one design. A supernet of k trainings of the largest network serves all designs; from so many "
    "designs on the bill with it is not above the one without."
)

_BILL = ("networks", "gpu_hours", "gradient_queries", "cost_pairs", "seconds")


def _sensitivity(readings: list[Reading], out: Path) -> list[str]:
    lines: list[str] = []
    for part, title in (
        ("supernet", "Imperfect supernets: Kendall's tau between what gradients see and the truth"),
        ("price", "The price of a supernet, k trainings of the largest network"),
    ):
        rows = [each for each in readings if each.part == part]
        if not rows:
            continue
        amounts = sorted({(each.unit, each.amount) for each in rows})
        variants = list(dict.fromkeys(each.variant for each in rows))
        solver = rows[0].solver
        lines += ["", f"## {title} ({solver}, {rows[0].task})", ""]
        lines += _markdown(
            ("variant", *(f"{amount:,g} {unit}" for unit, amount in amounts)),
            [
                (
                    v,
                    *(
                        _cell([e.regret_pct for e in rows if (e.variant, e.unit, e.amount) == (v, *at)])
                        for at in amounts
                    ),
                )
                for v in variants
            ],
        )
        _sensitivity_figure(part, rows, readings, amounts, variants, out)
    return lines


def _sensitivity_figure(
    part: str,
    rows: list[Reading],
    readings: list[Reading],
    amounts: list[tuple[str, float]],
    variants: list[str],
    out: Path,
) -> None:
    figure, axes = new_figure()
    plain = [v for v in variants if "biased" not in v]
    for number, (unit, amount) in enumerate(amounts):
        color = f"C{number}"
        xs = [float(v.split()[-1]) for v in plain]
        points = [_of(rows, v, unit, amount) for v in plain]
        middle, low, high = (np.array(each) for each in zip(*map(median_interval, points), strict=True))
        axes.plot(xs, _shown(middle), marker="o", color=color, label=f"dance-exact, {amount:g} {unit}")
        axes.fill_between(xs, _shown(low), _shown(high), color=color, alpha=0.15, linewidth=0)
        for v in (v for v in variants if "biased" in v):
            x, y = float(v.split()[-1]), median_interval(_of(rows, v, unit, amount))[0]
            axes.plot([x], [_shown(np.array([y]))[0]], marker="x", color=color, linestyle="none")
        rival = _at(
            [e for e in readings if e.part == "solvers" and e.task == rows[0].task], "network-evolution", unit, amount
        )
        if rival:
            level = _shown(np.array([median_interval(rival)[0]]))[0]
            axes.axhline(level, color=color, linestyle=":", label=f"network-evolution, {amount:g} {unit}")
    axes.set_yscale("log")
    axes.set_ylabel("regret, % of the optimum")
    if part == "price":
        axes.set_xscale("log")
    axes.set_xlabel("rank correlation (Kendall's tau)" if part == "supernet" else "k")
    caption = "Median over seeds, 95 % bootstrap interval; regret below 0.01 % is drawn at 0.01 %."
    caption += " Crosses: biased towards large networks." if part == "supernet" else ""
    for ending in ("png", "svg"):
        save_figure(figure, axes, title=f"{rows[0].task}: {part}", path=out / f"{part}.{ending}", caption=caption)


def _curves(rows: list[Reading], unit: str, amounts: Sequence[float], words: str, task: str, out: Path) -> None:
    figure, axes = new_figure()
    solvers = list(dict.fromkeys(each.solver for each in rows))
    for solver, color in solver_colors(solvers).items():
        at = [(amount, _at(rows, solver, unit, amount)) for amount in amounts]
        known = [(amount, *median_interval(values)) for amount, values in at if values]
        known = [each for each in known if np.isfinite(each[1])]
        if known:
            xs, middle, low, high = (np.array(each) for each in zip(*known, strict=True))
            axes.plot(xs, _shown(middle), marker="o", markersize=4, color=color, label=solver)
            finite = np.isfinite(high)
            axes.fill_between(
                xs[finite], _shown(low[finite]), _shown(high[finite]), color=color, alpha=0.12, linewidth=0
            )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(words)
    axes.set_ylabel("regret, % of the optimum")
    caption = "Median over seeds, 95 % bootstrap interval; regret below 0.01 % is drawn at 0.01 %."
    for ending in ("png", "svg"):
        path = out / f"{task.replace('/', '-')}_{unit}.{ending}"
        save_figure(figure, axes, title=f"{task}: regret by {words}", path=path, caption=caption)


def _shown(values: np.ndarray) -> np.ndarray:
    return np.maximum(values, 0.01)


def _at(rows: Iterable[Reading], solver: str, unit: str, amount: float) -> list[float]:
    """Regrets of a solver at an amount; none unless each of its runs went so far: the others would bias the median."""
    own = [each for each in rows if each.solver == solver]
    found = [each.regret_pct for each in own if (each.unit, each.amount) == (unit, amount)]
    return found if len(found) == len({each.seed for each in own}) else []


def _of(rows: Iterable[Reading], variant: str, unit: str, amount: float) -> list[float]:
    return [each.regret_pct for each in rows if (each.variant, each.unit, each.amount) == (variant, unit, amount)]


def _cell(values: list[float]) -> str:
    if not values:
        return "–"
    middle, low, high = median_interval(values)
    return f"{middle:.2f} [{low:.2f}, {high:.2f}]"


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    marks = ["---"] * 1 + ["---:"] * (len(columns) - 1)
    return [f"| {' | '.join(line)} |" for line in (columns, marks, *rows)]
