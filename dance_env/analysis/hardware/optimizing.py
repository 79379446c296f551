"""The best accelerator of given networks, the next best ones, and what the limits do."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dance_env.analysis.hardware.front import HardwareFront, front_of
from dance_env.analysis.hardware.limits import LimitReport, best_where, limit_reports
from dance_env.analysis.hardware.problem import accelerator_problem
from dance_env.analysis.hardware.uses import NetworkUse, network_uses
from dance_env.cost import CostModel
from dance_env.graph import LayerGraph
from dance_env.objective import CostFunction, WorstCase
from dance_env.problem import Evaluation, Problem
from dance_env.progress import Progress
from dance_env.space import AcceleratorSpace

METRICS = ("latency_s", "energy_j", "area_mm2", "edp_js", "edap_js_mm2")


@dataclass(frozen=True)
class RankedAccelerator:
    """One accelerator and what the networks cost on it.

    Attributes:
        index: In the accelerator space.
        options: What it chooses, by choice.
        costs: By metric, those of `METRICS`; of several networks the weighted sum, or the largest where the worst counts.
        by_network: The same for each network by itself, where there are several.
        objective: What was to be least.
        violation: Sum of the relative amounts by which limits are exceeded; 0.0 for a feasible one.
    """

    index: int
    options: Mapping[str, str | int | float]
    costs: Mapping[str, float]
    by_network: Mapping[str, Mapping[str, float]]
    objective: float
    violation: float

    @property
    def feasible(self) -> bool:
        """Whether every limit is kept."""
        return self.violation <= 0.0


@dataclass(frozen=True, eq=False)
class HardwareAnswer:
    """Every accelerator, ranked.

    Attributes:
        problem: Given networks on every accelerator (`accelerator_problem`).
        uses: The networks, by the names that answers call them.
        evaluation: Of every accelerator, leaves (H,).
        order: (H,) int64: the accelerators by index, from the best: least violation, then least objective; among equals
            the least energy-delay-area product, then the lowest index.
    """

    problem: Problem
    uses: tuple[NetworkUse, ...]
    evaluation: Evaluation
    order: np.ndarray

    @property
    def best(self) -> RankedAccelerator:
        """The best accelerator; where none keeps the limits, the one that exceeds them least."""
        return self.ranked(int(self.order[0]))

    @property
    def feasible(self) -> bool:
        """Whether an accelerator keeps all limits."""
        return self.best.feasible

    @property
    def design(self) -> np.ndarray:
        """The best accelerator as a design of the problem, (D,) int64."""
        return self.problem.design(np.zeros((1, 1), dtype=np.int64), self.order[:1])[0]

    def top(self, count: int) -> tuple[RankedAccelerator, ...]:
        """Return the best accelerators, at most `count`; behind the first, only feasible ones."""
        first = self.order[: max(count, 1)]
        keep = self.evaluation.feasible[first]
        keep[0] = True
        return tuple(self.ranked(int(index)) for index in first[keep])

    def ranked(self, index: int) -> RankedAccelerator:
        """Return one accelerator, by its index, with what the networks cost on it."""
        cost = self.evaluation.cost[index]
        by_network = {name: {m: float(getattr(each, m)) for m in METRICS} for name, each in cost.workloads.items()}
        return RankedAccelerator(
            index,
            self._options(index),
            {metric: float(values[index]) for metric, values in self._costs.items()},
            by_network,
            float(self.evaluation.objective[index]),
            float(self.evaluation.violation[index]),
        )

    @property
    def worst(self) -> bool:
        """Whether the worst of the networks counts, and not their weighted sum."""
        return isinstance(self.problem.objective.cost_function, WorstCase)

    @cached_property
    def limits(self) -> tuple[LimitReport, ...]:
        """What each limit does to the choice."""
        return limit_reports(self.evaluation, self.problem.objective.constraints, int(self.order[0]))

    @cached_property
    def unlimited(self) -> RankedAccelerator | None:
        """The best accelerator without any limit; None where no accelerator maps every layer."""
        index = best_where(self.evaluation, np.isfinite(self.evaluation.cost.latency_s))
        return None if index is None else self.ranked(index)

    @cached_property
    def front(self) -> HardwareFront:
        """The feasible accelerators that no other one beats in latency, energy and area."""
        costs = self._costs
        return front_of(costs["latency_s"], costs["energy_j"], costs["area_mm2"], self.evaluation.feasible)

    def _options(self, index: int) -> dict[str, str | int | float]:
        space = self.problem.space
        chosen = space.decode(self.problem.design(np.zeros((1, 1), dtype=np.int64), np.array([index])))[0]
        return {choice.name: chosen[choice.name] for choice in space.choices if choice.group == "hardware"}

    @cached_property
    def _costs(self) -> dict[str, np.ndarray]:
        cost = self.evaluation.cost
        if not self.worst:
            return {metric: np.asarray(getattr(cost, metric)) for metric in METRICS}
        each = {metric: [getattr(one, metric) for one in cost.workloads.values()] for metric in METRICS}
        return {metric: np.max(values, axis=0) for metric, values in each.items()}


def optimize_hardware(
    networks: Sequence[NetworkUse | LayerGraph] | NetworkUse | LayerGraph,
    *,
    least: str | CostFunction = "edap_js_mm2",
    limits: Mapping[str, float] | None = None,
    worst: bool = False,
    accelerators: AcceleratorSpace | None = None,
    cost_model: CostModel | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: Progress | bool | None = None,
) -> HardwareAnswer:
    """Rank every accelerator for one or several given networks, exactly.

        optimize_hardware(graph, least="energy_j", limits={"latency_s": 1e-3, "area_mm2": 2.0}).best

    Args:
        networks: One or several; a graph counts once, a `NetworkUse` by its weight. What they cost is the weighted sum.
        least: What is to be least: one of `SINGLE_COSTS`, or a cost function (`dance_env.objective`).
        limits: The largest value allowed, by metric: "latency_s", "energy_j", "area_mm2", or of one of several networks
            "<name>.latency_s".
        worst: Let the network count that costs most, in place of the weighted sum. A limit on latency or energy then
            holds for every network.
        accelerators: To choose from; DANCE's 13,872 by default.
        cost_model: What a layer costs; the analytical model with the technology "edge-lpddr4" by default.
        cache_dir: Folder of the cost tables' cache; None for the default.
        progress: Of the costing of layers that are not in the cache.

    Raises:
        TypeError: If something other than networks is given.
        ValueError: If there is no network, a network has no layers, a metric is unknown or a limit not positive, or
            `worst` does not fit the networks.
    """
    uses = network_uses(networks)
    problem = accelerator_problem(
        uses,
        least=least,
        limits=limits,
        worst=worst,
        accelerators=accelerators,
        cost_model=cost_model,
        cache_dir=cache_dir,
        progress=progress,
    )
    # The accuracy of given networks does not matter: an error of 0 leaves the cost alone in the objective.
    evaluation = problem.evaluate_networks(np.zeros((1, 1), dtype=np.int64), accuracies=np.ones(1))[0]
    order = np.lexsort((evaluation.cost.edap_js_mm2, evaluation.objective, evaluation.violation))
    return HardwareAnswer(problem, uses, evaluation, order)
