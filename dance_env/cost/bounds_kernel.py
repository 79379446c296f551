"""What any mapping with a given inner part must cost, compiled. Loads numba."""

# mypy: disable-error-code="no-untyped-def, assignment"

from __future__ import annotations

import numpy as np

from dance_env.cost.compiled import compiled, helper
from dance_env.cost.kernel import (
    CASES,
    EDP,
    ENERGY,
    case_exists,
    input_extent,
    least_case_input,
    tile_words,
)
from dance_env.cost.nest_kernel import rows_of

C, M, G, R, S, P, Q = range(7)
# Columns of the bounds: pJ apart from registers, leakage and DRAM (inf: no such case), register writes, cycles.
B_BASE, B_WRITES, B_CYCLES = range(3)
# Rows of the scratch array that holds one inner part: factors, their product, what is left for the loops above.
I_RF, I_X, I_Y, I_TILE, I_LEFT = range(5)


@helper
def unpack(row, triples, dims, stride, part, extent):
    """Write one inner part to ``part`` (5, 7) and ``extent``; returns columns, rows, iterations of the loops above."""
    columns, rows, iterations = np.int64(1), np.int64(1), np.int64(1)
    for d in range(7):
        k = row[d]
        part[I_RF, d] = triples[k, 0]
        part[I_X, d] = triples[k, 1]
        part[I_Y, d] = triples[k, 2]
        part[I_TILE, d] = triples[k, 0] * triples[k, 1] * triples[k, 2]
        part[I_LEFT, d] = dims[d] // part[I_TILE, d]
        columns *= triples[k, 1]
        rows *= triples[k, 2]
        iterations *= part[I_LEFT, d]
    input_extent(part[I_RF], stride, extent)
    return columns, rows, iterations


@helper
def first_size(rf_words, words):
    """Index of the smallest register file that holds ``words``."""
    a = 0
    while a < len(rf_words) and rf_words[a] < words:
        a += 1
    return a


@helper
def links(part, stride):
    """Rows of the array that can pass input tiles on to each other, and how far apart their tiles are."""
    if part[I_Y, C] == 1 and part[I_Y, M] == 1:
        if part[I_Y, R] > 1:
            return part[I_Y, R], part[I_RF, R]
        if part[I_Y, P] > 1:
            return part[I_Y, P], part[I_RF, P] * stride
    return np.int64(1), np.int64(0)


@helper
def distinct_tiles(part):
    """Distinct input tiles in a column of the array, distinct columns."""
    rows, columns = 1, 1
    for d in range(7):
        if d != M:
            rows *= part[I_Y, d]
            columns *= part[I_X, d]
    return rows, columns


@helper
def spread_reduction(part):
    """Over how many PEs the sum of one output is spread."""
    return part[I_X, C] * part[I_Y, C] * part[I_X, R] * part[I_Y, R] * part[I_X, S] * part[I_Y, S]


@helper
def case_words(case, part, extent, iterations, stride, chain, apart, physical):
    """Least words read from the global buffer in a case: weights, outputs (partial sums written), inputs per PE."""
    s = part[I_TILE]
    left = part[I_LEFT]
    w = float(s[C] * s[M] * s[G] * s[R] * s[S] * iterations)
    o = float(s[M] * s[G] * s[P] * s[Q] * iterations)
    if case == 0:
        w /= left[P] * left[Q]
    if case == 1:
        o /= left[C] * left[R] * left[S]
    i = 0.0 if physical else least_case_input(case, s, left, extent, iterations, stride, chain, apart)
    return w, o, i


@helper
def buffer_pj(w, i, o, outputs, prices):
    """What the words that cross between global buffer and array cost there, whole rows of each tensor."""
    row = prices.row_words
    read = rows_of(w, row) + rows_of(i, row) + rows_of(o - outputs, row)
    return read * prices.glb_read_pj + rows_of(o, row) * prices.glb_write_pj


@compiled
def describe(rows, triples, dims, stride, grid, prices, least_rf_words, physical, least_words, least_pj):
    """Where each inner part belongs and what it must cost.

    Args:
        rows, triples: the inner parts, see `search_data.InnerParts`.
        least_rf_words: the smallest register file that the box is for.
        least_words, least_pj: that any outer part fetches from DRAM, costs there.

    Returns:
        cell, need, pes, bounds and reads of `search_data.InnerParts`; key (n,) float64, a bound on the objective.
    """
    n = rows.shape[0]
    cell = np.empty(n, dtype=np.int64)
    need = np.empty(n, dtype=np.int64)
    working = np.empty(n, dtype=np.int64)
    bounds = np.empty((n, CASES, 3))
    register_reads = np.empty(n)
    key = np.empty(n)
    part = np.ones((5, 7), dtype=np.int64)
    extent = np.ones(4, dtype=np.int64)
    macs = 1
    for d in range(7):
        macs *= dims[d]
    outputs = dims[M] * dims[G] * dims[P] * dims[Q]
    for i in range(n):
        columns_used, rows_used, iterations = unpack(rows[i], triples, dims, stride, part, extent)
        pes = columns_used * rows_used
        working[i] = pes
        distinct_y, distinct_x = distinct_tiles(part)
        distinct = distinct_x * distinct_y
        chain, apart = links(part, stride)
        spread = spread_reduction(part)
        copies = 1  # of a weight among the PEs
        for d in (P, Q):
            copies *= part[I_X, d] * part[I_Y, d]
        cell[i] = grid.column_of[columns_used] * grid.shape[1] + grid.row_of[rows_used]
        need[i] = max(least_rf_words, tile_words(part[I_RF], stride))
        register_reads[i] = 3.0 * macs - outputs * spread
        size = min(first_size(grid.rf_words, need[i]), len(grid.rf_words) - 1)
        key[i] = np.inf
        for case in range(CASES):
            bounds[i, case, B_BASE] = np.inf
            if not case_exists(case, part[I_LEFT], iterations):
                continue
            w, o, per_pe = case_words(case, part, extent, iterations, stride, chain, apart, physical)
            reads = w + per_pe * distinct + o - outputs
            written = macs + w * copies + max(0.0, per_pe - 1) * pes + (o - outputs) * spread
            cycles = max(float(macs // pes), reads / prices.glb_read_rate)
            cycles = max(cycles, (least_words + o) / prices.glb_write_rate)
            cycles = max(cycles, (least_words + outputs) / prices.dram_rate)
            base = macs * prices.mac_pj + buffer_pj(w, per_pe * distinct, o, outputs, prices)
            bounds[i, case, B_BASE] = base
            bounds[i, case, B_WRITES] = written
            bounds[i, case, B_CYCLES] = cycles
            pj = base + register_reads[i] * grid.rf_read_pj[size] + written * grid.rf_write_pj[size] + least_pj
            pj += cycles * (prices.glb_leak_pj + working[i] * grid.rf_leak_pj[size])
            key[i] = min(key[i], pj * cycles if grid.kind == EDP else pj if grid.kind == ENERGY else cycles)
    return cell, need, working, bounds, register_reads, key
