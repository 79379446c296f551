"""Exact costs of all networks on the accelerators that can be best, from a few cost queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from dance_env.cost.cost import Cost
from dance_env.graph import is_additive
from solvers.contract.metered_problem import MeteredProblem
from solvers.methods.gradient.options import network_option_counts


@dataclass(frozen=True, eq=False)
class AcceleratorCosts:
    """Costs of networks, or of distributions over them, on H accelerators; they add up over the network's choices.

    The columns are the costs of one network, the base, and the difference that each option makes in place of the base's
    own. NumPy arrays or torch tensors.

    Attributes:
        hardware: index of each accelerator (H,), NumPy.
        base_latency_s, base_energy_j: of the base network (H,).
        option_latency_s, option_energy_j: of each option (O_net, H), minus the base's option of that choice.
        area_mm2: (H,).
    """

    hardware: np.ndarray
    base_latency_s: Any
    base_energy_j: Any
    option_latency_s: Any
    option_energy_j: Any
    area_mm2: Any

    @classmethod
    def query(cls, problem: MeteredProblem) -> AcceleratorCosts:
        """Query the base network, and the base with each other option, on all accelerators.

        This determines the cost of every network. It is billed as that many networks times all accelerators.

        Raises:
            ValueError: If the network space has layers that depend on several choices.
        """
        if not is_additive(problem.network_space):
            raise ValueError(
                f"{problem.name!r} has layers that depend on several choices, so that costs are no sums over choices"
            )
        counts = network_option_counts(problem)
        offsets = np.cumsum(counts) - np.asarray(counts)
        networks = np.zeros((sum(counts), len(counts)), dtype=np.int64)
        for choice, (offset, count) in enumerate(zip(offsets, counts, strict=True)):
            networks[offset : offset + count, choice] = np.arange(count)
        kept = np.setdiff1d(np.arange(len(networks)), offsets[1:])  # the base itself once, not once for each choice
        cost = problem.costs.on_all_hardware(networks[kept])
        option_latency, option_energy = np.zeros((2, len(networks), cost.latency_s.shape[1]))
        option_latency[kept] = cost.latency_s - cost.latency_s[:1]
        option_energy[kept] = cost.energy_j - cost.energy_j[:1]
        return cls(
            hardware=np.arange(problem.accelerator_space.size),
            base_latency_s=cost.latency_s[0],
            base_energy_j=cost.energy_j[0],
            option_latency_s=option_latency,
            option_energy_j=option_energy,
            area_mm2=np.asarray(problem.costs.area_mm2),
        )

    def on(self, network_probs: Any) -> Cost:
        """Return the expected cost of networks (B, O_net) on each accelerator: latency and energy (B, H), area (1, H)."""
        return Cost(
            self.base_latency_s + network_probs @ self.option_latency_s,
            self.base_energy_j + network_probs @ self.option_energy_j,
            self.area_mm2[None, :],
        )

    def undominated(self, option_counts: tuple[int, ...]) -> AcceleratorCosts:
        """Return the accelerators that no other one equals or beats in latency, energy and area for every network.

        They include the best accelerator of every network for any cost function that rises with all three, under upper
        limits as well.
        """
        starts = np.cumsum(option_counts) - np.asarray(option_counts)
        metrics = ((self.base_latency_s, self.option_latency_s), (self.base_energy_j, self.option_energy_j))
        typical = [base + options.sum(axis=0) / max(option_counts) for base, options in metrics]
        left = np.argsort(np.log(typical[0]) + np.log(typical[1]) + np.log(self.area_mm2), kind="stable")
        kept: list[int] = []
        while len(left):
            first, left = left[0], left[1:]
            kept.append(int(first))
            worse = left[self.area_mm2[left] >= self.area_mm2[first]]
            for base, _ in metrics:  # one network first: cheap, and it excludes most
                worse = worse[base[worse] >= base[first]]
            for base, options in metrics:
                # The least difference over all networks is a sum of minima over the choices.
                least = np.minimum.reduceat(options[:, worse] - options[:, [first]], starts, axis=0).sum(axis=0)
                worse = worse[base[worse] - base[first] + least >= 0]
            left = left[~np.isin(left, worse, assume_unique=True)]
        return self._at(np.sort(np.array(kept)))

    def tensors(self, *, device: str) -> AcceleratorCosts:
        """Return the same costs as float64 tensors."""
        columns = {name: torch.tensor(getattr(self, name), device=device) for name in _COLUMNS}
        return AcceleratorCosts(self.hardware, **columns)

    def _at(self, rows: np.ndarray) -> AcceleratorCosts:
        columns = {name: np.ascontiguousarray(getattr(self, name)[..., rows]) for name in _COLUMNS}
        return AcceleratorCosts(self.hardware[rows], **columns)

    def __len__(self) -> int:
        return len(self.hardware)


_COLUMNS = ("base_latency_s", "base_energy_j", "option_latency_s", "option_energy_j", "area_mm2")
