"""Accuracy as one number per network of an enumerable space."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class TensorAccuracy:
    """The accuracy of every network of a small space, one axis per choice.

    Attributes:
        tensor: accuracies as fractions, shape (options of choice 1, ..., options of choice N), float64.

    Raises:
        ValueError: NaN, or values outside [0, 1]; the message says how many and where the first stands.
    """

    tensor: np.ndarray

    def __post_init__(self) -> None:
        tensor = np.array(self.tensor, dtype=np.float64, order="C")
        if tensor.ndim == 0 or tensor.size == 0:
            raise ValueError(f"an accuracy tensor needs one axis per network choice; got shape {tensor.shape}")
        bad = ~((tensor >= 0.0) & (tensor <= 1.0))
        if bad.any():
            where = tuple(int(i) for i in np.argwhere(bad)[0])
            raise ValueError(
                f"accuracies must be fractions between 0 and 1; {int(bad.sum())} of {tensor.size} are not, "
                f"the first is {tensor[where]} for network {where}. Divide percentages by 100."
            )
        tensor.setflags(write=False)
        object.__setattr__(self, "tensor", tensor)

    @property
    def option_counts(self) -> tuple[int, ...]:
        """Number of options of each network choice."""
        return self.tensor.shape

    def evaluate(self, networks: np.ndarray) -> np.ndarray:
        """Accuracy (B,) of networks (B, N).

        Raises:
            ValueError: networks of another width, or an option out of range.
        """
        networks = np.asarray(networks)
        if networks.ndim != 2 or networks.shape[1] != self.tensor.ndim:
            raise ValueError(f"networks must have shape (batch, {self.tensor.ndim}); got {networks.shape}")
        return self.tensor.reshape(-1)[np.ravel_multi_index(tuple(networks.T), self.tensor.shape)]

    def fingerprint(self) -> str:
        """SHA-256 over shape and values."""
        digest = hashlib.sha256(repr(self.tensor.shape).encode())
        digest.update(self.tensor.astype("<f8").tobytes())
        return digest.hexdigest()

    def relax(self, *, device: Any = "cpu", dtype: Any = None) -> Callable[[torch.Tensor], torch.Tensor]:
        """Exact expected accuracy under independent probabilities of the choices, differentiable.

        Returns:
            A function from network probabilities (B, O_net), the choices' blocks side by side, to accuracies (B,).
        """
        import torch

        counts = list(self.option_counts)
        tensor = torch.tensor(self.tensor, device=device, dtype=dtype or torch.float64).reshape(counts[0], -1)

        def expected_accuracy(network_probs: torch.Tensor) -> torch.Tensor:
            first, *rest = torch.split(network_probs, counts, dim=1)
            partial = first @ tensor  # (B, product of the remaining option counts)
            for probs in rest:
                partial = torch.bmm(probs.unsqueeze(1), partial.reshape(len(probs), probs.shape[1], -1)).squeeze(1)
            return partial.squeeze(1)

        return expected_accuracy
