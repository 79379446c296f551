"""Which mappings a dataflow allows: for each dimension, where its factors may go.

A mapping splits every loop dimension into five perfect factors: register file, columns (X), rows (Y), global buffer,
DRAM. A dataflow's rules say which of the five places each dimension may use and in which order the loops run. This file
writes the rules down once, as `Subspace` values: boxes of free choices which together cover exactly the mappings that
the dataflow allows (a dataflow whose rules depend on the register file, or that has variants, has two boxes).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DIMS = ("C", "M", "G", "R", "S", "P", "Q")
"""Loop dimensions: input channels and output channels per group, groups, filter and output rows and columns."""

C, M, G, R, S, P, Q = range(7)

WS_GLB_ORDER = (Q, P, S, R, C, M, G)  # innermost first; RS has the same
OS_GLB_ORDER = (S, R, C, Q, P, M, G)
NO_LIMIT = 2**62


@dataclass(frozen=True, eq=False)
class Subspace:
    """A box of mappings.

    Attributes:
        triples: (T, 3) int64, the (register file, columns, rows) factors each dimension may take, one dimension after
            the other.
        offsets: (8,) int64, where each dimension's triples start.
        glb: (7,) bool, may the dimension loop at the global buffer.
        dram: (7,) bool, may the dimension loop at DRAM.
        reduction_innermost: whether C, R, S must be the innermost loops at DRAM.
        glb_order: (7,) int64, dimensions in loop order at the global buffer, innermost first.
        min_rf_words, max_rf_words: the register file sizes (inclusive) for which the rules allow this box.
    """

    triples: np.ndarray
    offsets: np.ndarray
    glb: np.ndarray
    dram: np.ndarray
    reduction_innermost: bool
    glb_order: np.ndarray
    min_rf_words: int
    max_rf_words: int


def loop_dims(row: np.ndarray) -> tuple[np.ndarray, int]:
    """The seven loop dimensions (C and M per group) and the stride of one `LAYER_COLUMNS` row, checked.

    Args:
        row: (8,) integers K, C, P, Q, R, S, groups, stride.

    Raises:
        TypeError: when the row is not of integers.
        ValueError: when a value is not positive or the groups do not divide both channel counts.
        OverflowError: when the layer has so many multiply-adds that exact counts would not fit in float64.
    """
    values = np.asarray(row)
    if values.shape != (8,) or values.dtype.kind not in "iu":
        raise TypeError(
            f"layer: expected 8 integers (K, C, P, Q, R, S, groups, stride), got {values.dtype} of shape {values.shape}."
        )
    k, c, p, q, r, s, groups, stride = (int(v) for v in values)
    if min(k, c, p, q, r, s, groups, stride) < 1:
        raise ValueError(f"layer: every dimension must be at least 1, got K, C, P, Q, R, S, groups, stride = {values}.")
    if k % groups or c % groups:
        raise ValueError(f"layer: groups = {groups} must divide K = {k} and C = {c}.")
    dims = (c // groups, k // groups, groups, r, s, p, q)
    macs = k * (c // groups) * p * q * r * s
    inputs = c * ((p - 1) * stride + r) * ((q - 1) * stride + s)
    if max(macs, inputs) > 2**46:
        raise OverflowError(
            f"layer: {macs} multiply-adds and {inputs} inputs; counts above 2**46 cannot be kept exact in float64."
        )
    return np.array(dims, dtype=np.int64), stride


def divisors(n: int) -> list[int]:
    """The divisors of ``n``, ascending."""
    return [d for d in range(1, n + 1) if n % d == 0] if n < 4096 else _large_divisors(n)


def _large_divisors(n: int) -> list[int]:
    small = [d for d in range(1, int(n**0.5) + 1) if n % d == 0]
    return sorted({*small, *(n // d for d in small)})


def _triples(size: int, rf: bool, x: bool, y: bool, limits: tuple[int, int, int]) -> list[tuple[int, int, int]]:
    """All (rf, x, y) whose product divides ``size`` and that stay within ``limits``."""
    found = []
    for a in divisors(size) if rf else [1]:
        for b in divisors(size // a) if x else [1]:
            for c in divisors(size // a // b) if y else [1]:
                if a <= limits[0] and b <= limits[1] and c <= limits[2]:
                    found.append((a, b, c))
    return found


def subspaces(dims: np.ndarray, dataflow: str, *, max_x: int, max_y: int, rf_words: np.ndarray) -> list[Subspace]:
    """The boxes of mappings that ``dataflow`` allows for a layer.

    Args:
        dims: (7,) loop dimensions, see `loop_dims`.
        dataflow: "WS", "OS" or "RS".
        max_x, max_y: columns and rows of the largest array asked for.
        rf_words: (n_rf,) register file sizes asked for.

    Returns:
        The boxes; none when nothing can be mapped on any array (RS with a filter taller than the array).
    """
    max_rf = int(rf_words.max())
    limits = (max_rf, max_x, max_y)
    size = [int(n) for n in dims]
    everywhere = np.ones(7, dtype=np.bool_)

    def box(places: dict[int, str], *, fixed: dict[int, tuple[int, int, int]], glb: np.ndarray, dram: np.ndarray,
            order: tuple[int, ...], reduction_innermost: bool = False, rf: tuple[int, int] = (1, NO_LIMIT)) -> Subspace:
        lists = [
            [fixed[d]] if d in fixed else _triples(
                size[d], "r" in places.get(d, ""), "x" in places.get(d, ""), "y" in places.get(d, ""), limits)
            for d in range(7)
        ]
        offsets = np.cumsum([0, *(len(one) for one in lists)])
        triples = np.array([t for one in lists for t in one], dtype=np.int64)
        return Subspace(triples, offsets.astype(np.int64), glb, dram, reduction_innermost,
                        np.array(order, dtype=np.int64), *rf)

    if dataflow == "WS":
        places = {C: "ry", M: "rx", G: "rxy", R: "r", S: "r"}
        return [box(places, fixed={}, glb=everywhere, dram=everywhere, order=WS_GLB_ORDER)]
    if dataflow == "OS":
        places = {C: "r", M: "rxy", G: "rxy", R: "r", S: "r", P: "ry", Q: "rx"}
        reduction = np.isin(np.arange(7), (C, R, S))
        kept = box(places, fixed={}, glb=everywhere, dram=~reduction, order=OS_GLB_ORDER)
        passed = box(places, fixed={}, glb=reduction, dram=everywhere, order=OS_GLB_ORDER, reduction_innermost=True)
        return [kept, passed]
    if dataflow == "RS":
        if size[R] > max_y:
            return []
        places = {C: "ry", M: "rxy", G: "rxy", P: "x"}
        no_filter = ~np.isin(np.arange(7), (R, S))
        whole_row = 2 * size[S] + 1
        row = (1, 1, size[R])
        found = []
        if whole_row <= max_rf:
            fixed = {R: row, S: (size[S], 1, 1)}
            found.append(box(places, fixed=fixed, glb=everywhere, dram=no_filter, order=WS_GLB_ORDER,
                             rf=(whole_row, NO_LIMIT)))
        if rf_words.min() < whole_row:
            fixed = {R: row, S: (1, 1, 1)}
            found.append(box(places, fixed=fixed, glb=everywhere, dram=no_filter, order=WS_GLB_ORDER,
                             rf=(1, whole_row - 1)))
        return found
    raise ValueError(f"dataflow: expected one of WS, OS, RS, got {dataflow!r}.")
