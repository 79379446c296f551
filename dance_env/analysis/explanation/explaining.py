"""One design explained: layers, roofline, neighbors, other dataflows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from dance_env.analysis.explanation.dataflows import OtherDataflow, other_dataflows
from dance_env.analysis.explanation.layer_report import LayerReport, report_layers
from dance_env.analysis.explanation.neighbors import Neighbor, evaluate, neighbors_of
from dance_env.analysis.explanation.roofline import Roofline
from dance_env.analysis.explanation.totals import Totals, totals
from dance_env.analysis.hardware import NetworkUse
from dance_env.cost import AnalyticalCostModel, CostModel
from dance_env.graph import Layer, NetworkSpace, WorkloadSpace
from dance_env.problem import Evaluation, Problem
from dance_env.space import Hardware

_AGREES_TO = 1e-9  # of the sum over layers with the problem's costs: the same terms, in another order


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a design costs what it costs.

    Attributes:
        problem: The problem.
        design: (D,) int64.
        model: The cost model.
        uses: The networks of the design: one, or one for each workload.
        evaluation: Of the design, leaves (1,).
        layers: Where cycles and energy go, layer by layer.
    """

    problem: Problem
    design: np.ndarray
    model: AnalyticalCostModel
    uses: tuple[NetworkUse, ...]
    evaluation: Evaluation
    layers: tuple[LayerReport, ...]

    @property
    def options(self) -> Mapping[str, str | int | float]:
        """The design by name."""
        return self.problem.space.decode(self.design[None])[0]

    @cached_property
    def hardware(self) -> Hardware:
        """The accelerator, a batch of one."""
        return _hardware(self.problem, self.design)

    @cached_property
    def totals(self) -> Totals:
        """Sums over the layers; latency and energy are those of the evaluation."""
        return totals(self.layers)

    @cached_property
    def roofline(self) -> Roofline:
        """Peak and bandwidth of the accelerator."""
        return Roofline.of(self.hardware, self.model.technology_of(self.hardware))

    @cached_property
    def neighbors(self) -> tuple[Neighbor, ...]:
        """What every design costs that differs in one choice."""
        return neighbors_of(self.problem, self.design)

    @cached_property
    def improving(self) -> tuple[Neighbor, ...]:
        """The neighbors that are better: less violation, or as much and a lower objective; the best first."""
        own = (float(self.evaluation.violation[0]), float(self.evaluation.objective[0]))
        better = [each for each in self.neighbors if (each.violation, each.objective) < own]
        return tuple(sorted(better, key=lambda each: (each.violation, each.objective)))

    @cached_property
    def dataflows(self) -> tuple[OtherDataflow, ...]:
        """What the other dataflows would cost."""
        return other_dataflows(self.problem, self.design, self.model, self.uses, self.layers)


def explain(problem: Problem, design: Any, *, cost_model: CostModel | None = None) -> Explanation:
    """Explain one design of a problem.

    Args:
        problem: The problem; its costs must be those of the analytical model.
        design: Option indices, (D,).
        cost_model: The analytical model that the problem's costs come from; None for the one that it was built with.

    Raises:
        TypeError, ValueError: If the design is not one of the problem; a layer has no mapping on its accelerator; or the
            problem's costs are not those of the model.
    """
    model = problem.cost_model if cost_model is None else cost_model
    if not isinstance(model, AnalyticalCostModel):
        found = "is not known" if model is None else f"is {type(model).__name__}"
        raise ValueError(
            f"problem {problem.name!r}: levels and mappings are known of the analytical cost model alone, and the model "
            f"here {found}; give cost_model=AnalyticalCostModel(...)"
        )
    chosen = problem.space.check(np.atleast_2d(np.asarray(design)))
    if len(chosen) != 1:
        raise ValueError(f"expected one design, shape (D,), got {len(chosen)}")
    uses = networks_of(problem.network_space, chosen[0, problem.space.network])
    layers = report_layers(uses, _hardware(problem, chosen[0]), model)
    found_explanation = Explanation(problem, chosen[0], model, uses, evaluate(problem, chosen), layers)
    _check_sums(found_explanation)
    return found_explanation


def networks_of(space: NetworkSpace, network: np.ndarray) -> tuple[NetworkUse, ...]:
    """Return the layers of a network (N,) of a space: one entry, or one for each workload."""
    if isinstance(space, WorkloadSpace):
        return tuple(
            NetworkUse(each.name, _layers(each.network_space, network), each.weight) for each in space.workloads
        )
    return (NetworkUse(space.name, _layers(space, network)),)


def _layers(space: NetworkSpace, network: np.ndarray) -> tuple[Layer, ...]:
    """Return the layers in order of execution, or, where the space makes no graphs, in the order of its parts."""
    if hasattr(space, "graph"):
        return space.graph(network).layers()
    counts = [len(choice) for choice in space.choices()]
    layers = list(space.fixed_layers())
    for part in space.parts():
        options = [int(network[position]) for position in part.scope]
        layers += part.layers[int(np.ravel_multi_index(options, [counts[position] for position in part.scope]))]
    return tuple(layers)


def _hardware(problem: Problem, design: np.ndarray) -> Hardware:
    index = problem.accelerator_space.index(design[None, problem.space.hardware])
    return problem.accelerator_space.hardware().take(index)


def _check_sums(explanation: Explanation) -> None:
    """Refuse an explanation of other costs than the problem's."""
    cost = explanation.evaluation.cost
    for name in ("latency_s", "energy_j"):
        ours, problems = getattr(explanation.totals, name), float(getattr(cost, name)[0])
        if not math.isclose(ours, problems, rel_tol=_AGREES_TO):
            raise ValueError(
                f"problem {explanation.problem.name!r}: the layers sum to {name} {ours:g} and the problem says "
                f"{problems:g}: its costs do not come from this cost model. Give the one that they come from"
            )
