"""What the choice pays for hardware: functions from network probabilities to one differentiable number."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args

import numpy as np
import torch

from dance_env.cost.relaxed_table import RelaxedCosts
from dance_env.cost.table import CostTable
from dance_env.graph import BlockSpace
from dance_env.objective import Objective
from solvers.methods.dance.evaluator import Evaluator, gumbel_noise

HardwareName = Literal["evaluator", "table", "macs", "none"]
HARDWARE_TERMS: tuple[HardwareName, ...] = get_args(HardwareName)
"""What a search can pay for hardware: the learned evaluator's cost, the exact table's, operations, nothing."""


class HardwareTerm(Protocol):
    """A differentiable price of network probabilities."""

    def __call__(self, network_probs: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        """Return the price `()` of `(1, O)` float32 probabilities on the search's device, about 1 for a usual network.

        Args:
            network_probs: Probabilities of the network options.
            generator: Where a term that samples draws from; None asks for the price without noise.
        """
        ...

    def describe(self) -> str:
        """Return what it is and its settings; part of the run's identity."""
        ...


@dataclass(frozen=True)
class NoHardware:
    """The choice knows nothing of hardware: the baseline that DANCE is compared with."""

    def __call__(self, network_probs: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        """Return 0, whatever the probabilities."""
        return (network_probs * 0.0).sum()

    def describe(self) -> str:
        """Return its name."""
        return "none"


@dataclass(frozen=True, eq=False)
class ExpectedMacs:
    """Expected multiply-accumulates relative to a network drawn uniformly: the FLOPs penalty of the other baseline."""

    option_macs: torch.Tensor  # (O,) float64
    fixed_macs: float
    reference: float

    @classmethod
    def of(cls, space: BlockSpace) -> ExpectedMacs:
        """Return the term of a space, from the operations that each option adds."""
        counts = [[sum(layer.macs for layer in layers) for layers in part.layers] for part in space.parts()]
        fixed = float(sum(layer.macs for layer in space.fixed_layers()))
        reference = fixed + sum(sum(block) / len(block) for block in counts)
        return cls(torch.tensor([count for block in counts for count in block], dtype=torch.float64), fixed, reference)

    def __call__(self, network_probs: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        """Return the expected operations over the reference."""
        expected = network_probs.double()[0] @ self.option_macs.to(network_probs.device) + self.fixed_macs
        return expected / self.reference

    def describe(self) -> str:
        """Return name and reference."""
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
    _by_device: dict[str, RelaxedCosts] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ValueError(f"temperature must be positive, got {self.temperature}")
        if not self.costs.mappable.any():
            raise ValueError("no accelerator can run every option of this network space; its cost cannot be relaxed")
        counts = np.array(self.costs.shape[:-1])
        uniform = torch.from_numpy(np.repeat(1.0 / counts, counts))[None]
        object.__setattr__(self, "reference", 1.0)
        object.__setattr__(self, "reference", float(self.on_all(uniform).min()))

    def _expected(self, device: torch.device) -> RelaxedCosts:
        """Return the expected costs on the accelerators that run every option, their tables on this device."""
        if str(device) not in self._by_device:
            self._by_device[str(device)] = self.costs.relax(device=device, hardware=self.costs.mappable)
        return self._by_device[str(device)]

    def on_all(self, network_probs: torch.Tensor) -> torch.Tensor:
        """Return the cost of each mappable accelerator, float64, relative to the reference, of `(1, O)` probabilities."""
        expected = self._expected(network_probs.device)(network_probs.double())
        values: torch.Tensor = self.objective.cost_function(expected)[0]
        return values / self.reference

    def __call__(self, network_probs: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        """Return the soft minimum over accelerators."""
        values = self.on_all(network_probs)
        least = values.detach().min()
        weights = (-(values - least) / (self.temperature * least)).softmax(0)
        return (weights * values).sum()

    def describe(self) -> str:
        """Return cost function, temperature and reference; the table itself is part of the problem's identity."""
        return f"table: {self.objective.cost_function!r}, temperature {self.temperature!r}, / {self.reference!r}"


@dataclass(frozen=True, eq=False)
class EvaluatorCost:
    """The objective's cost function as the learned evaluator predicts it, as in the paper.

    The accelerator is sampled from the generator by a Gumbel softmax and forwarded as a one-hot with the soft gradient
    (straight through).

    Attributes:
        evaluator: Trained and frozen.
        objective: Whose cost function joins latency, energy and area.
        network_options: Options of each network choice.
        gumbel: Whether accelerators are sampled with Gumbel noise; if not, the most probable one is forwarded.
        temperature: Of the softmax over accelerators.
        reference: What counts as 1: the prediction for uniform probabilities without noise.
    """

    evaluator: Evaluator
    objective: Objective
    network_options: tuple[int, ...]
    gumbel: bool = True
    temperature: float = 1.0
    reference: float = field(init=False)

    def __post_init__(self) -> None:
        uniform = torch.cat([torch.full((count,), 1.0 / count) for count in self.network_options])[None]
        device = next(self.evaluator.parameters()).device
        object.__setattr__(self, "reference", 1.0)
        with torch.no_grad():
            object.__setattr__(self, "reference", float(self(uniform.to(device))))

    def __call__(self, network_probs: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        """Return the predicted price on the generated accelerator."""
        noise = None
        if self.gumbel and generator is not None:
            options = sum(self.evaluator.hardware_counts)
            noise = gumbel_noise((len(network_probs), options), generator).to(network_probs.device)
        cost, _ = self.evaluator(network_probs, temperature=self.temperature, noise=noise)
        price: torch.Tensor = self.objective.cost_function(cost)
        return price[0] / self.reference

    def describe(self) -> str:
        """Return cost function, sampling, temperature and a digest of the evaluator's weights."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.evaluator.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return (
            f"evaluator: {self.objective.cost_function!r}, gumbel {self.gumbel}, temperature {self.temperature!r}, "
            f"weights {digest.hexdigest()[:16]}, / {self.reference!r}"
        )
