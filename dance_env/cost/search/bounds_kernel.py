"""What any mapping with a given inner part must cost, compiled. Loads numba."""

# mypy: disable-error-code="no-untyped-def, assignment"

from __future__ import annotations

import numpy as np

from dance_env.cost.compiled import compiled, helper
from dance_env.cost.mapping.input_kernel import distinct_tiles, input_extent, links
from dance_env.cost.mapping.loops import C, G, M, P, Q, R, S
from dance_env.cost.mapping.nest_kernel import rows_of
from dance_env.cost.search.cases_kernel import CASES, O_STAYS, W_STAYS, case_exists, least_case_input, least_inputs
from dance_env.cost.search.inner_kernel import tile_words
from dance_env.cost.search.search_data import EDP, ENERGY

# Columns of the bounds: words read from the global buffer, by whole rows (inf: no such case); outputs that arrive there;
# register writes; cycles of the array and of reading the buffer.
B_READ, B_UPDATED, B_WRITES, B_CYCLES = range(4)
# An inner part is held in five rows of one array: factors, their product, what is left for the loops above.
PART_ROWS = 5


@helper
def unpack(rows, i, triples, dims, stride, rf, x, y, tile, left, extent):
    """Write inner part ``i`` to (7,) arrays and ``extent``; returns columns, rows, iterations of the loops above."""
    columns, rows_used, iterations = np.int64(1), np.int64(1), np.int64(1)
    for d in range(7):
        k = rows[i, d]
        rf[d] = triples[k, 0]
        x[d] = triples[k, 1]
        y[d] = triples[k, 2]
        tile[d] = triples[k, 0] * triples[k, 1] * triples[k, 2]
        left[d] = dims[d] // tile[d]
        columns *= triples[k, 1]
        rows_used *= triples[k, 2]
        iterations *= left[d]
    input_extent(rf, stride, extent)
    return columns, rows_used, iterations


@helper
def first_size(sizes, needed):
    """Return the index of the smallest of ascending sizes that is at least `needed`; their number where none is."""
    low, high = 0, len(sizes)
    while low < high:
        middle = (low + high) // 2
        if sizes[middle] < needed:
            low = middle + 1
        else:
            high = middle
    return low


@helper
def spread_reduction(x, y):
    """Over how many PEs the sum of one output is spread."""
    return x[C] * y[C] * x[R] * y[R] * x[S] * y[S]


@helper
def case_words(case, tile, left, whole, iterations, least, physical):
    """Least words read from the global buffer in a case: weights, outputs (partial sums written), inputs per PE."""
    w = float(tile[C] * tile[M] * tile[G] * tile[R] * tile[S] * iterations)
    o = float(tile[M] * tile[G] * tile[P] * tile[Q] * iterations)
    if case == W_STAYS:
        w /= left[P] * left[Q]
    if case == O_STAYS:
        o /= left[C] * left[R] * left[S]
    i = 0.0 if physical else least_case_input(case, least, left, whole, iterations)
    return w, o, i


@helper
def words_read(w, i, o, outputs, row):
    """Words read from a memory by whole rows: weights, inputs, and the outputs that arrive there but for the first time."""
    return rows_of(w, row) + rows_of(i, row) + rows_of(o - outputs, row)


@helper
def buffer_pj(read, updated, read_pj, write_pj):
    """What the words that cross between global buffer and array cost there, by whole rows."""
    return read * read_pj + updated * write_pj


@helper
def dram_cycles(fetched, outputs, prices):
    """How long DRAM takes at least under each memory (M,): it fetches so many words and takes each output once."""
    cycles = np.empty(len(fetched))
    for m in range(len(fetched)):
        cycles[m] = (fetched[m] + outputs) / prices.dram_rate[m]
    return cycles


@helper
def case_bound(bounds, case, fetched, dram, macs, prices, m):
    """What a case costs at least in memory ``m``: pJ apart from registers, leakage and DRAM; cycles.

    Args:
        bounds: `(4, 4)` of an inner part.
        fetched, dram: (M,), the words that any outer part fetches from DRAM at least; `dram_cycles`.
    """
    if bounds[case, B_READ] == np.inf:
        return np.inf, np.inf
    updated = bounds[case, B_UPDATED]
    rows = rows_of(updated, prices.row_words)
    pj = macs * prices.mac_pj + buffer_pj(bounds[case, B_READ], rows, prices.glb_read_pj[m], prices.glb_write_pj[m])
    return pj, max(bounds[case, B_CYCLES], dram[m], (fetched[m] + updated) / prices.glb_write_rate)


@compiled
def describe(rows, triples, dims, stride, grid, prices, least_rf_words, physical, fetched, least_pj):
    """Where each inner part belongs and what it must cost.

    Args:
        rows, triples: the inner parts, see `search_data.InnerParts`.
        least_rf_words: the smallest register file that the box is for.
        fetched, least_pj: (M,), the words that any outer part fetches from DRAM at least; what it costs there at least.

    Returns:
        cell, need, pes, bounds, reads and key of `search_data.InnerParts`.
    """
    n = rows.shape[0]
    cell = np.empty(n, dtype=np.int64)
    need = np.empty(n, dtype=np.int64)
    working = np.empty(n, dtype=np.int64)
    bounds = np.empty((n, CASES, 4))
    register_reads = np.empty(n)
    memories = len(prices.glb_words)
    key = np.empty((n, memories))
    # Rows taken out once: taking them in the loop would count references each time.
    part = np.ones((PART_ROWS, 7), dtype=np.int64)
    rf, x, y, tile, left = part[0], part[1], part[2], part[3], part[4]
    extent = np.ones(4, dtype=np.int64)
    least = np.zeros((2, 7))
    macs = 1
    for d in range(7):
        macs *= dims[d]
    outputs = dims[M] * dims[G] * dims[P] * dims[Q]
    dram = dram_cycles(fetched, outputs, prices)
    for i in range(n):
        columns_used, rows_used, iterations = unpack(rows, i, triples, dims, stride, rf, x, y, tile, left, extent)
        pes = columns_used * rows_used
        working[i] = pes
        distinct_y, distinct_x = distinct_tiles(x, y)
        distinct = distinct_x * distinct_y
        chain, apart = links(rf, y, stride)
        whole = extent[0] * extent[1] * extent[2] * extent[3]
        least_inputs(tile, left, extent, stride, chain, apart, least)
        spread = spread_reduction(x, y)
        copies = 1  # of a weight among the PEs
        for d in (P, Q):
            copies *= x[d] * y[d]
        cell[i] = first_size(grid.columns, columns_used) * grid.shape[1] + first_size(grid.rows, rows_used)
        need[i] = max(least_rf_words, tile_words(rf, stride))
        # Weight, input and partial sum of each MAC; in each PE that adds to an output the first sum is not read.
        register_reads[i] = 3.0 * macs - outputs * spread
        first = min(first_size(grid.rf_words, need[i]), len(grid.rf_words) - 1)
        for m in range(memories):
            key[i, m] = np.inf
        for case in range(CASES):
            bounds[i, case, B_READ] = np.inf
            if not case_exists(case, left, iterations):
                continue
            w, o, per_pe = case_words(case, tile, left, whole, iterations, least, physical)
            reads = w + per_pe * distinct + o - outputs
            written = macs + w * copies + max(0.0, per_pe - 1) * pes + (o - outputs) * spread
            bounds[i, case, B_READ] = words_read(w, per_pe * distinct, o, outputs, prices.row_words)
            bounds[i, case, B_UPDATED] = o
            bounds[i, case, B_WRITES] = written
            bounds[i, case, B_CYCLES] = max(float(macs // pes), reads / prices.glb_read_rate)
            for size in range(first, first + 1 if grid.dearer else len(grid.rf_words)):
                registers = register_reads[i] * grid.rf_read_pj[size] + written * grid.rf_write_pj[size]
                for m in range(memories):
                    base, cycles = case_bound(bounds[i], case, fetched, dram, macs, prices, m)
                    pj = base + registers + least_pj[m]
                    pj += cycles * (prices.glb_leak_pj[m] + working[i] * grid.rf_leak_pj[size])
                    goal = pj * cycles if grid.kind == EDP else pj if grid.kind == ENERGY else cycles
                    key[i, m] = min(key[i, m], goal)
    return cell, need, working, bounds, register_reads, key
