"""Sensitivity: what every design costs that differs from a given one in one choice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dance_env.problem import Evaluation, Problem


@dataclass(frozen=True)
class Neighbor:
    """A design that differs in one choice.

    Attributes:
        choice: The choice.
        option: What it takes there.
        instead_of: What the explained design takes.
        latency_s, energy_j, area_mm2: Its costs.
        error_pct: Its error; None where the problem has no accuracy.
        objective: Its objective.
        violation: Sum of the relative amounts by which it exceeds limits; 0.0 for a feasible one.
    """

    choice: str
    option: str | int | float
    instead_of: str | int | float
    latency_s: float
    energy_j: float
    area_mm2: float
    error_pct: float | None
    objective: float
    violation: float


def neighbor_designs(problem: Problem, design: np.ndarray) -> np.ndarray:
    """Return the designs (n, D) that differ in one choice: adjacent options of an ordinal one, all others of a nominal."""
    found = []
    for position, choice in enumerate(problem.space.choices):
        own = int(design[position])
        options = [own - 1, own + 1] if choice.kind == "ordinal" else [o for o in range(len(choice)) if o != own]
        for option in options:
            if 0 <= option < len(choice):
                changed = design.copy()
                changed[position] = option
                found.append(changed)
    return np.array(found, dtype=np.int64).reshape(len(found), len(design))


def neighbors_of(problem: Problem, design: np.ndarray) -> tuple[Neighbor, ...]:
    """Return every neighbor of a design (D,), choice by choice."""
    designs = neighbor_designs(problem, design)
    if not len(designs):
        return ()
    evaluation = evaluate(problem, designs)
    found = []
    for row, (changed, options) in enumerate(zip(designs, problem.space.decode(designs), strict=True)):
        position = int(np.flatnonzero(changed != design)[0])
        choice = problem.space.choices[position]
        cost = evaluation.cost
        found.append(
            Neighbor(
                choice.name,
                options[choice.name],
                choice.options[int(design[position])],
                float(cost.latency_s[row]),
                float(cost.energy_j[row]),
                float(cost.area_mm2[row]),
                None if problem.accuracy is None else float(evaluation.error_pct[row]),
                float(evaluation.objective[row]),
                float(evaluation.violation[row]),
            )
        )
    return tuple(found)


def evaluate(problem: Problem, designs: np.ndarray) -> Evaluation:
    """Return the evaluation of designs (B, D); a problem without accuracies is asked for costs alone, at an error of 0."""
    return problem.evaluate(designs, accuracies=np.ones(len(designs)) if problem.accuracy is None else None)
