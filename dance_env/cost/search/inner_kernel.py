"""Enumerates the inner parts of mappings: factors at register file, columns and rows. Loads numba.

A mapping is an *inner* part and an *outer* part (tile of the global buffer, order of the loops at DRAM: `outer_kernel`).
"""

# mypy: disable-error-code="no-untyped-def, assignment"

from __future__ import annotations

import numpy as np

from dance_env.cost.compiled import compiled, helper
from dance_env.cost.mapping.loops import C, G, M, P, Q, R, S


@helper
def tile_words(t, stride):
    """Return the words of weights, outputs and inputs in a tile of loop sizes `t`."""
    return (
        t[C] * t[M] * t[R] * t[S] * t[G]
        + t[M] * t[G] * t[P] * t[Q]
        + t[C] * t[G] * ((t[P] - 1) * stride + t[R]) * ((t[Q] - 1) * stride + t[S])
    )


@compiled
def enumerate_inner(triples, offsets, max_x, max_y, max_rf, stride):
    """Enumerate all (register file, columns, rows) factors that fit: rows of `triples` for each dimension, (n, 7) int32.

    A depth-first walk over the dimensions; `at[d]` is the triple that dimension d takes, products and the tile's words
    only grow on the way down, so that a branch ends where one of them is too large.
    """
    capacity = 1024
    found = np.empty((capacity, 7), dtype=np.int32)
    n = 0
    at = np.zeros(7, dtype=np.int64)
    px = np.ones(8, dtype=np.int64)
    py = np.ones(8, dtype=np.int64)
    t = np.ones(7, dtype=np.int64)
    depth = 0
    at[0] = offsets[0]
    while depth >= 0:
        if at[depth] >= offsets[depth + 1]:  # all triples tried: back to the dimension before
            t[depth] = 1
            depth -= 1
            if depth >= 0:
                at[depth] += 1
            continue
        k = at[depth]
        t[depth] = triples[k, 0]
        px[depth + 1] = px[depth] * triples[k, 1]
        py[depth + 1] = py[depth] * triples[k, 2]
        if px[depth + 1] > max_x or py[depth + 1] > max_y or tile_words(t, stride) > max_rf:
            at[depth] += 1
            continue
        if depth < 6:
            depth += 1
            at[depth] = offsets[depth]
            continue
        if n == capacity:
            grown = np.empty((2 * capacity, 7), dtype=np.int32)
            for row in range(n):
                for d in range(7):
                    grown[row, d] = found[row, d]
            found = grown
            capacity *= 2
        for d in range(7):
            found[n, d] = at[d]
        n += 1
        at[6] += 1
    return found[:n]
