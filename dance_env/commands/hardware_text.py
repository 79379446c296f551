"""The answer of `dance optimise-hardware`, for people and for machines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dance_env.analysis.hardware import (
    HardwareAnswer,
    LimitReport,
    RankedAccelerator,
    accelerator_in_short,
    cost_label,
    cost_quantity,
)
from dance_env.analysis.hardware.limits import RELAXED
from dance_env.commands.network_sources import GivenNetwork
from dance_env.objective.quantities import quantity

SHOWN = ("latency_s", "energy_j", "area_mm2", "edp_js", "edap_js_mm2")
_FRONT_ROWS = 20


@dataclass(frozen=True, eq=False)
class Asked:
    """What was asked.

    Attributes:
        networks: As given, and loaded.
        least: What was to be least, a metric.
        top: How many accelerators to show.
        front: Whether to show the Pareto front.
    """

    networks: Sequence[GivenNetwork]
    least: str
    top: int
    front: bool


def as_text(answer: HardwareAnswer, asked: Asked) -> str:
    """Return the answer for people."""
    sections = [_head(answer, asked), _limits(answer, asked), _next(answer, asked)]
    if asked.front:
        sections.append(_front(answer))
    sections += [each.account for each in asked.networks]
    return "\n\n".join(section for section in sections if section) + "\n"


def as_dict(answer: HardwareAnswer, asked: Asked) -> dict[str, Any]:
    """Return the same as plain data."""
    constraints = answer.problem.objective.constraints
    uses = {use.name: use for use in answer.uses}
    found: dict[str, Any] = {
        "networks": [
            {
                "source": given.source,
                "name": use.name,
                "weight": use.weight,
                "macs": use.macs,
                "layers": len(use.layers),
                "import": given.account_data,
            }
            for given, use in zip(asked.networks, uses.values(), strict=True)
        ],
        "least": asked.least,
        "worst": answer.worst,
        "accelerators_compared": len(answer.order),
        "feasible": answer.feasible,
        "limits": {limit.metric: limit.limit for limit in constraints},
        "exceeded": _exceeded(answer),
        "best": accelerator_dict(answer.best),
        "top": [accelerator_dict(each) for each in answer.top(asked.top)],
        "limit_reports": [_limit_dict(answer, each) for each in answer.limits],
        "without_limits": None if answer.unlimited is None else accelerator_dict(answer.unlimited),
    }
    if asked.front:
        found["front"] = [accelerator_dict(answer.ranked(int(index))) for index in answer.front.indices]
    return found


def accelerator_dict(each: RankedAccelerator) -> dict[str, Any]:
    """Return an accelerator as plain data."""
    found = {"index": each.index, "accelerator": dict(each.options), "objective": each.objective, **each.costs}
    return {**found, "networks": {name: dict(costs) for name, costs in each.by_network.items()}}


# ------------------------------------------------------------------------------------------------------------- sections
def _head(answer: HardwareAnswer, asked: Asked) -> str:
    best = answer.best
    what = f"least {cost_label(asked.least)}" + (" of the worst network" if answer.worst else "")
    if best.feasible:
        lines = [f"The best of {len(answer.order):,} accelerators, {what}:"]
    else:
        by = ", ".join(f"{name} by {100 * amount:.2f} %" for name, amount in _exceeded(answer).items())
        lines = [f"No accelerator keeps these limits. The nearest of {len(answer.order):,} exceeds {by}:"]
    lines += [f"  {name:<22}{option}" for name, option in best.options.items()]
    lines += [f"  {_label(answer, metric):<22}{cost_quantity(metric, best.costs[metric])}" for metric in SHOWN]
    lines.append(f"  {'utilization':<22}{_utilization(answer):.1%} of all multiply-accumulate slots")
    lines.append("For:" if len(answer.uses) == 1 else "For these networks:")
    for use, given in zip(answer.uses, asked.networks, strict=True):
        weight = "" if use.weight == 1.0 else f", weight {use.weight:g}"
        own = best.by_network.get(use.name)
        costs = (
            ""
            if own is None
            else f": {quantity('latency_s', own['latency_s'])}, {quantity('energy_j', own['energy_j'])}"
        )
        lines.append(f"  {use.name} ({len(use.layers)} layers, {_macs(use.macs)}{weight}){costs}")
        if given.unpriced:
            lines.append(f"    {given.unpriced}")
    return "\n".join(lines)


def _macs(number: int) -> str:
    return f"{number / 1e6:,.1f} million MACs" if number >= 1e5 else f"{number:,} MACs"


def _limits(answer: HardwareAnswer, asked: Asked) -> str:
    if not answer.limits:
        return ""
    lines = ["Limits:"]
    wide = max(len(str(report.limit)) for report in answer.limits)
    for report in answer.limits:
        binds = "binds" if report.binds else "does not bind"
        state = binds if answer.feasible else "exceeded" if report.used > 1 else "kept"
        lines.append(f"  {report.limit!s:<{wide}}  used to {report.used:.1%}, {state}")
        lines += [f"      {line}" for line in _prices(answer, asked, report)]
    if answer.feasible and answer.unlimited is not None and len(answer.limits) > 1:
        change = _change(answer.unlimited.objective, answer.best.objective)
        lines.append(
            f"  Without any limit: {cost_label(asked.least)} {change}, {accelerator_in_short(answer.unlimited.options)}"
        )
    return "\n".join(lines)


def _prices(answer: HardwareAnswer, asked: Asked, report: LimitReport) -> list[str]:
    """Say what a less strict limit gives; where nothing keeps the limits, what would have to be allowed."""
    metric = report.limit.metric
    if not answer.feasible:
        if report.least_possible is None:
            return [] if len(answer.limits) == 1 else ["no accelerator keeps all other limits"]
        others = " with the other limits kept" if len(answer.limits) > 1 else ""
        return [f"the least possible{others}: {quantity(metric, report.least_possible)}"]
    if not report.binds or report.relaxed is None or report.lifted is None:
        return []
    label, best = cost_label(asked.least), answer.best.objective
    larger = quantity(metric, report.limit.limit * RELAXED)
    return [
        f"10 % more ({larger}): {label} {_change(report.relaxed_objective, best)}, "
        f"{accelerator_in_short(answer.ranked(report.relaxed).options)}",
        f"without it: {label} {_change(report.lifted_objective, best)}, "
        f"{accelerator_in_short(answer.ranked(report.lifted).options)}",
    ]


def _next(answer: HardwareAnswer, asked: Asked) -> str:
    top = answer.top(asked.top)
    if len(top) < 2:
        return ""
    return "\n".join(["The next best:", *_table(answer, top, first="rank", numbers=range(1, len(top) + 1))])


def _front(answer: HardwareAnswer) -> str:
    front = answer.front
    if not len(front):
        return "The Pareto front is empty: no accelerator keeps the limits."
    rows = np.unique(np.linspace(0, len(front) - 1, min(_FRONT_ROWS, len(front))).round().astype(int))
    count = "1 accelerator" if len(front) == 1 else f"{len(front):,} accelerators"
    head = f"The Pareto front of latency, energy and area has {count}"
    some = f"; {len(rows)} of them, from fast to slow (--json lists all)" if len(rows) < len(front) else ""
    ranked = [answer.ranked(int(front.indices[row])) for row in rows]
    return "\n".join([f"{head}{some}:", *_table(answer, ranked, first="", numbers=(rows + 1).tolist())])


def _table(
    answer: HardwareAnswer, rows: Sequence[RankedAccelerator], *, first: str, numbers: Sequence[int]
) -> list[str]:
    names = [accelerator_in_short(each.options) for each in rows]
    wide = max(map(len, names))
    head = "".join(f"{_label(answer, metric):>16}" for metric in SHOWN)
    lines = [f"  {first:<6}{'':<{wide}}{head}"]
    for number, name, each in zip(numbers, names, rows, strict=True):
        costs = "".join(f"{cost_quantity(metric, each.costs[metric]):>16}" for metric in SHOWN)
        lines.append(f"  {number:<6}{name:<{wide}}{costs}")
    return lines


# -------------------------------------------------------------------------------------------------------------- helpers
def _label(answer: HardwareAnswer, metric: str) -> str:
    worst = answer.worst and metric != "area_mm2"
    return f"worst {cost_label(metric)}" if worst else cost_label(metric)


def _change(value: float, best: float) -> str:
    return f"{100 * (value / best - 1):+.2f} %"


def _exceeded(answer: HardwareAnswer) -> dict[str, float]:
    by_name = answer.problem.objective.violations(0.0, answer.evaluation.cost[int(answer.order[0])])
    return {name: float(amount) for name, amount in by_name.items() if amount > 0}


def _utilization(answer: HardwareAnswer) -> float:
    """Return the share of the multiply-accumulate slots that are used while all networks run."""
    best, clock = answer.best, answer.problem.costs.clock_hz or math.nan
    macs = sum(use.weight * use.macs for use in answer.uses)
    seconds = float(answer.evaluation.cost.latency_s[best.index])
    return macs / (seconds * clock * int(best.options["pe_x"]) * int(best.options["pe_y"]))


def _limit_dict(answer: HardwareAnswer, report: LimitReport) -> dict[str, Any]:
    def ranked(index: int | None) -> dict[str, Any] | None:
        return None if index is None else accelerator_dict(answer.ranked(index))

    return {
        "metric": report.limit.metric,
        "limit": report.limit.limit,
        "value": report.value,
        "used": report.used,
        "binds": report.binds,
        "least_possible": report.least_possible,
        "relaxed_limit": report.limit.limit * RELAXED,
        "relaxed": ranked(report.relaxed),
        "without": ranked(report.lifted),
    }
