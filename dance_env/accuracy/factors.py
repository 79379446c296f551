"""Accuracies that are sums of small tables, each over a few choices."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dance_env.space import FactorSum

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class FactorAccuracy:
    """An accuracy that is a sum of factors: its expectation under independent choices is exact, and so are its bounds.

    Attributes:
        sums: Of width 1: accuracies, fractions.
        error_name: What the error is called (see `NamedError`).

    Raises:
        ValueError: If the sum has another width, or an infinite value.
    """

    sums: FactorSum
    error_name: str = "error"

    def __post_init__(self) -> None:
        if self.sums.width != 1:
            raise ValueError(f"an accuracy is one value for each network; the sum has {self.sums.width}")
        if self.sums.infinite:
            raise ValueError(f"{self.sums.infinite} values of the accuracy's tables are infinite")

    @property
    def option_counts(self) -> tuple[int, ...]:
        """Number of options of each network choice."""
        return self.sums.option_counts

    def factor_sum(self) -> FactorSum:
        """Return the accuracy as a sum of factors."""
        return self.sums

    def evaluate(self, networks: np.ndarray) -> np.ndarray:
        """Return the accuracy `(B,)` of networks `(B, N)`.

        Raises:
            TypeError, ValueError: As `dance_env.space.check_indices`.
        """
        return self.sums.evaluate(self.sums.check(networks))[:, 0]

    def fingerprint(self) -> str:
        """Return a SHA-256 over all tables; the name of the error counts where it is not the usual one."""
        mark = self.sums.fingerprint()
        return mark if self.error_name == "error" else hashlib.sha256(f"{mark} {self.error_name}".encode()).hexdigest()

    def relax(self, *, device: Any = "cpu", dtype: Any = None) -> Callable[[torch.Tensor], torch.Tensor]:
        """Return the exact expected accuracy under independent probabilities of the choices, differentiable.

        Returns:
            A function from network probabilities (B, O_net), the choices' blocks side by side, to accuracies (B,).
        """
        from dance_env.space.factors_torch import RelaxedFactorSum

        relaxed = RelaxedFactorSum(self.sums, device=device, dtype=dtype)
        return lambda network_probs: relaxed(network_probs).squeeze(1)
