"""How one round of a gradient search divides what is left of the budget."""

from __future__ import annotations

import math
from dataclasses import dataclass

from solvers.methods.gradient.descent import DescentSettings


@dataclass(frozen=True)
class Plan:
    """The budget of one round.

    Attributes:
        restarts: searches side by side.
        steps: updates of each search.
        vertex_queries: gradient queries at vertices after the descent.
        evaluations: exact evaluations at the end.
    """

    restarts: int
    steps: int
    vertex_queries: int
    evaluations: int


def plan_round(
    left: int, settings: DescentSettings, *, evaluations: int, queries: int = 1, vertex_queries: int = 0
) -> Plan:
    """Return the plan of a round that spends no more than what is left.

    A sixth of the budget, at most `evaluations`, goes to exact evaluations, and another sixth, at most `vertex_queries`, to
    gradients at vertices. The descent gets the rest. A small budget shrinks the number of searches and of steps
    together, but keeps a third of the steps: many short searches find more than few long ones.

    Args:
        left: evaluations and gradient queries left, at least 1.
        settings: the most searches and steps.
        evaluations: the most exact evaluations.
        queries: gradient queries per search and step.
        vertex_queries: the most gradient queries at vertices.
    """
    reserved = min(left, max(1, min(evaluations, left // 6)))
    vertex_queries = min(vertex_queries, left // 6)
    updates = (left - reserved - vertex_queries) // queries
    restarts, steps = settings.restarts, settings.steps
    if updates < restarts * steps:
        steps = int(max(steps / 3, math.sqrt(updates * steps / restarts)))
        restarts = min(settings.restarts, max(1, updates // max(1, steps)))
        steps = min(settings.steps, updates // restarts)
    return Plan(restarts=restarts, steps=steps, vertex_queries=vertex_queries, evaluations=reserved)
