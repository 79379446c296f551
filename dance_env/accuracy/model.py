"""The contract of an accuracy model."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class AccuracyModel(Protocol):
    """Says how accurate a network is."""

    def evaluate(self, networks: np.ndarray) -> np.ndarray:
        """Accuracy, a fraction in [0, 1], shape (B,), of networks (B, N) given as option indices."""
        ...

    def fingerprint(self) -> str:
        """A hex digest of all that the accuracies depend on, the same in every process."""
        ...


@runtime_checkable
class RelaxableAccuracy(AccuracyModel, Protocol):
    """An accuracy model that also knows the expected accuracy under probabilities (torch)."""

    def relax(self, *, device: Any = "cpu", dtype: Any = None) -> Any:
        """A differentiable function of network probabilities (B, O_net), one block per choice, to (B,) accuracies."""
        ...
