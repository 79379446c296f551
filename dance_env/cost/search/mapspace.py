"""The mappings that a dataflow allows for a layer: for each dimension, where its factors may go.

A mapping splits every loop dimension into five perfect factors: register file, columns (X), rows (Y), global buffer,
DRAM. This file turns the rules of a `Dataflow` into what the search enumerates: `Subspace` values which together hold
exactly the mappings that `dance_env.cost.mapping.mapping.Mapping.violations` finds nothing wrong with.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dance_env.cost.mapping.dataflow import Above, Dataflow
from dance_env.cost.mapping.loops import DIMS, P
from dance_env.cost.mapping.mapping import check_countable
from dance_env.cost.search.search_data import Divisors, OuterRule

Triple = tuple[int, int, int]
"""Factors of one dimension at register file, columns and rows."""


@dataclass(frozen=True, eq=False)
class Loops:
    """A layer as the search sees it.

    Attributes:
        dims: (7,) int64, C and M (per group), G, R, S, P, Q. Where no windows overlap (1 x 1 filters at stride 1) a
            cost knows output rows and columns by their product only; then P is 1 and Q stands for both, see `plane`.
        stride: both ways.
        plane: the layer's own output rows and columns.
    """

    dims: np.ndarray
    stride: int
    plane: tuple[int, int]

    @property
    def merged(self) -> bool:
        """Whether Q stands for rows and columns together."""
        return int(self.dims[P]) != self.plane[0]

    @property
    def sizes(self) -> dict[str, int]:
        """The size of each loop of `DIMS`."""
        return dict(zip(DIMS, self.dims.tolist(), strict=True))


@dataclass(frozen=True, eq=False)
class Subspace:
    """A box of mappings.

    Attributes:
        triples: (T, 3) int64, the (register file, columns, rows) factors each dimension may take, one dimension after
            the other.
        offsets: (8,) int64, where each dimension's triples start.
        rules: what may loop above the array; a mapping obeys one of them.
        glb_order: (7,) int64, dimensions in loop order at the global buffer, innermost first.
        min_rf_words, max_rf_words: the register file sizes (inclusive) for which the dataflow allows this box.
    """

    triples: np.ndarray
    offsets: np.ndarray
    rules: tuple[OuterRule, ...]
    glb_order: np.ndarray
    min_rf_words: int
    max_rf_words: int


def check_layer(row: np.ndarray) -> tuple[int, ...]:
    """Return one layer as 8 plain integers: K, C, P, Q, R, S, groups, stride.

    Raises:
        TypeError: If the row is not 8 integers.
        ValueError: If a value is not positive or the groups do not divide both channel counts.
        OverflowError: If the layer is so large that counts would not be exact in float64.
    """
    values = np.asarray(row)
    if values.shape != (8,) or values.dtype.kind not in "iu":
        raise TypeError(
            "layer: expected 8 integers (K, C, P, Q, R, S, groups, stride), "
            f"got {values.dtype} of shape {values.shape}."
        )
    k, c, p, q, r, s, groups, stride = (int(v) for v in values)
    if min(k, c, p, q, r, s, groups, stride) < 1:
        raise ValueError(f"layer: every number must be at least 1, got K, C, P, Q, R, S, groups, stride = {values}.")
    if k % groups or c % groups:
        raise ValueError(f"layer: groups = {groups} must divide K = {k} and C = {c}.")
    macs = k * (c // groups) * p * q * r * s
    inputs = c * ((p - 1) * stride + r) * ((q - 1) * stride + s)
    check_countable(macs, inputs, stride)
    return k, c, p, q, r, s, groups, stride


def loops_of(row: np.ndarray, dataflow: Dataflow) -> Loops:
    """Return a layer as the search sees it; errors as `check_layer`."""
    k, c, p, q, r, s, groups, stride = check_layer(row)
    merge = r == s == stride == 1 and dataflow.merges_plane
    plane = (1, p * q) if merge else (p, q)
    return Loops(np.array([c // groups, k // groups, groups, r, s, *plane], dtype=np.int64), stride, (p, q))


def check_rows(rows: np.ndarray) -> np.ndarray:
    """Return layers `(U, 8)` as int64 after checking each as `check_layer` does.

    Raises:
        TypeError, ValueError, OverflowError: If the rows are not layers.
    """
    found = np.asarray(rows)
    if found.ndim != 2 or found.shape[1] != 8:
        raise ValueError(f"rows: expected shape (layers, 8), got {found.shape}.")
    for row in found:
        check_layer(row)
    return found.astype(np.int64)


@lru_cache(maxsize=4096)
def divisors_of(n: int) -> tuple[int, ...]:
    """Return the divisors of `n`, ascending."""
    small = [d for d in range(1, int(n**0.5) + 1) if n % d == 0]
    return tuple(sorted({*small, *(n // d for d in small)}))


def padded_rows(row: np.ndarray, dataflow: Dataflow, *, max_x: int, max_y: int) -> list[np.ndarray]:
    """Return the layers that a layer may be padded to, so that an array is used better: each `(8,)` int64.

    A dimension that the dataflow spreads over n columns (rows) is padded to a multiple of n; for each number of passes
    only the smallest n that needs no more. All combinations of the dimensions' sizes, the layer itself left out.
    """
    k, c, p, q, r, s, groups, stride = (int(n) for n in row)
    sizes = {"C": c // groups, "M": k // groups, "G": groups, "P": p, "Q": q}
    options = []
    for dim, size in sizes.items():
        most = max(
            [limit for place, limit in (("cols", max_x), ("rows", max_y)) if dim in dataflow.places[place]], default=1
        )
        spreads = {-(-size // passes) for passes in range(1, size + 1)}
        options.append(sorted({n * -(-size // n) for n in spreads if n <= most} | {size}))
    found = []
    for c, m, g, p, q in itertools.product(*options):
        other = np.array([m * g, c * g, p, q, r, s, g, stride], dtype=np.int64)
        if (other != np.asarray(row)).any():
            found.append(other)
    return found


def subspaces(loops: Loops, dataflow: Dataflow, *, max_x: int, max_y: int, rf_words: np.ndarray) -> list[Subspace]:
    """Return the boxes of mappings that a dataflow allows for a layer.

    Args:
        loops: The layer.
        dataflow: The rules.
        max_x, max_y: Columns and rows of the largest array asked for.
        rf_words: `(n_rf,)` register file sizes asked for.

    Returns:
        One box for each range of register file sizes in which the dataflow pins the same trips; none when nothing can
        be mapped on any array (RS with a filter taller than the array).
    """
    limits = (int(rf_words.max()), max_x, max_y)
    rules = tuple(_outer_rule(above) for above in dataflow.above)
    order = np.array([DIMS.index(d) for d in dataflow.glb_order], dtype=np.int64)
    found = []
    for low, high, pinned in dataflow.pinned(loops.sizes):
        fits = all(n <= limit for trips in pinned.values() for n, limit in zip(trips[1:], limits[1:], strict=True))
        if fits and ((rf_words >= low) & (rf_words <= high)).any():
            lists = [_dimension(loops, dataflow, name, pinned, limits) for name in DIMS]
            offsets = np.cumsum([0, *(len(one) for one in lists)]).astype(np.int64)
            triples = np.array([triple for one in lists for triple in one], dtype=np.int64)
            found.append(Subspace(triples, offsets, rules, order, low, high))
    return found


def plane_triples(
    plane: tuple[int, int], dataflow: Dataflow, limits: Triple
) -> tuple[tuple[Triple, ...], tuple[Triple, ...]]:
    """Return the triples that output rows and output columns may take, each by itself."""
    rows, columns = (_triples(n, *_places(dataflow, d), limits) for n, d in zip(plane, "PQ", strict=True))
    return rows, columns


def _outer_rule(above: Above) -> OuterRule:
    glb, dram = (np.array([d in allowed for d in DIMS]) for allowed in (above.glb, above.dram))
    return OuterRule(glb, dram, above.reduction_innermost)


def _dimension(
    loops: Loops, dataflow: Dataflow, name: str, pinned: dict[str, Triple], limits: Triple
) -> Sequence[Triple]:  # fmt: skip
    """The triples of one dimension."""
    if name in pinned:
        return [pinned[name]]
    if name == "Q" and loops.merged:
        return _merged_triples(loops.plane, dataflow, limits)
    return _triples(loops.sizes[name], *_places(dataflow, name), limits)


def _places(dataflow: Dataflow, dim: str) -> tuple[bool, bool, bool]:
    return dim in dataflow.registers, dim in dataflow.columns, dim in dataflow.rows


@lru_cache(maxsize=4096)
def _triples(size: int, rf: bool, x: bool, y: bool, limits: Triple) -> tuple[Triple, ...]:
    """All (rf, x, y) whose product divides ``size``, within ``limits``."""
    return tuple(
        (a, b, c)
        for a in (divisors_of(size) if rf else [1]) if a <= limits[0]
        for b in (divisors_of(size // a) if x else [1]) if b <= limits[1]
        for c in (divisors_of(size // a // b) if y else [1]) if c <= limits[2]
    )  # fmt: skip


def _merged_triples(plane: tuple[int, int], dataflow: Dataflow, limits: Triple) -> list[Triple]:
    """The products of one triple for P with one for Q, each once.

    Whatever is left of P and Q can be split over global buffer and DRAM in any two factors of its product: a divisor g
    of ab is gcd(g, a) times a divisor of b.
    """
    rows, columns = plane_triples(plane, dataflow, limits)
    products = {(a * d, b * e, c * f) for a, b, c in rows for d, e, f in columns}
    return sorted(t for t in products if all(n <= limit for n, limit in zip(t, limits, strict=True)))


def divisor_tables(dims: np.ndarray) -> Divisors:
    """Return the divisors of each dimension, and their quotients, as the kernels look them up."""
    lists = [divisors_of(int(n)) for n in dims]
    quotient: list[int] = []
    table = []
    for one in lists:
        table.append((len(quotient), len(one)))
        quotient += [a // b if a % b == 0 else 0 for a in one for b in one]
    offsets = np.cumsum([0, *(len(one) for one in lists)])
    values = [n for one in lists for n in one]
    return Divisors(*(np.array(each, dtype=np.int64) for each in (values, offsets, quotient, table, offsets)))
