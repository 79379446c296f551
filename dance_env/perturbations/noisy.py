"""Accuracies with noise between trainings, on any task."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dance_env.accuracy import AccuracyModel, NamedError, RelaxableAccuracy
from dance_env.accuracy.one_training import repeated_seed, standard_normal
from dance_env.graph import NetworkSpace, canonical_networks


@dataclass(frozen=True, eq=False)
class NoisyEvaluations:
    """Accuracies plus normal noise, within 0 to 1: a function of seed and network alone.

    As `OneTraining`, for accuracies that state no noise of their own. Designs that are the same network are one training.

    Attributes:
        expected: The accuracies without noise.
        training_noise: Standard deviation, a fraction.
        seed: Of the noise.
        network_space: Says which designs are the same network.
    """

    expected: AccuracyModel
    training_noise: float
    seed: int
    network_space: NetworkSpace

    @property
    def error_name(self) -> str:
        """What the error is called (see `NamedError`)."""
        return self.expected.error_name if isinstance(self.expected, NamedError) else "error"

    def evaluate(self, networks: np.ndarray) -> np.ndarray:
        """Return the noisy accuracy (B,) of networks (B, N)."""
        noise = standard_normal(canonical_networks(self.network_space, networks), seed=self.seed)
        return np.clip(self.expected.evaluate(networks) + self.training_noise * noise, 0.0, 1.0)

    def repeat(self, number: int) -> NoisyEvaluations:
        """Return the accuracies of another training of each network; number 0 is this one.

        Raises:
            ValueError: If the number is negative.
        """
        return replace(self, seed=repeated_seed(self.seed, number))

    def fingerprint(self) -> str | None:
        """Return text over the accuracies, the noise and the seed; None where the former have none."""
        mark = self.expected.fingerprint()
        return None if mark is None else f"noise {self.training_noise!r}, seed {self.seed}, on {mark}"


@dataclass(frozen=True, eq=False)
class RelaxableNoisyEvaluations(NoisyEvaluations):
    """The same where the accuracies know their expectation."""

    def relax(self, *, device: Any = "cpu", dtype: Any = None) -> Any:
        """Return the expectation over networks and over trainings: that of the accuracies without noise (torch)."""
        assert isinstance(self.expected, RelaxableAccuracy)
        return self.expected.relax(device=device, dtype=dtype)


def noisy(accuracy: AccuracyModel, noise: float, *, seed: int, network_space: NetworkSpace) -> NoisyEvaluations:
    """Return accuracies with noise of this standard deviation, a fraction."""
    kind = RelaxableNoisyEvaluations if isinstance(accuracy, RelaxableAccuracy) else NoisyEvaluations
    return kind(accuracy, noise, seed, network_space)
