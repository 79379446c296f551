"""The accelerators that can be best for some network, and what they cost: read once, for all of a search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dance_env.cost.cost import Cost
from solvers.methods.dance.options import network_option_counts

if TYPE_CHECKING:
    from solvers.contract.metered_problem import MeteredProblem


@dataclass(frozen=True, eq=False)
class AcceleratorCosts:
    """Costs of networks, mixed or not, on H accelerators; they add up over the network's choices.

    The columns are those of one network, the base, and what each option adds to it in place of the base's own. Arrays of
    numpy or of torch.

    Attributes:
        hardware: index of each accelerator (H,), numpy.
        base_latency_s, base_energy_j: of the base network (H,).
        option_latency_s, option_energy_j: of each option (O_net, H), less the base's option of that choice.
        area_mm2: (H,).
    """

    hardware: np.ndarray
    base_latency_s: Any
    base_energy_j: Any
    option_latency_s: Any
    option_energy_j: Any
    area_mm2: Any

    @classmethod
    def ask(cls, problem: MeteredProblem) -> AcceleratorCosts:
        """Cost the base network, and the base with each other option in turn, on all accelerators.

        That settles the cost of every network. It is billed as so many networks times all accelerators.
        """
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
        """Expected cost of networks (B, O_net) on each accelerator: latency and energy (B, H), area (1, H)."""
        return Cost(
            self.base_latency_s + network_probs @ self.option_latency_s,
            self.base_energy_j + network_probs @ self.option_energy_j,
            self.area_mm2[None, :],
        )

    def undominated(self, option_counts: tuple[int, ...]) -> AcceleratorCosts:
        """Those accelerators that no other one equals or beats in latency, energy and area for every network alike.

        The least of any cost function that rises with all three is among them, under upper limits too.
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
            for base, _ in metrics:  # a network that is looked at anyway: cheap, and rules most out
                worse = worse[base[worse] >= base[first]]
            for base, options in metrics:
                # Less the candidate's own cost, least over all networks, which is a sum of minima over the choices.
                least = np.minimum.reduceat(options[:, worse] - options[:, [first]], starts, axis=0).sum(axis=0)
                worse = worse[base[worse] - base[first] + least >= 0]
            left = left[~np.isin(left, worse, assume_unique=True)]
        return self._at(np.sort(np.array(kept)))

    def tensors(self, *, device: str) -> AcceleratorCosts:
        """The same as float64 tensors of torch."""
        import torch

        columns = {name: torch.tensor(getattr(self, name), device=device) for name in _COLUMNS}
        return AcceleratorCosts(self.hardware, **columns)

    def _at(self, rows: np.ndarray) -> AcceleratorCosts:
        columns = {name: np.ascontiguousarray(getattr(self, name)[..., rows]) for name in _COLUMNS}
        return AcceleratorCosts(self.hardware[rows], **columns)

    def __len__(self) -> int:
        return len(self.hardware)


_COLUMNS = ("base_latency_s", "base_energy_j", "option_latency_s", "option_energy_j", "area_mm2")
