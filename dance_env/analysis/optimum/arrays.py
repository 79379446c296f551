"""What the compiled search reads: one field's shape, tables, costs and limits, as named tuples of arrays.

Symbols: `G` nodes, `N` labels of all nodes side by side, `Q` pairs of nodes, `P` pairs of labels of all pairs of nodes,
`R` resources (latencies and energies), `T` cost terms, `M` limits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Shape(NamedTuple):
    """Where the nodes' labels and the pairs' tables stand.

    Attributes:
        start: `(G + 1,)` int64: the first label of each node.
        full: `(G,)` int64: how many labels each node has.
        left, right: `(Q,)` int64: the nodes of each pair, left < right.
        pair_start: `(Q + 1,)` int64: the first entry of each pair's table; rows are the left node's labels.
    """

    start: np.ndarray
    full: np.ndarray
    left: np.ndarray
    right: np.ndarray
    pair_start: np.ndarray

    @classmethod
    def of(cls, counts: list[int]) -> Shape:
        """Return the shape of a field with a pair for every two nodes, from the nodes' numbers of labels."""
        full = np.array(counts, dtype=np.int64)
        left, right = np.triu_indices(len(full), 1)
        ends = np.concatenate([[0], np.cumsum(full[left] * full[right])])
        return cls(np.concatenate([[0], np.cumsum(full)]), full, left, right, ends.astype(np.int64))


class ErrorTables(NamedTuple):
    """The error as a field.

    Attributes:
        weight: What a percentage point of error counts in the objective.
        zero: The constant, percentage points.
        unary: `(N,)` percentage points of each label.
        pair: `(P,)` percentage points of each pair of labels.
        limit: The largest error allowed, infinite where there is no limit.
    """

    weight: float
    zero: float
    unary: np.ndarray
    pair: np.ndarray
    limit: float


class CostTerms(NamedTuple):
    """The cost terms; the largest of them counts. E and L are the resources `energy[t]` and `latency[t]`.

    Attributes:
        latency, energy: `(T,)` int64: which resources a term reads.
        factors: `(T, 4)`: of E x L, of L, of E, and what is fixed.
    """

    latency: np.ndarray
    energy: np.ndarray
    factors: np.ndarray


class Resources(NamedTuple):
    """What labels take of each resource on one accelerator.

    Attributes:
        zero: `(R,)`: what every network takes.
        values: `(R, N)`.
    """

    zero: np.ndarray
    values: np.ndarray


class Limits(NamedTuple):
    """Limits on resources.

    Attributes:
        resource: `(M,)` int64.
        most: `(M,)`.
    """

    resource: np.ndarray
    most: np.ndarray


class Field(NamedTuple):
    """A field in the making; see `field_kernel`.

    Attributes:
        n: `(G,)` int64: open labels of each node, 0 where it is settled.
        u: `(N,)`: the labels' terms.
        p: `(P,)`: the pairs' terms.
        ids: `(N,)` int64: the open labels' numbers.
        settled: `(G,)` int64: the label of each settled node.
        base: `(1,)`: the constant.
    """

    n: np.ndarray
    u: np.ndarray
    p: np.ndarray
    ids: np.ndarray
    settled: np.ndarray
    base: np.ndarray
