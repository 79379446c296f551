"""A Pareto front of error against cost with a bound of what it may lack, and its file."""

from __future__ import annotations

import io
import math
import os
import zipfile
from dataclasses import dataclass

import numpy as np

from dance_env.atomic import write_whole


@dataclass(frozen=True, eq=False)
class ProvedFront:
    """A front of error against the objective's cost, over the feasible designs.

    Attributes:
        fingerprint: The problem's fingerprint; None where it has none.
        designs: `(F, D)` int64, from cheap to accurate.
        error: `(F,)`, falling.
        cost: `(F,)` the cost function's value, rising.
        weights: `(S,)` the weights w of the lines.
        levels: `(S,)` the levels T: every design with `error + w x cost < T` is on the front or dominated by it.
        seconds: What the proof took.
        sets: Where all networks were compared, one for each set of networks that cost the same: how many sets. The front
            then lacks nothing, and there are no lines. 0 where lines bound what it lacks.
    """

    fingerprint: str | None
    designs: np.ndarray
    error: np.ndarray
    cost: np.ndarray
    weights: np.ndarray
    levels: np.ndarray
    seconds: float
    sets: int = 0

    def __len__(self) -> int:
        return len(self.designs)

    @property
    def hypervolume(self) -> float:
        """The area that the front dominates, up to its own largest error and largest cost."""
        return float(np.sum(np.diff(self.cost) * (self.error[0] - self.error[:-1]))) if len(self) > 1 else 0.0

    @property
    def missing(self) -> float:
        """A bound on the area that designs not found may add."""
        if self.sets:
            return 0.0
        return float(uncertain_areas(self.error, self.cost, self.weights, self.levels).sum())

    @property
    def gap(self) -> float:
        """`missing / (hypervolume + missing)`: what the front may lack, as a share of the true hypervolume."""
        total = self.hypervolume + self.missing
        return self.missing / total if total else 0.0


def uncertain_areas(error: np.ndarray, cost: np.ndarray, weights: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Return for each step of a front a bound on the area under it that no line excludes, `(F - 1,)`.

    The height under a step grows with the cost, so that its values at the right ends of small intervals bound the area.
    """
    if len(error) < 2:
        return np.zeros(0)
    ends = np.linspace(0.0, 1.0, 33)[1:]
    costs = cost[:-1, None] + np.diff(cost)[:, None] * ends
    lines = np.full(costs.shape, -math.inf)
    for weight, level in zip(weights, levels, strict=True):
        np.maximum(lines, level - weight * costs, out=lines)
    heights = np.clip(error[:-1, None] - lines, 0.0, error[0] - error[-1])
    return heights.mean(axis=1) * np.diff(cost)


def lower_hull(cost: np.ndarray, error: np.ndarray) -> list[tuple[float, float]]:
    """Return the lower convex hull of a front, as (cost, error), cost rising."""
    hull: list[tuple[float, float]] = []
    for point in zip(cost.tolist(), error.tolist(), strict=True):
        while len(hull) > 1 and _above(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    return hull


def _above(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    """Return whether b is on or above the chord from a to c."""
    return (b[1] - a[1]) * (c[0] - a[0]) >= (c[1] - a[1]) * (b[0] - a[0])


def save_front(path: str | os.PathLike[str], front: ProvedFront) -> None:
    """Write a front as a compressed npz file."""
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        fingerprint=np.array(front.fingerprint or ""),
        designs=front.designs.astype("<u2"),
        error=front.error.astype("<f8"),
        cost=front.cost.astype("<f8"),
        weights=front.weights.astype("<f8"),
        levels=front.levels.astype("<f8"),
        seconds=np.array(front.seconds),
        sets=np.array(front.sets),
    )
    write_whole(path, buffer.getvalue())


def load_front(path: str | os.PathLike[str]) -> ProvedFront:
    """Read a front.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no front.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return ProvedFront(
                str(arrays["fingerprint"]) or None,
                arrays["designs"].astype(np.int64),
                arrays["error"],
                arrays["cost"],
                arrays["weights"],
                arrays["levels"],
                float(arrays["seconds"]),
                int(arrays["sets"]) if "sets" in arrays else 0,  # earlier files have none
            )
    except (KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: no record of a front: {type(error).__name__}: {error}") from error
