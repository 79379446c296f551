"""The task card: everything that an agent is told of a problem before it asks, in JSON values."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from dance_env.objective.cost_function import name_of
from dance_env.problem.training_time import sampled_networks
from solvers.contract.meter import Meter
from solvers.contract.metered_problem import MeteredProblem

PROTOCOL = 1
"""The version of the messages; a change that an agent could notice raises it."""


def task_card(problem: MeteredProblem, *, seed: int, most_designs: int) -> dict[str, Any]:
    """Return what an agent is told first.

    Args:
        problem: The problem, on the run's meter.
        seed: What the agent is to seed its generator with.
        most_designs: The most designs of one question.
    """
    objective = problem.objective
    return {
        "type": "task",
        "protocol": PROTOCOL,
        "task": problem.name,
        "seed": seed,
        "choices": [
            {"name": each.name, "group": each.group, "kind": each.kind, "options": list(each.options)}
            for each in problem.space.choices
        ],
        "objective": {
            "minimized": objective.describe(problem.error_name),
            "formula": "error_pct + weight * cost" if objective.weight else "error_pct",
            "weight": objective.weight,
            "cost": name_of(objective.cost_function),
        },
        "limits": [{"metric": each.metric, "most": each.limit} for each in objective.constraints],
        "units": {
            "objective": "percentage points of error" if problem.error_name == "error" else problem.error_name,
            "error_pct": "percentage points" if problem.error_name == "error" else problem.error_name,
            "latency_s": "seconds of one inference",
            "energy_j": "joules of one inference",
            "area_mm2": "square millimeters",
            "violation": "sum of the relative excesses over the limits; 0 is feasible",
            "training_gpu_hours": "GPU-hours of training the design's network once",
        },
        "access": "values",
        "price": {"usual_training_gpu_hours": _usual_hours(problem)},
        "budget": dataclasses.asdict(problem.meter.budget),
        **standing(problem.meter),
        "most_designs": most_designs,
    }


def standing(meter: Meter) -> dict[str, Any]:
    """Return what is spent and what is left, in evaluations (`left` counts new networks, where these are limited)."""
    return {"spent": meter.spent, "left": meter.evaluations_left}


def number(value: float) -> float | None:
    """Return a number as JSON has it: None for infinity, which a design without a mapping costs."""
    return float(value) if math.isfinite(value) else None


def _usual_hours(problem: MeteredProblem) -> float | None:
    """The mean training time over a fixed sample of networks."""
    counts = problem.space.option_counts[problem.space.network].tolist()
    hours = problem.training_gpu_hours(sampled_networks(counts))
    return None if hours is None else float(np.mean(hours))
