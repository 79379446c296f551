"""The contract of an accuracy model."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np

from dance_env.space import FactorSum


@runtime_checkable
class AccuracyModel(Protocol):
    """What an accuracy model is.

    It is asked from one thread at a time, so an implementation may keep state (a network in evaluation mode, a
    cache) without locks. Its answers are checked: shape, finite, between 0 and 1.
    """

    def evaluate(self, networks: np.ndarray) -> np.ndarray:
        """Return the accuracy (B,), a fraction in [0, 1], of networks (B, N) given as option indices.

        The accuracy of a network must not depend on the batch that it comes in.
        """
        ...

    def fingerprint(self) -> str | None:
        """Return text that differs wherever the accuracies do, the same in every process.

        None where there is no such text; nothing that depends on the accuracies is then cached, and records are not
        reused.
        """
        ...


@runtime_checkable
class NamedError(AccuracyModel, Protocol):
    """An accuracy model whose error is no share of mistakes, such as a language model's perplexity.

    The error of a problem is 100 x (1 - accuracy), a percentage. Here it is what the name says, without a unit: accuracy =
    1 - perplexity / 100. Tables, plots and pictures use the name.
    """

    @property
    def error_name(self) -> str:
        """What the error is called, such as "perplexity"."""
        ...


@runtime_checkable
class RelaxableAccuracy(AccuracyModel, Protocol):
    """An accuracy model that also knows the expected accuracy under probabilities (torch)."""

    def relax(self, *, device: Any = "cpu", dtype: Any = None) -> Any:
        """Return a differentiable function of network probabilities (B, O_net), one block per choice, to (B,) accuracies."""
        ...


@runtime_checkable
class FactoredAccuracy(AccuracyModel, Protocol):
    """An accuracy model that is a sum of factors: its expectation is exact, and its best network can be proved."""

    def factor_sum(self) -> FactorSum:
        """Return the accuracy, a fraction, as a sum of factors of width 1."""
        ...


@runtime_checkable
class NoisyAccuracy(AccuracyModel, Protocol):
    """An accuracy model that answers expected accuracies, and knows how far single trainings spread around them."""

    @property
    def training_noise(self) -> float:
        """Standard deviation between trainings of one network, a fraction."""
        ...


@runtime_checkable
class RepeatableAccuracy(NoisyAccuracy, Protocol):
    """An accuracy model of one training of each network, which also knows what other trainings would have given."""

    def repeat(self, number: int) -> AccuracyModel:
        """Return the model of the training of a number: 0 is this one, every further one is independent of the others."""
        ...


@runtime_checkable
class DrawnAccuracy(AccuracyModel, Protocol):
    """An accuracy model whose answers are drawn, such as those of one training, and which knows what they spread around.

    A search on drawn accuracies finds lucky draws. What it reports is judged by `expected`.
    """

    @property
    def expected(self) -> AccuracyModel:
        """The accuracies without noise."""
        ...


@runtime_checkable
class FidelityAccuracy(AccuracyModel, Protocol):
    """An accuracy model of one training schedule that also knows the accuracies of others."""

    @property
    def fidelities(self) -> tuple[str, ...]:
        """The names of the schedules, the cheapest first."""
        ...

    def at_fidelity(self, name: str) -> AccuracyModel:
        """Return the model of another schedule; ValueError, with the names, if there is none of this name."""
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


@runtime_checkable
class TimedAccuracy(AccuracyModel, Protocol):
    """An accuracy model that also knows how long each network's training takes."""

    def training_gpu_hours(self, networks: np.ndarray) -> np.ndarray:
        """Return the GPU-hours (B,) of one training of each network (B, N), on the machine that the model states."""
        ...
