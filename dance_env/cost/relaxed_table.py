"""The expected cost of networks, differentiable. Importing this module imports torch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from dance_env.cost.cost import Cost, weighted_cost
from dance_env.space import FactorSum
from dance_env.space.factors_torch import RelaxedFactorSum


class RelaxedCosts:
    """The exact expectation of latency and energy where a network's choices are drawn independently.

    Attributes:
        area_mm2: `(H,)`, the accelerators' area.
    """

    def __init__(
        self,
        latency_s: FactorSum,
        energy_j: FactorSum,
        area_mm2: np.ndarray,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype | None = None,
    ) -> None:
        """Copy the tables to `device`; see `CostTable.relax`."""
        self._latency_s = RelaxedFactorSum(latency_s, device=device, dtype=dtype)
        self._energy_j = RelaxedFactorSum(energy_j, device=device, dtype=dtype)
        self.area_mm2 = torch.tensor(area_mm2, device=device, dtype=dtype or torch.float64)

    def __call__(self, network_probs: torch.Tensor) -> Cost:
        """Return the expected cost on each accelerator: latency and energy `(B, H)`, area `(1, H)`.

        Args:
            network_probs: `(B, O)`: each choice's probabilities, the choices side by side.
        """
        return Cost(self._latency_s(network_probs), self._energy_j(network_probs), self.area_mm2[None, :])

    def at(self, network_probs: torch.Tensor, hardware: torch.Tensor) -> Cost:
        """Return the expected cost of each row on one accelerator, leaves `(B,)`.

        Args:
            network_probs: `(B, O)`.
            hardware: `(B,)` accelerator indices.
        """
        return Cost(
            self._latency_s.at(network_probs, hardware),
            self._energy_j.at(network_probs, hardware),
            self.area_mm2[hardware],
        )


class RelaxedWorkloadCosts(RelaxedCosts):
    """The same for several workloads: expectations of the weighted sum, and of each workload."""

    def __init__(self, relaxed: Mapping[str, RelaxedCosts], weights: Mapping[str, float]) -> None:
        """Put the expected costs of workloads together.

        Args:
            relaxed: By workload.
            weights: By workload.
        """
        self._relaxed, self._weights = dict(relaxed), dict(weights)
        self.area_mm2 = next(iter(self._relaxed.values())).area_mm2

    def __call__(self, network_probs: torch.Tensor) -> Cost:
        """Return the expected cost on each accelerator; see `RelaxedCosts`."""
        return weighted_cost({name: each(network_probs) for name, each in self._relaxed.items()}, self._weights)

    def at(self, network_probs: torch.Tensor, hardware: torch.Tensor) -> Cost:
        """Return the expected cost of each row on one accelerator; see `RelaxedCosts.at`."""
        costs = {name: each.at(network_probs, hardware) for name, each in self._relaxed.items()}
        return weighted_cost(costs, self._weights)
