"""The measures of landscapes as a Markdown table, one column a task, and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from dance_env.analysis.landscape import Descents, Landscape
from dance_env.commands.coupling_table import accelerator, columns_by_task
from dance_env.problem import Problem

Row = Callable[[Problem, Landscape], str]


def table(measured: Mapping[str, tuple[Problem, Landscape]]) -> str:
    """Return the Markdown table.

    Args:
        measured: By task name, the problem and what was measured of it.
    """
    return columns_by_task(_ROWS, measured)


def as_dict(problem: Problem, found: Landscape) -> dict[str, Any]:
    """Return the same figures as plain values for JSON; what there is none of is null."""
    fixed, reference = found.fixed, found.reference
    design = reference.design
    return {
        "enumerated": found.enumerated,
        "networks": found.networks,
        "feasible_networks": found.feasible_networks,
        "feasible_designs": found.feasible_designs,
        "best_accelerators": found.best_accelerators,
        "single_accelerator": None
        if fixed is None
        else {
            "design": accelerator(problem, fixed.index),
            "runs": fixed.runs,
            "excess_mean": fixed.excess_mean,
            "excess_max": fixed.excess_max,
        },
        "reference": {
            "kind": reference.kind,
            "objective": None if design is None else reference.objective,
            "design": None if design is None else problem.space.decode(design[None])[0],
            "at_an_end": None if design is None else ends_of_ranges(problem, design),
        },
        "over_networks": _descents(found.over_networks, reference.objective),
        "over_designs": _descents(found.over_designs, reference.objective),
    }


def ends_of_ranges(problem: Problem, design: np.ndarray) -> dict[str, str]:
    """Return the ordinal hardware choices of a design `(D,)` that are at an end of their range: name -> end."""
    found = {}
    for choice, option in zip(problem.space.choices, design.tolist(), strict=True):
        if choice.group == "hardware" and choice.kind == "ordinal" and len(choice) > 1:
            if option == 0:
                found[choice.name] = "least"
            elif option == len(choice) - 1:
                found[choice.name] = "most"
    return found


def _descents(descents: Descents, objective: float) -> dict[str, Any]:
    regret = descents.regret(objective) if np.isfinite(objective) else np.empty(0)
    return {
        "starts": len(descents),
        "at_reference": descents.reached(objective) if len(regret) else 0,
        "feasible_ends": int(descents.feasible.sum()),
        "different_objectives": descents.different,
        "regret_median": float(np.median(regret)) if len(regret) else None,
        "regret_most": float(regret[-1]) if len(regret) else None,
        "steps_mean": float(descents.steps.mean()),
    }


def _fixed(problem: Problem, found: Landscape) -> str:
    if found.fixed is None:
        return "none"
    runs = "" if found.fixed.runs == 1.0 else f", runs {found.fixed.runs:.0%} of them"
    name = accelerator(problem, found.fixed.index)
    return f"{name}: +{found.fixed.excess_mean:.1%} mean, +{found.fixed.excess_max:.0%} most{runs}"


def _best_accelerator(problem: Problem, found: Landscape) -> str:
    design = found.reference.design
    if design is None:
        return "none"
    index = problem.accelerator_space.index(design[None, problem.space.hardware])
    return accelerator(problem, int(index[0]))


def _at_an_end(problem: Problem, found: Landscape) -> str:
    if found.reference.design is None:
        return "-"
    ends = ends_of_ranges(problem, found.reference.design)
    return ", ".join(f"{name} ({end})" for name, end in ends.items()) or "none"


def _ends(descents: Descents, objective: float) -> str:
    reached = descents.reached(objective) if np.isfinite(objective) else 0
    infeasible = len(descents) - int(descents.feasible.sum())
    note = f", {infeasible} violate a limit" if infeasible else ""
    return f"{reached} of {len(descents)} ({reached / len(descents):.0%}){note}"


def _regret(descents: Descents, objective: float) -> str:
    regret = descents.regret(objective) if np.isfinite(objective) else np.empty(0)
    return f"{np.median(regret):.3f}, {regret[-1]:.3f}" if len(regret) else "-"


_ROWS: dict[str, Row] = {
    "networks looked at": lambda p, f: f"all {f.networks:,}" if f.enumerated else f"{f.networks:,} random",
    "networks that can meet the limits": lambda p, f: f"{f.feasible_networks / f.networks:.0%}",
    "feasible designs": lambda p, f: f"{f.feasible_designs:.1%}",
    "different best accelerators": lambda p, f: str(f.best_accelerators),
    "cost of the best single accelerator": _fixed,
    "reference objective": lambda p, f: f"{f.reference.objective:.4f} ({f.reference.kind})",
    "its accelerator": _best_accelerator,
    "hardware choices at an end of their range": _at_an_end,
    "network descents that end at the reference": lambda p, f: _ends(f.over_networks, f.reference.objective),
    "their different objectives": lambda p, f: str(f.over_networks.different),
    "their regret: median, most": lambda p, f: _regret(f.over_networks, f.reference.objective),
    "design descents that end at the reference": lambda p, f: _ends(f.over_designs, f.reference.objective),
    "different objectives of these": lambda p, f: str(f.over_designs.different),
    "regret of these: median, most": lambda p, f: _regret(f.over_designs, f.reference.objective),
}
