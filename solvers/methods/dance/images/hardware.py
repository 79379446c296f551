"""What the search pays for hardware: functions from network probabilities to one differentiable number."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch

from dance_env.cost.cost import Cost
from dance_env.cost.table import CostTable
from dance_env.graph import BlockSpace
from dance_env.objective import Objective
from solvers.methods.dance.evaluator import Evaluator


class HardwareTerm(Protocol):
    """A differentiable price of network probabilities.

    Anything of this form can be plugged into the search: the exact table, a learned evaluator, a count of operations.
    """

    def __call__(self, network_probs: torch.Tensor) -> torch.Tensor:
        """`(1, O)` probabilities, float32, on the search's device -> `()`, the price, about 1 for a usual network."""
        ...

    def describe(self) -> str:
        """What it is and its settings; part of the run's identity."""
        ...


@dataclass(frozen=True)
class NoHardware:
    """The search knows nothing of hardware: the baseline that DANCE is compared with."""

    def __call__(self, network_probs: torch.Tensor) -> torch.Tensor:
        """0, whatever the probabilities."""
        return (network_probs * 0.0).sum()

    def describe(self) -> str:
        """Name."""
        return "none"


@dataclass(frozen=True, eq=False)
class ExpectedMacs:
    """Expected multiply-accumulates relative to a network drawn uniformly: the FLOPs penalty of the other baseline."""

    option_macs: torch.Tensor  # (O,) float64
    fixed_macs: float
    reference: float

    @classmethod
    def of(cls, space: BlockSpace) -> ExpectedMacs:
        """Count what each option of the space adds."""
        counts = [[sum(layer.macs for layer in layers) for layers in part.layers] for part in space.parts()]
        fixed = float(sum(layer.macs for layer in space.fixed_layers()))
        reference = fixed + sum(sum(block) / len(block) for block in counts)
        return cls(torch.tensor([count for block in counts for count in block], dtype=torch.float64), fixed, reference)

    def __call__(self, network_probs: torch.Tensor) -> torch.Tensor:
        """Expected operations over the reference."""
        expected = network_probs.double()[0] @ self.option_macs.to(network_probs.device) + self.fixed_macs
        return expected / self.reference

    def describe(self) -> str:
        """Name and reference."""
        return f"macs / {self.reference!r}"


@dataclass(frozen=True, eq=False)
class TableCost:
    """The objective's cost function at the best accelerator, from the exact table: a soft minimum over all of them.

    The cost of each accelerator is the cost function at the expected latency and energy of the probabilities. Those on
    which some option has no mapping are left out. `temperature` is relative to the least cost: an accelerator that
    costs `temperature` more than the best counts 1/e as much. Towards 0 this is the exact minimum.

    Attributes:
        objective: whose cost function prices the accelerators; its weight and limits play no part here.
        costs: the table.
        temperature: of the soft minimum.
        reference: what counts as 1; the best accelerator's cost for uniform probabilities.
    """

    objective: Objective
    costs: CostTable
    temperature: float = 0.02
    reference: float = field(init=False)
    _tables: Cost = field(init=False, repr=False)
    _fixed: Cost = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ValueError(f"temperature must be positive, got {self.temperature}")
        costs = self.costs
        mappable = np.isfinite(costs.option_latency_s).all(axis=0) & np.isfinite(costs.fixed_latency_s)
        if not mappable.any():
            raise ValueError("no accelerator can run every option of this network space; its cost cannot be relaxed")

        def column(values: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(np.ascontiguousarray(values[..., mappable], np.float64))

        area = column(costs.area_mm2)
        object.__setattr__(self, "_tables", Cost(column(costs.option_latency_s), column(costs.option_energy_j), area))
        object.__setattr__(self, "_fixed", Cost(column(costs.fixed_latency_s), column(costs.fixed_energy_j), area))
        blocks = np.diff([*costs.offsets, costs.option_latency_s.shape[0]])
        uniform = torch.from_numpy(np.repeat(1.0 / blocks, blocks))[None]
        object.__setattr__(self, "reference", 1.0)
        object.__setattr__(self, "reference", float(self.on_all(uniform).min()))

    def on_all(self, network_probs: torch.Tensor) -> torch.Tensor:
        """`(1, O)` -> `(mappable accelerators,)` float64: the cost of each, relative to the reference."""
        device = network_probs.device
        probs = network_probs.double()[0]
        expected = Cost(
            probs @ self._tables.latency_s.to(device) + self._fixed.latency_s.to(device),
            probs @ self._tables.energy_j.to(device) + self._fixed.energy_j.to(device),
            self._fixed.area_mm2.to(device),
        )
        values: torch.Tensor = self.objective.cost_function(expected)
        return values / self.reference

    def __call__(self, network_probs: torch.Tensor) -> torch.Tensor:
        """The soft minimum over accelerators."""
        values = self.on_all(network_probs)
        least = values.detach().min()
        weights = (-(values - least) / (self.temperature * least)).softmax(0)
        return (weights * values).sum()

    def describe(self) -> str:
        """Cost function, temperature and reference."""
        return f"table: {self.objective.cost_function!r}, temperature {self.temperature!r}, / {self.reference!r}"


@dataclass(frozen=True, eq=False)
class EvaluatorCost:
    """The objective's cost function as the learned evaluator predicts it: DANCE as published.

    The generator's accelerator is forwarded as a one-hot with the soft gradient (straight through).

    Attributes:
        evaluator: trained and frozen; see `solvers.methods.dance.store.load_or_train`.
        objective: whose cost function joins latency, energy and area.
        network_options: options of each network choice.
        temperature: of the softmax over accelerators in the backward pass.
        reference: what counts as 1; the prediction for uniform probabilities.
    """

    evaluator: Evaluator
    objective: Objective
    network_options: tuple[int, ...]
    temperature: float = 1.0
    reference: float = field(init=False)

    def __post_init__(self) -> None:
        uniform = torch.cat([torch.full((count,), 1.0 / count) for count in self.network_options])[None]
        device = next(self.evaluator.parameters()).device
        object.__setattr__(self, "reference", 1.0)
        with torch.no_grad():
            object.__setattr__(self, "reference", float(self(uniform.to(device))))

    def __call__(self, network_probs: torch.Tensor) -> torch.Tensor:
        """The predicted price on the generated accelerator."""
        cost, _ = self.evaluator(network_probs, temperature=self.temperature)
        price: torch.Tensor = self.objective.cost_function(cost)
        return price[0] / self.reference

    def describe(self) -> str:
        """Cost function, temperature and a digest of the evaluator's weights."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.evaluator.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return (
            f"evaluator: {self.objective.cost_function!r}, temperature {self.temperature!r}, "
            f"weights {digest.hexdigest()[:16]}, / {self.reference!r}"
        )
