"""Accuracies as one training of each network would give them, instead of their expectation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from dance_env.accuracy.model import NoisyAccuracy, RelaxableAccuracy, TimedAccuracy

_DRAWS = 12  # uniform numbers whose sum is nearly normal, with variance 1


@runtime_checkable
class NoisyTrainings(NoisyAccuracy, RelaxableAccuracy, TimedAccuracy, Protocol):
    """Expected accuracies with the noise between trainings, an expectation under probabilities, and training times."""


@dataclass(frozen=True, eq=False)
class OneTraining:
    """The accuracy of one training of each network, drawn with a seed.

    The accuracy is the expected one plus normal noise of the model's standard deviation between trainings, within 0 to 1.
    The noise is a function of seed and network alone: to evaluate a network again is to look up the same training, and
    the answer does not depend on the batch, the order or the machine.

    A search on noisy accuracies finds lucky trainings. Judge what it returns by `expected`.

    Attributes:
        expected: the accuracies without noise.
        seed: of all trainings.

    Raises:
        TypeError: If the model is no `NoisyTrainings`, or the seed is not a whole number.
        ValueError: If the seed is negative or above 2^63 - 1.
    """

    expected: NoisyTrainings
    seed: int

    def __post_init__(self) -> None:
        if not isinstance(self.expected, NoisyTrainings):
            raise TypeError(
                "one training is drawn from an accuracy model with training_noise, training_gpu_hours and relax; got "
                f"{type(self.expected).__name__}"
            )
        if isinstance(self.seed, bool) or not isinstance(self.seed, int | np.integer):
            raise TypeError(f"a noise seed must be a whole number, got {self.seed!r}")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"a noise seed must lie between 0 and 2^63 - 1, got {self.seed}")

    @property
    def training_noise(self) -> float:
        """Standard deviation between trainings, a fraction."""
        return self.expected.training_noise

    def evaluate(self, networks: np.ndarray) -> np.ndarray:
        """Return the accuracy (B,) of one training of each network (B, N); raises as the expected accuracies do."""
        accuracy = self.expected.evaluate(networks)
        noise = self.training_noise * standard_normal(np.asarray(networks), seed=self.seed)
        return np.clip(accuracy + noise, 0.0, 1.0)

    def repeat(self, number: int) -> OneTraining:
        """Return the accuracies of another training of each network; number 0 is this one.

        Raises:
            ValueError: If the number is negative.
        """
        return OneTraining(self.expected, repeated_seed(self.seed, number))

    def fingerprint(self) -> str | None:
        """Return text over the expected accuracies, the noise and the seed; None where the former have none."""
        of_expected = self.expected.fingerprint()
        if of_expected is None:
            return None
        return f"one training of each network, seed {self.seed}, noise {self.training_noise!r}, of {of_expected}"

    def relax(self, *, device: Any = "cpu", dtype: Any = None) -> Any:
        """Return the expectation over networks and over trainings: that of the accuracies without noise (torch)."""
        return self.expected.relax(device=device, dtype=dtype)

    def training_gpu_hours(self, networks: np.ndarray) -> np.ndarray:
        """Return the GPU-hours (B,) of one training of each network (B, N)."""
        return self.expected.training_gpu_hours(networks)


def repeated_seed(seed: int, number: int) -> int:
    """Return the seed of another training of each network; number 0 is the seed itself.

    Raises:
        ValueError: If the number is negative.
    """
    if number < 0:
        raise ValueError(f"trainings are numbered from 0, got {number}")
    if number == 0:
        return seed
    state = _mixed(_mixed(np.array([seed], dtype=np.uint64)) ^ np.uint64(number))
    return int(state[0] >> np.uint64(1))


def standard_normal(networks: np.ndarray, *, seed: int) -> np.ndarray:
    """Return one nearly normal number for each network, `(B,)`, mean 0 and variance 1, at most 6 in magnitude.

    Counter-based: seed and option indices are mixed into one 64-bit state, from which twelve uniform numbers follow. Sums
    of such multiples of 2^-53 are exact to the last bit on every machine, which logarithms and cosines are not.

    Args:
        networks: `(B, N)` whole numbers.
        seed: A whole number from 0 to 2^63 - 1.
    """
    state = standard_words(networks, seed=seed)
    total = np.zeros(len(networks))
    for draw in range(1, _DRAWS + 1):
        total += (_mixed(state + np.uint64(draw)) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return total - _DRAWS / 2


def standard_words(rows: np.ndarray, *, seed: int) -> np.ndarray:
    """Return 64 random bits for each row of whole numbers `(B, N)`, `(B,)` uint64: a function of seed and row alone."""
    state = _mixed(np.full(len(rows), seed, dtype=np.uint64))
    for column in rows.T:
        state = _mixed(state ^ column.astype(np.uint64))
    return state


def _mixed(state: np.ndarray) -> np.ndarray:
    """Return 64-bit words whose bits all depend on all bits of `state` (SplitMix64, Steele et al., OOPSLA 2014)."""
    state = state + np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(state ^ (state >> np.uint64(31)))
