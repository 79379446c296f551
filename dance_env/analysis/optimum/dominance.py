"""Accelerators that another one beats on every network, so that no optimum needs them.

Accelerator k beats h if its area is not larger and it takes at most as much of every resource (latency, energy), whatever
the network. A resource is a sum over groups of choices; the largest difference over all networks is the sum of the groups'
largest differences, which makes the test exact. Costs only grow with a resource, hence also every cost function here.
"""

from __future__ import annotations

import numpy as np

from dance_env.analysis.optimum.arrays import Shape

_BLOCK = 512
_PROBES = 24
_LARGE = 1e250


def undominated(zero: np.ndarray, values: np.ndarray, area: np.ndarray, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Return the accelerators that none beats, and who beats each of the others.

    Args:
        zero: `(H, R)`: what every network takes of each resource.
        values: `(H, R, N)`: what each label takes; `_LARGE` and more where it cannot be mapped.
        area: `(H,)` square millimeters.
        shape: Where the labels of each group stand.

    Returns:
        Kept accelerators, ascending, and `(H,)` int64: an accelerator that beats this one, itself kept; -1 for those
        kept. Of equal accelerators the first is kept.
    """
    from dance_env.analysis.optimum.dominance_kernel import find_dominators

    order = _order(zero, values, area, shape)
    zero, values, area = zero[order], values[order], np.ascontiguousarray(area[order])
    probes = _probes(zero, values, shape)
    size = len(order)
    kept, count = np.zeros(size, dtype=np.int64), 0
    dominators = np.full(size, -1, dtype=np.int64)
    for first in range(0, size, _BLOCK):
        last = min(first + _BLOCK, size)
        find_dominators(zero, values, area, probes, shape.start, kept, count, first, last, dominators)
        before = count
        for h in np.flatnonzero(dominators[first:last] < 0) + first:  # now among themselves
            fresh = kept[before:count]
            find_dominators(zero, values, area, probes, shape.start, fresh, len(fresh), h, h + 1, dominators)
            if dominators[h] < 0:
                kept[count] = h
                count += 1
    found = np.full(size, -1, dtype=np.int64)
    beaten = dominators >= 0
    found[order[beaten]] = order[dominators[beaten]]
    return np.sort(order[kept[:count]]), found


def _order(zero: np.ndarray, values: np.ndarray, area: np.ndarray, shape: Shape) -> np.ndarray:
    """Return an order in which no accelerator comes before one that beats it: by a mean over networks, then index."""
    score = area / max(float(np.median(area)), 1e-300)
    for r in range(zero.shape[1]):
        mean = zero[:, r].copy()
        for first, last in zip(shape.start[:-1], shape.start[1:], strict=True):
            mean += values[:, r, first:last].mean(axis=1)
        mappable = mean[mean < _LARGE / 1e6]
        score += mean / max(float(np.median(mappable)) if len(mappable) else 1.0, 1e-300)
    return np.lexsort((np.arange(len(score)), score))


def _probes(zero: np.ndarray, values: np.ndarray, shape: Shape) -> np.ndarray:
    """Return what a few random networks take of each resource, `(H, probes)`."""
    rng = np.random.default_rng(0)
    found = []
    for number in range(_PROBES):
        labels = shape.start[:-1] + np.array([rng.integers(count) for count in shape.full], dtype=np.int64)
        r = number % zero.shape[1]
        found.append(zero[:, r] + values[:, r, labels].sum(axis=1))
    return np.ascontiguousarray(np.stack(found, axis=1))
