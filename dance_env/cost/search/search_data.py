"""What the compiled search takes and gives: named tuples of arrays and numbers (read by numba, loaded without it)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

OBJECTIVES = ("edp", "energy", "latency")
"""What a mapping may minimize; `Grid.kind` is an index into it."""
EDP, ENERGY, LATENCY = range(3)


class OuterRule(NamedTuple):
    """What may loop above the array: a `dataflow.Above`, as arrays.

    Attributes:
        glb, dram: `(7,)` bool, whether the dimension may loop at the global buffer, at DRAM.
        reduction_innermost: Whether C, R, S must be the innermost loops at DRAM.
    """

    glb: np.ndarray
    dram: np.ndarray
    reduction_innermost: bool


class Prices(NamedTuple):
    """The technology's figures under M memories (global buffer and DRAM bandwidth), without the register file's.

    Energies in pJ per word (MAC: per operation; leakage: per cycle), sizes in words, rates in words per cycle.

    Attributes:
        glb_words, glb_read_pj, glb_write_pj, glb_leak_pj, dram_rate: `(M,)` float64, by ascending capacity: a tile that
            memory m holds is held by every later one.
        cheapest: The memory whose buffer is cheapest to write: DRAM's traffic costs least with it.
    """

    mac_pj: float
    dram_read_pj: float
    dram_write_pj: float
    glb_read_rate: float
    glb_write_rate: float
    row_words: float
    glb_words: np.ndarray
    glb_read_pj: np.ndarray
    glb_write_pj: np.ndarray
    glb_leak_pj: np.ndarray
    dram_rate: np.ndarray
    cheapest: int


class Grid(NamedTuple):
    """The accelerators asked for, all sizes ascending.

    Attributes:
        rf_words, rf_read_pj, rf_write_pj, rf_leak_pj: `(n_rf,)`.
        columns, rows: `(X,)`, `(Y,)` sizes of the arrays.
        dearer: Whether larger register files cost at least as much an access and a cycle.
        shape: number of columns, of rows.
        kind: What is minimized, index into `OBJECTIVES`.
    """

    rf_words: np.ndarray
    rf_read_pj: np.ndarray
    rf_write_pj: np.ndarray
    rf_leak_pj: np.ndarray
    dearer: bool
    columns: np.ndarray
    rows: np.ndarray
    shape: tuple[int, int]
    kind: int


class Best(NamedTuple):
    """The best mappings so far, (X, Y, M, n_rf): objective, pJ, cycles; (..., 3): call, inner and outer part."""

    value: np.ndarray
    energy: np.ndarray
    cycles: np.ndarray
    pick: np.ndarray


class InnerParts(NamedTuple):
    """Factors at register file, columns and rows, and what any mapping with them must cost.

    Attributes:
        rows: (n, 7) int32, which row of `triples` each dimension takes.
        triples: (T, 3) int64.
        divisor: (T,) int64, index of a triple's product among the divisors of its dimension.
        cell: (n,) int64, the smallest array that has the columns and rows (column index * rows + row index).
        need: (n,) int64, register words.
        pes: (n,) int64, PEs that work.
        bounds: (n, 4, 4) float64, columns ``B_*`` of `bounds_kernel`.
        reads: (n,) float64, register reads.
        key: (n, M) float64, no mapping's objective is less on any register file.
        order, starts: the parts sorted by cell, then by their least key; where each cell begins in that order.
        fetched: (M,) float64, the words that any outer part fetches from DRAM at least.
        most_rf_words: the largest register file that the box is for.
    """

    rows: np.ndarray
    triples: np.ndarray
    divisor: np.ndarray
    cell: np.ndarray
    need: np.ndarray
    pes: np.ndarray
    bounds: np.ndarray
    reads: np.ndarray
    key: np.ndarray
    order: np.ndarray
    starts: np.ndarray
    fetched: np.ndarray
    most_rf_words: int


class OuterParts(NamedTuple):
    """Tiles of the global buffer with orders of the loops at DRAM, and what they cost there.

    Attributes:
        at: (n, 7) int16, index of the tile's size among the divisors of each dimension.
        order: (n, 7) int8, dimensions in loop order at DRAM, innermost first.
        pj: (n,) float64, ascending, pJ of the DRAM traffic (fills of the global buffer included) with the cheapest memory.
        first: (n,) int64, the first memory that holds the tile.
        cost: (n, 7) float64, columns ``O_*`` of `outer_kernel`.
        fits: (n, 2) uint64, one bit for each divisor of each dimension (see `Divisors.bit`): set where a part of that
            size divides the tile, and may be repeated at the global buffer. Sizes beyond bit 127 are not filtered.
    """

    at: np.ndarray
    order: np.ndarray
    pj: np.ndarray
    first: np.ndarray
    cost: np.ndarray
    fits: np.ndarray


class Divisors(NamedTuple):
    """The divisors of each dimension.

    Attributes:
        values, offsets: all divisors, one dimension after the other; (8,) where each begins.
        quotient: per dimension a table (larger, smaller divisor) of quotients, 0 where they do not divide.
        table: (7, 2), where each dimension's table begins, and its row length.
        bit: (8,) the bit of each dimension's first divisor; bits beyond 127 do not exist.
    """

    values: np.ndarray
    offsets: np.ndarray
    quotient: np.ndarray
    table: np.ndarray
    bit: np.ndarray
