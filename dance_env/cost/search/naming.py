"""Names what the compiled search found: a mapping from its inner and outer part."""

from __future__ import annotations

import math

import numpy as np

from dance_env.cost.mapping.dataflow import Dataflow
from dance_env.cost.mapping.loops import DIMS, P, Q
from dance_env.cost.mapping.mapping import Mapping
from dance_env.cost.search.mapspace import plane_triples
from dance_env.cost.search.state import Parts


def name_mapping(dataflow: Dataflow, parts: Parts, inner: int, outer: int) -> Mapping:
    """Return the mapping made of an inner and an outer part, by their numbers."""
    dims = parts.loops.dims
    begins = parts.divisors.offsets
    factors = np.ones((5, 7), dtype=np.int64)
    for d in range(7):
        rf, x, y = (int(n) for n in parts.inner.triples[parts.inner.rows[inner, d]])
        tile = int(parts.divisors.values[begins[d] + parts.outer.at[outer, d]])
        factors[:, d] = (dims[d] // tile, tile // (rf * x * y), x, y, rf)
    if parts.loops.merged:
        factors[:, P], factors[:, Q] = _split_plane(factors[:, Q], parts.loops.plane, dataflow)
    order = "".join(DIMS[d] for d in parts.outer.order[outer])
    return Mapping(dataflow, tuple(tuple(int(n) for n in row) for row in factors), order, parts.loops.stride)


def _split_plane(merged: np.ndarray, plane: tuple[int, int], dataflow: Dataflow) -> tuple[list[int], list[int]]:
    """Return factors of P and Q at the five places whose products are `merged`."""
    dram, glb, x, y, rf = (int(n) for n in merged)
    rows, columns = plane_triples(plane, dataflow, (rf, x, y))
    splits = [
        (a, b) for a in rows for b in columns if all(m * n == t for m, n, t in zip(a, b, (rf, x, y), strict=True))
    ]
    inner = max(splits)  # of several, the one with most output rows in the registers
    left = [n // math.prod(triple) for n, triple in zip(plane, inner, strict=True)]
    factors = [[1, 1, triple[1], triple[2], triple[0]] for triple in inner]
    for place, n in ((1, glb), (0, dram)):
        factors[0][place] = math.gcd(n, left[0])
        factors[1][place] = n // factors[0][place]
        left = [left[0] // factors[0][place], left[1] // factors[1][place]]
    return factors[0], factors[1]
