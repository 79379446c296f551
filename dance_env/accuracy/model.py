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


@runtime_checkable
class SampledAccuracy(AccuracyModel, Protocol):
    """An accuracy model whose gradient can be sampled: its networks can be trained together, as one supernet.

    The model holds no training code. It says what can be trained; a solver trains, and differentiates the cross-entropy
    of sampled networks.
    """

    def trainable(self) -> Any:
        """Return what to train, a `dance_env.accuracy.supernet.trainable.TrainableSupernet` (torch)."""
        ...


@runtime_checkable
class TrainedLater(SampledAccuracy, Protocol):
    """A sampled accuracy that cannot evaluate networks until a solver has trained a supernet."""

    def trained(self, supernet: Any) -> AccuracyModel:
        """Return the accuracy model that judges by a trained supernet."""
        ...
