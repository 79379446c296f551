"""The Pareto front of latency, energy and area over accelerators."""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class HardwareFront:
    """The feasible accelerators that no other one beats in latency, energy and area, from fast to slow.

    Attributes:
        indices: (F,) int64, accelerators by index.
        latency_s: (F,) seconds.
        energy_j: (F,) joules.
        area_mm2: (F,) square millimeters.
    """

    indices: np.ndarray
    latency_s: np.ndarray
    energy_j: np.ndarray
    area_mm2: np.ndarray

    def __len__(self) -> int:
        return len(self.indices)


def front_of(latency_s: np.ndarray, energy_j: np.ndarray, area_mm2: np.ndarray, allowed: np.ndarray) -> HardwareFront:
    """Return the front of the allowed accelerators; all arguments (H,). Of equal accelerators the first stays."""
    candidates = np.flatnonzero(allowed & np.isfinite(latency_s) & np.isfinite(energy_j))
    values = np.stack([latency_s[candidates], energy_j[candidates], area_mm2[candidates]], axis=1)
    kept = candidates[non_dominated(values)]
    return HardwareFront(kept, latency_s[kept], energy_j[kept], area_mm2[kept])


def non_dominated(values: np.ndarray) -> np.ndarray:
    """Return the positions of the points (n, 3) that no other point beats: at most as much in all three, less in one.

    Of equal points the first stays. Positions are in the order of the first value, then the second, then the third.

    The sweep of Kung, Luccio and Preparata (J. ACM 22, 1975): points come in ascending order of the first value; a
    staircase holds, of those before, the second and third values that none of them beats. O(n log n) comparisons.
    """
    candidates = _not_beaten_by_few(values)
    left = values[candidates]
    order = candidates[np.lexsort((left[:, 2], left[:, 1], left[:, 0]))]
    second: list[float] = []  # ascending; `third` descends along with it
    third: list[float] = []
    kept = []
    for position, (_, b, c) in zip(order.tolist(), values[order].tolist(), strict=True):
        before = bisect_right(second, b)
        if before and third[before - 1] <= c:
            continue
        kept.append(position)
        start = bisect_left(second, b)
        end = start
        while end < len(second) and third[end] >= c:
            end += 1
        second[start:end], third[start:end] = [b], [c]
    return np.array(kept, dtype=np.int64)


def _not_beaten_by_few(values: np.ndarray) -> np.ndarray:
    """Return the positions of the points that no point with a least weighted sum beats, which leaves a few in a hundred."""
    if not len(values):
        return np.arange(0)
    scaled = values / np.maximum(values.mean(axis=0), np.finfo(float).tiny)
    weights = np.array(list(itertools.product((0.05, 0.3, 1.0), repeat=3)))
    alive = np.arange(len(values))
    for weight in weights:
        best = values[alive[(scaled[alive] @ weight).argmin()]]
        left = values[alive]
        alive = alive[~((left >= best).all(axis=1) & (left > best).any(axis=1))]
    return alive
