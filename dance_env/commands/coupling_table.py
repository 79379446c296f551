"""The measures of coupling as a Markdown table: one column a task."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any, TypeVar

from dance_env.analysis.coupling import Coupling, FixedAccelerator
from dance_env.problem import Problem

T = TypeVar("T")
Row = Callable[[Problem, Coupling], str]


def table(measured: Mapping[str, tuple[Problem, Coupling]]) -> str:
    """Return the Markdown table.

    Args:
        measured: By task name, the problem and what was measured of it.
    """
    return columns_by_task(_ROWS, measured)


def columns_by_task(rows: Mapping[str, Callable[[Problem, T], str]], measured: Mapping[str, tuple[Problem, T]]) -> str:
    """Return a Markdown table with a column for each task.

    Args:
        rows: By title, from a problem and what was measured of it to a cell.
        measured: By task name, the problem and what was measured of it.
    """
    lines = ["| | " + " | ".join(measured) + " |", "|---" * (len(measured) + 1) + "|"]
    for title, cell in rows.items():
        lines.append(f"| {title} | " + " | ".join(cell(*each) for each in measured.values()) + " |")
    return "\n".join(lines)


def as_dicts(measured: Mapping[str, tuple[Problem, Coupling]]) -> dict[str, dict[str, Any]]:
    """Return the same by the names of `Coupling`'s fields, for JSON; a regret that violates a limit is infinite."""
    return {name: _as_dict(problem, coupling) for name, (problem, coupling) in measured.items()}


def _as_dict(problem: Problem, coupling: Coupling) -> dict[str, Any]:
    evaluation = coupling.evaluation
    found = {each.name: getattr(coupling, each.name) for each in fields(coupling) if each.name != "evaluation"}
    for name in ("fixed", "fixed_front"):
        found[name] = {"accelerator": accelerator(problem, found[name].index), **asdict(found[name])}
    costs = {name: getattr(evaluation.cost, name)[0] for name in ("latency_s", "energy_j", "area_mm2")}
    return {
        **found,
        "best": problem.space.decode(coupling.best[None])[0],
        "objective": evaluation.objective[0],
        "error_pct": evaluation.error_pct[0],
        **costs,
    }


def _network(problem: Problem, coupling: Coupling) -> str:
    """Return the optimum's option indices, one digit a block (no choice here has more than ten options)."""
    return "".join(str(option) for option in coupling.best[problem.space.network])


def accelerator(problem: Problem, index: int) -> str:
    """Return an accelerator in short, such as "16 x 8, RF 12, OS"."""
    hardware = problem.accelerator_space.hardware()
    options = problem.accelerator_space.unindex([index])[0]
    dataflow = problem.accelerator_space.dataflow[options[3]]
    return f"{hardware.pe_x[index]} x {hardware.pe_y[index]}, RF {hardware.rf_words[index]}, {dataflow}"


def _best_accelerator(problem: Problem, coupling: Coupling) -> str:
    return accelerator(problem, int(problem.accelerator_space.index(coupling.best[None, problem.space.hardware])[0]))


def _fixed(problem: Problem, fixed: FixedAccelerator) -> str:
    runs = "" if fixed.runs == 1.0 else f", runs {fixed.runs:.0%} of them"
    return f"{accelerator(problem, fixed.index)}: +{fixed.excess_mean:.1%} mean, +{fixed.excess_max:.0%} most{runs}"


def _regret(value: float) -> str:
    return "violates a limit" if math.isinf(value) else f"{value:.3f}"


_ROWS: dict[str, Row] = {
    "optimum: objective (error)": lambda p, c: f"{c.evaluation.objective[0]:.4f} ({c.evaluation.error_pct[0]:.2f})",
    "optimum: network": _network,
    "optimum: accelerator": _best_accelerator,
    "optimum: latency, energy, area": lambda p, c: (
        f"{c.evaluation.cost.latency_s[0] * 1e3:.3f} ms, {c.evaluation.cost.energy_j[0] * 1e3:.3f} mJ, "
        f"{c.evaluation.cost.area_mm2[0]:.2f} mm2"
    ),
    "networks that can meet the limits": lambda p, c: f"{c.feasible_networks} of {c.networks}",
    "distinct best accelerators over these networks": lambda p, c: str(c.best_accelerators),
    "distinct best accelerators along the front": lambda p, c: f"{c.front_accelerators} ({c.front_designs} designs)",
    "distinct best networks over the accelerators": lambda p, c: str(c.best_networks),
    "cost of the best single accelerator, these networks": lambda p, c: _fixed(p, c.fixed),
    "cost of the best single accelerator, the front": lambda p, c: _fixed(p, c.fixed_front),
    "share of log cost's variance that is interaction": lambda p, c: f"{c.interaction:.1%}",
    "regret: most accurate network, then accelerator": lambda p, c: _regret(c.accurate_first),
    "regret: most accurate network that can meet the limits": lambda p, c: _regret(c.accurate_feasible_first),
    "regret: network with MACs penalty, best weight in hindsight": lambda p, c: _regret(c.macs_first),
    "regret: fewest MACs at the optimum's error or better": lambda p, c: _regret(c.macs_at_equal_error),
    "regret: best single accelerator of the front, then network": lambda p, c: _regret(c.accelerator_first),
}
