"""How far two cost models rank alike: over accelerators for each layer, and over layers for each accelerator.

Different tools price with other rules of mapping, so digits differ; what a search needs is that they order designs
alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dance_env.cost.audit.ranks import spearman

METRICS = ("latency", "energy", "EDP")
OVER = ("accelerators", "layers")
ALL = "all"


@dataclass(frozen=True, eq=False)
class Points:
    """What two models say of n pairs of layer and accelerator; n entries each.

    Attributes:
        layer, accelerator: Names; an accelerator's holds its dataflow.
        dataflow: Name of the accelerator's dataflow.
        ours, theirs: `(n, 2)` float64, cycles and pJ; inf where there is no cost.
        reason: Why the other model has none, "" where it has.
    """

    layer: tuple[str, ...]
    accelerator: tuple[str, ...]
    dataflow: tuple[str, ...]
    ours: np.ndarray
    theirs: np.ndarray
    reason: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.layer)

    @property
    def both(self) -> np.ndarray:
        """`(n,)` bool: pairs that both models have priced."""
        return np.isfinite(self.ours).all(axis=1) & np.isfinite(self.theirs).all(axis=1)


@dataclass(frozen=True)
class Correlation:
    """Spearman's rank correlation of the two models' figures.

    Attributes:
        over: What is ranked, "accelerators" (`name` is the layer) or "layers" (`name` is the accelerator).
        dataflow: Among accelerators of this dataflow only, or `ALL`.
        metric: One of `METRICS`.
        points: How many were ranked.
        rho: -1 to 1.
        our_spread, their_spread: Largest figure over the smallest: where it is near 1 there is little to rank.
        loss: Their figure of what our model ranks first, over their smallest: 1 where both prefer the same.
    """

    over: str
    name: str
    dataflow: str
    metric: str
    points: int
    rho: float
    our_spread: float
    their_spread: float
    loss: float


def correlations(points: Points) -> list[Correlation]:
    """Return all rank correlations that the points allow.

    Over accelerators and over layers, of each metric, for all dataflows together and one by one.
    """
    return [found for over in OVER for found in _correlations(points, over)]


def _correlations(points: Points, over: str) -> Iterator[Correlation]:
    names = np.array(points.layer if over == "accelerators" else points.accelerator, dtype=object)
    flows = np.array(points.dataflow, dtype=object)
    figures = [metrics_of(points.ours), metrics_of(points.theirs)]
    for dataflow in (ALL, *sorted(set(points.dataflow))):
        of_flow = points.both & ((flows == dataflow) | (dataflow == ALL))
        if over == "layers" and dataflow == ALL:  # an accelerator has one dataflow: its rows say it
            continue
        for name in dict.fromkeys(names[of_flow]):
            here = of_flow & (names == name)
            for m, metric in enumerate(METRICS):
                ours, theirs = (each[here, m] for each in figures)
                rho = spearman(ours, theirs)
                if rho is not None:
                    yield Correlation(
                        over, str(name), dataflow, metric, len(ours), rho,
                        our_spread=float(ours.max() / ours.min()),
                        their_spread=float(theirs.max() / theirs.min()),
                        loss=float(theirs[ours.argmin()] / theirs.min()),
                    )  # fmt: skip


def metrics_of(costs: np.ndarray) -> np.ndarray:
    """Return latency, energy and EDP `(n, 3)` of cycles and pJ `(n, 2)`."""
    return np.column_stack([costs, costs[:, 0] * costs[:, 1]])
