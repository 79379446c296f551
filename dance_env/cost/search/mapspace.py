"""Which mappings a dataflow allows: for each dimension, where its factors may go.

A mapping splits every loop dimension into five perfect factors: register file, columns (X), rows (Y), global buffer,
DRAM. A dataflow's rules say which of the five places each dimension may use and in which order the loops run. This file
writes the rules down for the search, as `Subspace` values which together hold exactly the mappings that
`dance_env.cost.mapping.mapping.Mapping.violations` finds nothing wrong with.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dance_env.cost.mapping.mapping import DIMS, GLB_ORDERS, PLACES, check_countable

C, M, G, R, S, P, Q = range(7)
NO_LIMIT = 2**62


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


class OuterRule(NamedTuple):
    """What may loop above the array.

    Attributes:
        glb, dram: (7,) bool, may the dimension loop at the global buffer, at DRAM.
        reduction_innermost: whether C, R, S must be the innermost loops at DRAM.
    """

    glb: np.ndarray
    dram: np.ndarray
    reduction_innermost: bool = False


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


def loops_of(row: np.ndarray) -> Loops:
    """Check one layer, columns K, C, P, Q, R, S, groups, stride, and restate it for the search.

    Raises:
        TypeError: when the row is not 8 integers.
        ValueError: when a value is not positive or the groups do not divide both channel counts.
        OverflowError: when the layer is so large that counts would not be exact in float64.
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
    plane = (1, p * q) if r == s == stride == 1 else (p, q)
    return Loops(np.array([c // groups, k // groups, groups, r, s, *plane], dtype=np.int64), stride, (p, q))


def check_rows(rows: np.ndarray) -> np.ndarray:
    """Return layers `(U, 8)` as int64 after checking each as `loops_of` does.

    Raises:
        TypeError, ValueError, OverflowError: If the rows are not layers.
    """
    found = np.asarray(rows)
    if found.ndim != 2 or found.shape[1] != 8:
        raise ValueError(f"rows: expected shape (layers, 8), got {found.shape}.")
    for row in found:
        loops_of(row)
    return found.astype(np.int64)


def divisors_of(n: int) -> list[int]:
    """The divisors of ``n``, ascending."""
    small = [d for d in range(1, int(n**0.5) + 1) if n % d == 0]
    return sorted({*small, *(n // d for d in small)})


def padded_rows(row: np.ndarray, dataflow: str, *, max_x: int, max_y: int) -> list[np.ndarray]:
    """The layers that a layer may be padded to, so that an array is used better: each (8,) int64.

    A dimension that the dataflow spreads over n columns (rows) is padded to a multiple of n; for each number of passes
    only the smallest n that needs no more. All combinations of the dimensions' sizes, the layer itself left out.
    """
    k, c, p, q, r, s, groups, stride = (int(n) for n in row)
    sizes = {"C": c // groups, "M": k // groups, "G": groups, "P": p, "Q": q}
    options = []
    for dim, size in sizes.items():
        most = max(
            [limit for place, limit in (("cols", max_x), ("rows", max_y)) if dim in PLACES[dataflow][place]], default=1
        )
        spreads = {-(-size // passes) for passes in range(1, size + 1)}
        options.append(sorted({n * -(-size // n) for n in spreads if n <= most} | {size}))
    found = []
    for c, m, g, p, q in itertools.product(*options):
        other = np.array([m * g, c * g, p, q, r, s, g, stride], dtype=np.int64)
        if (other != np.asarray(row)).any():
            found.append(other)
    return found


def subspaces(loops: Loops, dataflow: str, *, max_x: int, max_y: int, rf_words: np.ndarray) -> list[Subspace]:
    """The boxes of mappings that ``dataflow`` allows for a layer.

    Args:
        loops: the layer.
        dataflow: "WS", "OS" or "RS".
        max_x, max_y: columns and rows of the largest array asked for.
        rf_words: (n_rf,) register file sizes asked for.

    Returns:
        The boxes; none when nothing can be mapped on any array (RS with a filter taller than the array).

    Raises:
        ValueError: for an unknown dataflow.
    """
    if dataflow not in PLACES:
        raise ValueError(f"dataflow: expected one of {', '.join(PLACES)}, got {dataflow!r}.")
    limits = (int(rf_words.max()), max_x, max_y)
    anywhere = np.ones(7, dtype=np.bool_)
    if dataflow == "WS":
        return [_box(loops, dataflow, limits, (OuterRule(anywhere, anywhere),))]
    if dataflow == "OS":
        # Partial sums leave the registers finished: the reduction runs below DRAM, or innermost there and alone below.
        reduction = np.isin(np.arange(7), (C, R, S))
        rules = (OuterRule(anywhere, ~reduction), OuterRule(reduction, anywhere, reduction_innermost=True))
        return [_box(loops, dataflow, limits, rules)]
    filter_height, filter_width = int(loops.dims[R]), int(loops.dims[S])
    if filter_height > max_y:
        return []
    rule = OuterRule(anywhere, ~np.isin(np.arange(7), (R, S)))
    whole_row = 2 * filter_width + 1  # a row of weights, a row of inputs, a partial sum
    found = []
    for held, low, high in ((filter_width, whole_row, NO_LIMIT), (1, 1, whole_row - 1)):
        if ((rf_words >= low) & (rf_words <= high)).any():
            fixed = {R: (1, 1, filter_height), S: (held, 1, 1)}
            found.append(_box(loops, dataflow, limits, (rule,), fixed=fixed, rf=(low, high)))
    return found


def _box(
    loops: Loops,
    dataflow: str,
    limits: tuple[int, int, int],
    rules: tuple[OuterRule, ...],
    *,
    fixed: dict[int, tuple[int, int, int]] | None = None,
    rf: tuple[int, int] = (1, NO_LIMIT),
) -> Subspace:
    lists = []
    for d, name in enumerate(DIMS):
        if fixed and d in fixed:
            lists.append([fixed[d]])
        elif d == Q and loops.merged:
            lists.append(_merged_triples(loops.plane, dataflow, limits))
        else:
            lists.append(_triples(int(loops.dims[d]), *_places(dataflow, name), limits))
    offsets = np.cumsum([0, *(len(one) for one in lists)]).astype(np.int64)
    triples = np.array([triple for one in lists for triple in one], dtype=np.int64)
    order = np.array([DIMS.index(d) for d in GLB_ORDERS[dataflow]], dtype=np.int64)
    return Subspace(triples, offsets, rules, order, *rf)


def _places(dataflow: str, dim: str) -> tuple[bool, bool, bool]:
    places = PLACES[dataflow]
    return dim in places["rf"], dim in places["cols"], dim in places["rows"]


def _triples(size: int, rf: bool, x: bool, y: bool, limits: tuple[int, int, int]) -> list[tuple[int, int, int]]:
    """All (rf, x, y) whose product divides ``size``, within ``limits``."""
    return [
        (a, b, c)
        for a in (divisors_of(size) if rf else [1]) if a <= limits[0]
        for b in (divisors_of(size // a) if x else [1]) if b <= limits[1]
        for c in (divisors_of(size // a // b) if y else [1]) if c <= limits[2]
    ]  # fmt: skip


def _merged_triples(plane: tuple[int, int], dataflow: str, limits: tuple[int, int, int]) -> list[tuple[int, int, int]]:
    """The products of one triple for P with one for Q, each once.

    Whatever is left of P and Q can be split over global buffer and DRAM in any two factors of its product: a divisor g
    of ab is gcd(g, a) times a divisor of b.
    """
    rows = _triples(plane[0], *_places(dataflow, "P"), limits)
    columns = _triples(plane[1], *_places(dataflow, "Q"), limits)
    products = {(a * d, b * e, c * f) for a, b, c in rows for d, e, f in columns}
    return sorted(t for t in products if all(n <= limit for n, limit in zip(t, limits, strict=True)))
