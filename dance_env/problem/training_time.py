"""What a training costs in GPU-hours: of a network, and of a supernet that holds all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from dance_env.graph import NetworkSpace

SUPERNET_TRAININGS = 4.0
"""The default price of a supernet, in trainings of the largest network: an assumption, not a measurement.

Published weight-sharing searches on ImageNet report, as search over training of one network in GPU-hours (Cai et al.,
"Once-for-All", ICLR 2020, table 2): FBNet 216/360, ProxylessNAS 200/300, Single-Path NAS 288/384, and for a supernet
whose gradients and rankings hold over a whole space once-for-all 1,200 against 180 for MobileNetV3. That is 0.6 to 6.7.
"""

_NETWORKS_SAMPLED = 1024
_LOCAL_ROUNDS = 100


@runtime_checkable
class TrainingTime(Protocol):
    """A model of training times, for a problem whose accuracy model has none."""

    def gpu_hours(self, networks: np.ndarray) -> np.ndarray:
        """Return the GPU-hours (B,) of one training of each network (B, N)."""
        ...


@dataclass(frozen=True, eq=False)
class MacsTrainingTime:
    """Training time from multiply-accumulates, at an assumed share of a stated machine's peak.

    One training takes `6 x MACs x images x epochs / (peak x utilization)` seconds: two operations for each
    multiply-accumulate, and a backward pass that costs twice the forward pass.

    Attributes:
        network_space: Says the multiply-accumulates of one image.
        images: Training images of one epoch.
        epochs: Of one training.
        peak_ops_per_s: Of the stated GPU. By default an RTX 3090's in float32, 35.6e12.
        utilization: Share of the peak that training reaches. By default 0.14: the median over 4,494 ImageNet trainings on
            RTX 3090 whose times are published (Accel-NASBench; 5 to 95 %: 0.10 to 0.17), operations counted at 224 pixels.

    Raises:
        ValueError: If a number is not above 0, or the utilization is above 1.
    """

    network_space: NetworkSpace
    images: int
    epochs: int
    peak_ops_per_s: float = 35.6e12
    utilization: float = 0.14

    def __post_init__(self) -> None:
        for name in ("images", "epochs", "peak_ops_per_s", "utilization"):
            if not 0 < getattr(self, name) < np.inf:
                raise ValueError(f"{name} must be a number above 0; got {getattr(self, name)!r}")
        if self.utilization > 1:
            raise ValueError(f"utilization is a share of the peak, at most 1; got {self.utilization!r}")

    def gpu_hours(self, networks: np.ndarray) -> np.ndarray:
        """Return the GPU-hours (B,) of one training of each network (B, N)."""
        operations = 6.0 * self.network_space.macs(networks) * self.images * self.epochs
        return operations / (self.peak_ops_per_s * self.utilization) / 3600.0


@dataclass(frozen=True, eq=False)
class TabulatedTrainingTime:
    """The training time of every network of a small space, from a table.

    Attributes:
        hours: GPU-hours, one axis for each choice.

    Raises:
        ValueError: If a time is not a finite number above 0.
    """

    hours: np.ndarray

    def __post_init__(self) -> None:
        checked_hours(np.ravel(self.hours), np.size(self.hours), who="the table of training times")

    def gpu_hours(self, networks: np.ndarray) -> np.ndarray:
        """Return the GPU-hours (B,) of one training of each network (B, N)."""
        return self.hours[tuple(np.asarray(networks).T)]


def checked_hours(hours: Any, count: int, *, who: str) -> np.ndarray:
    """Return training times (count,) as float64.

    Raises:
        ValueError: If they have another shape, or one of them is not a finite number above 0.
    """
    values = np.asarray(hours, dtype=np.float64)
    if values.shape != (count,):
        raise ValueError(f"{who} must give one training time a network, shape ({count},); got {values.shape}")
    bad = np.flatnonzero(~((values > 0) & np.isfinite(values)))
    if bad.size:
        raise ValueError(
            f"{who} gives {values[bad[0]]} GPU-hours for network {bad[0]} of the batch, not a number above 0"
        )
    return values


def longest_training(option_counts: Sequence[int], gpu_hours: Callable[[np.ndarray], np.ndarray]) -> float:
    """Return the GPU-hours of the network whose training takes longest.

    It is searched: from the longest of a fixed sample of networks, one choice is changed at a time while that makes the
    training longer. Where every choice's longest option does not depend on the others, the answer is exact.

    Args:
        option_counts: (N,) options of each choice.
        gpu_hours: From networks (B, N) to their training times (B,).
    """
    sample = sampled_networks(option_counts)
    hours = gpu_hours(sample)
    best, longest = sample[hours.argmax()], float(hours.max())
    for _ in range(_LOCAL_ROUNDS):
        neighbors = _changed(best, option_counts)
        hours = gpu_hours(neighbors)
        if not hours.max() > longest:
            break
        best, longest = neighbors[hours.argmax()], float(hours.max())
    return longest


def sampled_networks(option_counts: Sequence[int]) -> np.ndarray:
    """Return a fixed uniform sample of networks (1024, N), the same in every process."""
    return np.random.default_rng(0).integers(0, np.asarray(option_counts), (_NETWORKS_SAMPLED, len(option_counts)))


def _changed(network: np.ndarray, option_counts: Sequence[int]) -> np.ndarray:
    """Return the network (N,) with each choice changed to each of its options, and the network itself."""
    rows = [network]
    for choice, count in enumerate(option_counts):
        for option in range(count):
            rows.append(network.copy())
            rows[-1][choice] = option
    return np.stack(rows)
