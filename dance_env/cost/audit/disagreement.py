"""Where two cost models part: the accelerators that each would choose, and the pairs that they price most unlike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dance_env.cost.audit.agreement import METRICS, Points, metrics_of

TOGETHER = "all layers together"
"""Name of a sample's layers summed up, as if they were one network."""


@dataclass(frozen=True)
class Overlap:
    """How many of the best accelerators two models have in common.

    Attributes:
        name: The layer, or `TOGETHER`.
        metric: One of `METRICS`.
        points: Accelerators that both have priced.
        k: How many count as the best.
        share: Of the `k` best by our model, those that are among the `k` best by the other.
        chance: What `share` would be on average if one model ranked at random.
    """

    name: str
    metric: str
    points: int
    k: int
    share: float
    chance: float


@dataclass(frozen=True)
class Disagreement:
    """A pair that two models price unlike the others.

    Attributes:
        layer, accelerator: The pair.
        metric: "latency" (cycles) or "energy" (pJ).
        ours, theirs: The figures.
        ratio: Theirs over ours.
        usual: The median of that ratio over all pairs.
        factor: How far the ratio is from the usual one, at least 1.
    """

    layer: str
    accelerator: str
    metric: str
    ours: float
    theirs: float
    ratio: float
    usual: float
    factor: float


def together(points: Points) -> Points:
    """Return one point for each accelerator on which both models price every layer: the layers' sums."""
    layers = len(set(points.layer))
    rows: dict[str, list[int]] = {}
    for i in np.flatnonzero(points.both).tolist():
        rows.setdefault(points.accelerator[i], []).append(i)
    whole = {name: members for name, members in rows.items() if len(members) == layers}
    return Points(
        layer=(TOGETHER,) * len(whole),
        accelerator=tuple(whole),
        dataflow=tuple(points.dataflow[members[0]] for members in whole.values()),
        ours=np.array([points.ours[members].sum(axis=0) for members in whole.values()]).reshape(-1, 2),
        theirs=np.array([points.theirs[members].sum(axis=0) for members in whole.values()]).reshape(-1, 2),
        reason=("",) * len(whole),
    )


def overlaps(points: Points, k: int) -> list[Overlap]:
    """Return the overlap of the `k` best accelerators of each layer, and of the layers together, by each metric.

    Where there are no more than `k` accelerators there is nothing to choose, and no entry.

    Raises:
        ValueError: If `k` is below 1.
    """
    if k < 1:
        raise ValueError(f"expected at least 1 accelerator that counts as the best, got {k}.")
    found = []
    for each in (points, together(points)):
        names = np.array(each.layer, dtype=object)
        for name in dict.fromkeys(each.layer):
            here = each.both & (names == name)
            count = int(here.sum())
            if count <= k:
                continue
            ours, theirs = metrics_of(each.ours[here]), metrics_of(each.theirs[here])
            for m, metric in enumerate(METRICS):
                best = [set(np.argsort(figures[:, m], kind="stable")[:k].tolist()) for figures in (ours, theirs)]
                found.append(Overlap(name, metric, count, k, len(best[0] & best[1]) / k, k / count))
    return found


def worst(points: Points, count: int) -> list[Disagreement]:
    """Return the `count` pairs of each of latency and energy whose ratio is farthest from the usual one, farthest first."""
    where = np.flatnonzero(points.both)
    found: list[Disagreement] = []
    if not len(where):
        return found
    for m, metric in enumerate(METRICS[:2]):
        ours, theirs = points.ours[where, m], points.theirs[where, m]
        ratio = theirs / ours
        usual = float(np.median(ratio))
        off = np.abs(np.log(ratio / usual))
        for i in np.argsort(-off, kind="stable")[:count].tolist():
            pair = int(where[i])
            found.append(
                Disagreement(
                    points.layer[pair],
                    points.accelerator[pair],
                    metric,
                    float(ours[i]),
                    float(theirs[i]),
                    float(ratio[i]),
                    usual,
                    float(np.exp(off[i])),
                )
            )
    return found
