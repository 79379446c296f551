"""Given networks on every accelerator, as a problem of one network."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from dance_env.analysis.hardware.single_cost import SingleCost
from dance_env.analysis.hardware.uses import NetworkUse, network_uses
from dance_env.cost import CostModel
from dance_env.graph import LayerGraph
from dance_env.objective import Constraint, CostFunction, Objective, WorstCase
from dance_env.problem import Problem
from dance_env.progress import Progress
from dance_env.space import AcceleratorSpace

_OF_EACH_NETWORK = ("latency_s", "energy_j")


def accelerator_problem(
    networks: Sequence[NetworkUse | LayerGraph] | NetworkUse | LayerGraph,
    *,
    least: str | CostFunction = "edap_js_mm2",
    limits: Mapping[str, float] | None = None,
    worst: bool = False,
    accelerators: AcceleratorSpace | None = None,
    cost_model: CostModel | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: Progress | bool | None = None,
) -> Problem:
    """Return the problem whose one network is given: what is left to choose is the accelerator.

    Its accuracy is not known (`accuracy=None`), and its objective is the cost alone. Arguments and errors as
    `optimize_hardware`.
    """
    uses = network_uses(networks)
    cost_function = SingleCost(least) if isinstance(least, str) else least
    constraints = [Constraint(metric, limit) for metric, limit in (limits or {}).items()]
    for limit in constraints:
        if limit.metric == "error_pct":
            raise ValueError("the error of given networks does not depend on the accelerator: it cannot be limited")
    if worst:
        cost_function, constraints = _of_the_worst(uses, cost_function, constraints)
    workloads = [use.workload() for use in uses]
    alone = len(uses) == 1 and uses[0].weight == 1.0
    space = {"network_space": workloads[0].network_space} if alone else {"workloads": workloads}
    return Problem.build(
        " and ".join(use.name for use in uses),
        **space,
        accelerator_space=accelerators,
        accuracy=None,
        objective=Objective(cost_function, 1.0, tuple(constraints)),
        cost_model=cost_model,
        cache_dir=cache_dir,
        progress=progress,
    )


def _of_the_worst(
    uses: Sequence[NetworkUse], cost_function: CostFunction, constraints: Sequence[Constraint]
) -> tuple[CostFunction, list[Constraint]]:
    """Return the objective of the worst network, and the limits, each of which every network has to keep."""
    if len(uses) < 2:
        raise ValueError("the worst of the networks (worst=True) needs at least two networks")
    if any(use.weight != 1.0 for use in uses):
        raise ValueError("weights do not count where the worst of the networks does (worst=True): leave them out")
    of_each = []
    for limit in constraints:
        names = [f"{use.name}.{limit.metric}" for use in uses] if limit.metric in _OF_EACH_NETWORK else [limit.metric]
        of_each += [Constraint(name, limit.limit) for name in names]
    return WorstCase(cost_function), of_each
