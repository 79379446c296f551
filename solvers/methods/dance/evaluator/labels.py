"""Exact labels for the evaluator, from the cost table: expected costs, and the best accelerator."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from dance_env.cost.cost import Cost
from dance_env.cost.relaxed_table import RelaxedCosts
from dance_env.objective import Objective

if TYPE_CHECKING:  # not imported: what a problem holds is in the evaluator's key by value, not by code
    from dance_env.problem import Problem

UNMAPPABLE_FACTOR = 10.0

_TIE = 1e-9
"""Costs, and ratios of costs to limits, that differ by no more than this share are equal: sums round at 1e-15,
and the same accelerator has to come out however the networks are batched."""

_CHUNK = 32  # networks labeled at once: their costs on all accelerators then fit in a core's cache


@dataclass(frozen=True, eq=False)
class LabelTable:
    """A cost table as tensors, for distributions over networks.

    The expected cost of a distribution on an accelerator is the probability-weighted sum of the table's rows.

    Attributes:
        costs: expected costs under probabilities, every value finite.
        objective: whose cost function and hardware limits say which accelerator is best.
    """

    costs: RelaxedCosts
    objective: Objective

    @classmethod
    def of(
        cls, problem: Problem, *, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float64
    ) -> LabelTable:
        """Return the table of a problem.

        A layer that cannot be mapped costs infinitely much, and a mean over it cannot be learned: it is taken to
        cost `UNMAPPABLE_FACTOR` times the most that any option does. Only labels are so; evaluations stay exact.
        """
        finite = problem.costs.replace_unmappable(UNMAPPABLE_FACTOR)
        # A limit on the error is left out: the error is not known here, and it is the same on all accelerators.
        limits = tuple(limit for limit in problem.objective.constraints if limit.metric != "error_pct")
        return cls(
            costs=finite.relax(device=device, dtype=dtype),
            objective=replace(problem.objective, constraints=limits),
        )

    def on_all_hardware(self, network_probs: torch.Tensor) -> Cost:
        """Return the expected cost of each row (B, O_net) on each accelerator: leaves (B, H), (B, H), (1, H)."""
        return self.costs(network_probs)

    def on(self, network_probs: torch.Tensor, hardware: torch.Tensor) -> Cost:
        """Return the expected cost of each row (B, O_net) on one accelerator each, by index (B,): leaves (B,)."""
        return self.costs.at(network_probs, hardware)

    def best_hardware(self, network_probs: torch.Tensor, *, margin: float = 0.0) -> torch.Tensor:
        """Return the index (B,) of the best accelerator: least violation of its limits, then least cost, then lowest index.

        Violations and costs that are equal within rounding count as equal.

        Args:
            network_probs: (B, O_net).
            margin: share by which the limits are tightened, for networks that some accelerator can serve within the
                tightened limits.
        """
        return torch.cat([self._best(rows, margin) for rows in network_probs.split(_CHUNK)])

    def _best(self, network_probs: torch.Tensor, margin: float) -> torch.Tensor:
        cost = self.on_all_hardware(network_probs)
        value = self.objective.cost_function(cost)
        if self.objective.constraints:
            violation = self._violation(cost, margin)
            least = violation.min(dim=1, keepdim=True).values
            # A violation is a ratio less one: it is the ratio that rounds.
            value = value.masked_fill(violation > least + _TIE * (1.0 + least), torch.inf)
        least = value.min(dim=1, keepdim=True).values
        # `argmax` gives the first of equal numbers; it does not take booleans.
        return (value <= least + _TIE * least.abs()).to(torch.uint8).argmax(dim=1)

    def _violation(self, cost: Cost, margin: float) -> torch.Tensor:
        zero = torch.zeros((), device=cost.latency_s.device, dtype=cost.latency_s.dtype)
        violation = self.objective.violation(zero, cost)
        if not margin:
            return violation
        limits = tuple(replace(limit, limit=limit.limit * (1.0 - margin)) for limit in self.objective.constraints)
        tightened = replace(self.objective, constraints=limits).violation(zero, cost)
        servable = tightened.min(dim=1, keepdim=True).values <= _TIE
        return torch.where(servable, tightened, violation)
