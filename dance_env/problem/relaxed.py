"""The differentiable view of a problem (torch)."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from dance_env.accuracy import AccuracyModel, RelaxableAccuracy
from dance_env.cost import Cost, CostTable
from dance_env.device import usable_device
from dance_env.objective import Objective
from dance_env.problem.probabilities import checked_probabilities
from dance_env.space import DesignSpace

DTYPES = {"float64": torch.float64, "float32": torch.float32}


@dataclass(frozen=True, eq=False)
class RelaxedEvaluation:
    """Expectations over the designs that probabilities describe; every leaf a tensor (B,), differentiable.

    Attributes:
        cost: expected latency (s), energy (J) and area (mm2).
        accuracy: expected accuracy, fraction.
        objective: expected error plus weight x expected cost function.
        violation: expected violation.
    """

    cost: Cost
    accuracy: torch.Tensor
    objective: torch.Tensor
    violation: torch.Tensor

    @property
    def error_pct(self) -> torch.Tensor:
        """Expected classification error in percentage points."""
        return 100.0 * (1.0 - self.accuracy)


class RelaxedProblem:
    """Expected cost and accuracy of a problem under independent probabilities of its choices.

    Costs are averaged, never dimensions. Latency and energy are sums over layers, so their expectation on each
    accelerator is exact; the cost function and the limits are then applied to each accelerator's expected cost and
    averaged over the accelerators. With a linear cost function the objective is the exact expectation; with EDAP the
    product of energy and latency is taken of their expectations over networks. At one-hot probabilities all equals
    `Problem.evaluate`.

    Shapes: B rows, O_net network options, O_hw hardware options (the choices' blocks side by side), H accelerators.

    Attributes:
        name: The problem's name.
        objective: What is minimized.
        device: Where the tensors live.
        dtype: Their precision.
    """

    def __init__(
        self,
        name: str,
        *,
        space: DesignSpace,
        costs: CostTable,
        accuracy: AccuracyModel | None,
        objective: Objective,
        device: str = "cpu",
        dtype: str = "float64",
    ) -> None:
        """Copy a problem's tables to `device`; `Problem.relax` calls this with its own parts.

        Raises:
            TypeError: If the accuracy model has no `relax`.
            ValueError: If the dtype is unknown, the device cannot be used, or a layer cannot be mapped on some
                accelerator (0 x inf has no meaning).
        """
        if dtype not in DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(DTYPES)}; got {dtype!r}")
        if accuracy is None:
            raise TypeError(
                f"problem {name!r} has no accuracy model (accuracy=None), so that there is nothing to relax"
            )
        if not isinstance(accuracy, RelaxableAccuracy):
            raise TypeError(
                f"the accuracy model {type(accuracy).__name__} of problem {name!r} has no `relax`, so "
                "that expected accuracy is unknown; use a TensorAccuracy, or a solver that needs no gradients"
            )
        if costs.unmappable_pairs:
            raise ValueError(
                f"problem {name!r} cannot be relaxed: {costs.unmappable_pairs} (option, accelerator) pairs have no "
                "mapping and an expectation over them is infinite; leave those accelerators out of the accelerator space"
            )
        usable_device(device)
        self.name = name
        self.objective = objective
        self.device = device
        self.dtype = DTYPES[dtype]
        self._costs = costs.relax(device=device, dtype=self.dtype)
        self._accuracy = accuracy.relax(device=device, dtype=self.dtype)
        self._network_counts = [int(count) for count in space.option_counts[space.network]]
        self._hardware_counts = [int(count) for count in space.option_counts[space.hardware]]

    def __call__(self, network_probs: torch.Tensor, hardware_probs: torch.Tensor) -> RelaxedEvaluation:
        """Expectations under network probabilities (B, O_net) and hardware probabilities (B, O_hw)."""
        joint = self.joint(hardware_probs)
        if len(network_probs) != len(joint):
            raise ValueError(
                f"as many rows of network as of hardware probabilities; got {len(network_probs)} and {len(joint)}"
            )
        on_each = self.on_all_hardware(network_probs)
        accuracy = self.accuracy(network_probs)
        error_pct = 100.0 * (1.0 - accuracy)
        objective = self.objective

        def mean(values: torch.Tensor) -> torch.Tensor:
            return (joint * values).sum(dim=1)

        cost_value = mean(objective.cost_function(on_each)) if objective.weight else 0.0
        return RelaxedEvaluation(
            cost=on_each.map(mean),
            accuracy=accuracy,
            objective=objective.join(error_pct, cost_value),
            violation=mean(objective.violation(error_pct[:, None], on_each)),
        )

    def accuracy(self, network_probs: torch.Tensor) -> torch.Tensor:
        """Expected accuracy (B,), a fraction, under network probabilities (B, O_net)."""
        return self._accuracy(self._check(network_probs, "network_probs", self._network_counts))

    def on_all_hardware(self, network_probs: torch.Tensor) -> Cost:
        """Expected cost on each accelerator: latency (B, H), energy (B, H), area (1, H)."""
        return self._costs(self._check(network_probs, "network_probs", self._network_counts))

    def on_each_accelerator(self, network_probs: torch.Tensor) -> tuple[torch.Tensor, Cost]:
        """`accuracy` (B,) and `on_all_hardware` in one question: what `Problem.evaluate_networks` is to networks."""
        return self.accuracy(network_probs), self.on_all_hardware(network_probs)

    def joint(self, hardware_probs: torch.Tensor) -> torch.Tensor:
        """Probability of each accelerator, (B, H), from those of the hardware choices' options (B, O_hw)."""
        probs = self._check(hardware_probs, "hardware_probs", self._hardware_counts)
        joint = torch.ones((len(probs), 1), device=probs.device, dtype=probs.dtype)
        for block in torch.split(probs, self._hardware_counts, dim=1):
            joint = (joint[:, :, None] * block[:, None, :]).flatten(1)  # C order: the first choice is the slowest
        return joint

    def _check(self, probs: torch.Tensor, name: str, counts: list[int]) -> torch.Tensor:
        return checked_probabilities(probs, counts, dtype=self.dtype, name=name)
