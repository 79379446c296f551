"""The compiled mapping search: one box of mappings, every array size and register file at once. Loads numba.

A mapping is an *inner* part (register file, columns and rows factors: `enumerate_inner`) and an *outer* part (tile of
the global buffer, order of the loops at DRAM: `outer_table`). `describe` bounds what any mapping with a given inner
part must cost, and `search_box` goes through the pairs that the bounds cannot exclude. Counts are those of
`dance_env.cost.nest_kernel`, restated for this order of evaluation; `docs/mapping_search.md` argues each bound.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from dance_env.cost.nest_kernel import AXIS, limited_cycles

C, M, G, R, S, P, Q = range(7)
# Columns of the outer table.
O_COST, O_CYCLES, O_W, O_I, O_O, O_RUN_W, O_RUN_O = range(7)
# Columns of an inner part's bounds, for each of the four cases of `describe`.
B_BASE, B_WRITES, B_CYCLES = range(3)
EDP, ENERGY, LATENCY = range(3)


@njit(cache=True, nogil=True)
def tile_words(t, stride):  # type: ignore[no-untyped-def]
    """Words of weights, outputs and inputs in a tile of loop sizes ``t``."""
    return (
        t[C] * t[M] * t[R] * t[S] * t[G]
        + t[M] * t[G] * t[P] * t[Q]
        + t[C] * t[G] * ((t[P] - 1) * stride + t[R]) * ((t[Q] - 1) * stride + t[S])
    )


@njit(cache=True, nogil=True)
def enumerate_inner(triples, offsets, max_x, max_y, max_rf, stride):  # type: ignore[no-untyped-def]
    """All (register file, columns, rows) factors that fit: rows of ``triples`` for each dimension, (n, 7) int32."""
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
        if at[depth] >= offsets[depth + 1]:
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
            grown[:n] = found
            found = grown
            capacity *= 2
        for d in range(7):
            found[n, d] = at[d]
        n += 1
        at[6] += 1
    return found[:n]


@njit(cache=True, nogil=True)
def overlapped_words(n, trips, axis, step, extent, distinct, rows, columns, apart, chain):  # type: ignore[no-untyped-def]
    """`nest_kernel.input_words` on a list of ``n`` loops, innermost first: (reads, fills, passed)."""
    whole = extent[0] * extent[1] * extent[2] * extent[3]
    slide = 0
    while slide < n and axis[slide] < 0:
        slide += 1
    if slide == n:
        return whole * distinct * columns, whole * rows, 0
    a_axis, a = axis[slide], step[slide]
    left = extent[a_axis] - a
    piece = whole if left <= 0 else whole - whole // extent[a_axis] * left
    if slide > 0:
        chain = 1
    a_links = chain > 1 and a_axis == 2 and a == apart
    after = piece < whole
    moved = np.zeros(4, dtype=np.int64)
    moved[a_axis] = a
    outside = 1
    for j in range(slide + 1, n):
        outside *= trips[j]
    slides = trips[slide] - 1
    reads, fills, passed = 0, 0, 0
    for j in range(slide, n):
        times, size, shape, links = 1, whole, False, False
        if j > slide:
            outside //= trips[j]
            times = (trips[j] - 1) * outside
            away, along, by = 0, 0, 0
            for k in range(4):
                d = (step[j] if k == axis[j] else 0) - moved[k]
                if d != 0:
                    away += 1
                    along = k
                    by = d
            same = away == 1 and along == a_axis and by == a
            if axis[j] >= 0:
                moved[axis[j]] += step[j]
            shape = same and after
            size = 0 if away == 0 else (piece if same else whole)
            links = chain > 1 and away == 1 and along == 2 and (by == apart or by == -apart) and shape == after
        share = chain if links else 1
        words = times * size
        reads += words * distinct // share
        fills += words * rows // share
        if links:
            passed += words * (rows - rows // chain)
        words = times * slides * piece
        if a_links and size > 0 and shape == after:
            passed += words * (rows - rows // chain)
            share = chain
        else:
            share = 1
        reads += words * distinct // share
        fills += words * rows // share
    return reads * columns, fills, passed


@njit(cache=True, nogil=True)
def _innermost_run(order, count, first, second, third):  # type: ignore[no-untyped-def]
    """Product of the innermost run of loops over the three given dims, and whether it reaches the outermost loop."""
    run = 1
    for k in range(7):
        d = order[k]
        if count[d] > 1:
            if d != first and d != second and d != third:
                return run, False
            run *= count[d]
    return run, True


@njit(cache=True, nogil=True)
def _class_orders(dram, forced, out):  # type: ignore[no-untyped-def]
    """One DRAM order for each tensor that could stay put there; returns how many."""
    n = 0
    if dram[C] * dram[R] * dram[S] > 1:
        out[n, :] = np.array([S, R, C, Q, P, M, G])
        n += 1
        if forced:
            return n
    if dram[P] * dram[Q] > 1:
        out[n, :] = np.array([Q, P, S, R, C, M, G])
        n += 1
    if dram[M] > 1:
        out[n, :] = np.array([M, Q, P, S, R, C, G])
        n += 1
    if n == 0:
        out[n, :] = np.array([Q, P, S, R, C, M, G])
        n = 1
    return n


@njit(cache=True, nogil=True)
def _next_order(order, n):  # type: ignore[no-untyped-def]
    """Step the first ``n`` entries to their next permutation in lexicographic order; False after the last."""
    i = n - 2
    while i >= 0 and order[i] >= order[i + 1]:
        i -= 1
    if i < 0:
        return False
    j = n - 1
    while order[j] <= order[i]:
        j -= 1
    order[i], order[j] = order[j], order[i]
    i += 1
    j = n - 1
    while i < j:
        order[i], order[j] = order[j], order[i]
        i += 1
        j -= 1
    return True


@njit(cache=True, nogil=True)
def _all_orders(dram, forced, out):  # type: ignore[no-untyped-def]
    """Every order of the DRAM loops that run, one-trip loops behind; returns how many."""
    order = np.zeros(7, dtype=np.int64)
    running = 0
    for d in range(7):
        if dram[d] > 1:
            order[running] = d
            running += 1
    k = running
    for d in range(7):
        if dram[d] == 1:
            order[k] = d
            k += 1
    n = 0
    while True:
        legal = True
        if forced:
            other = False
            for k in range(running):
                reduction = order[k] == C or order[k] == R or order[k] == S
                legal = legal and not (other and reduction)
                other = other or not reduction
        if legal:
            out[n, :] = order
            n += 1
        if not _next_order(order, running):
            return n


@njit(cache=True, nogil=True)
def outer_table(  # type: ignore[no-untyped-def]
    dims, stride, divisors, offsets, glb_ok, dram_ok, forced, constants, many_orders, limit, low, room
):
    """Tiles of the global buffer with orders of the loops at DRAM, and what they cost at DRAM.

    Args:
        divisors, offsets: the divisors of each dimension, one after the other, and where each begins.
        many_orders: False: every order where at most three loops run at DRAM, one per tensor that could stay put
            otherwise. True: the other orders.
        limit: leave out what costs more (pJ).
        low: number of the first tile to look at.
        room: stop when that many rows are full.

    Returns:
        (n, 7) int16 divisor indices, (n, 7) int8 orders (innermost first), (n, 7) float64 columns ``O_*``, and the tile
        to go on with (-1 at the end).
    """
    overlapping = dims[R] > 1 or dims[S] > 1
    dram_r, dram_w, glb_w, glb_words, bw_d = constants[3], constants[4], constants[2], constants[5], constants[8]
    tiles = 1
    outputs = dims[M] * dims[G] * dims[P] * dims[Q]
    for d in range(7):
        tiles *= offsets[d + 1] - offsets[d]
    at = np.zeros((room + 5040, 7), dtype=np.int16)
    order = np.zeros((room + 5040, 7), dtype=np.int8)
    cost = np.zeros((room + 5040, 7))
    orders = np.zeros((5040, 7), dtype=np.int64)
    t = np.ones(7, dtype=np.int64)
    which = np.zeros(7, dtype=np.int64)
    dram = np.ones(7, dtype=np.int64)
    trips = np.zeros(7, dtype=np.int64)
    axis = np.zeros(7, dtype=np.int64)
    step = np.zeros(7, dtype=np.int64)
    extent = np.ones(4, dtype=np.int64)
    n = 0
    for tile in range(low, tiles):
        if n >= room:
            return at[:n], order[:n], cost[:n], tile
        rest = tile
        allowed = True
        running = 0
        product = 1
        for d in range(7):
            size = offsets[d + 1] - offsets[d]
            which[d] = rest % size
            rest //= size
            t[d] = divisors[offsets[d] + which[d]]
            dram[d] = dims[d] // t[d]
            product *= dram[d]
            running += dram[d] > 1
            allowed = allowed and (dram_ok[d] or dram[d] == 1)
        if not allowed or tile_words(t, stride) > glb_words or (many_orders and (running <= 3 or not overlapping)):
            continue
        w_tile = t[C] * t[M] * t[G] * t[R] * t[S]
        o_tile = t[M] * t[G] * t[P] * t[Q]
        extent[0] = t[G]
        extent[1] = t[C]
        extent[2] = (t[P] - 1) * stride + t[R]
        extent[3] = (t[Q] - 1) * stride + t[S]
        if many_orders or (running <= 3 and overlapping):
            number = _all_orders(dram, forced, orders)
        else:
            number = _class_orders(dram, forced, orders)
        for k in range(number):
            run_w, _ = _innermost_run(orders[k], dram, P, Q, Q)
            run_o, _ = _innermost_run(orders[k], dram, C, R, S)
            words_w = w_tile * product // run_w
            words_o = o_tile * product // run_o
            loops = 0
            for i in range(7):
                d = orders[k, i]
                if dram[d] > 1:
                    trips[loops] = dram[d]
                    axis[loops] = AXIS[d]
                    step[loops] = t[d] * stride if d == P or d == Q else t[d]
                    loops += 1
            words_i, _, _ = overlapped_words(loops, trips, axis, step, extent, 1, 1, 1, 0, 1)
            fetched = words_w + words_i + words_o - outputs
            pj = fetched * (dram_r + glb_w) + words_o * dram_w
            if pj > limit:
                continue
            for d in range(7):
                at[n, d] = which[d]
                order[n, d] = orders[k, d]
            cost[n, O_COST] = pj
            cost[n, O_CYCLES] = (fetched + words_o) / bw_d
            cost[n, O_W] = words_w
            cost[n, O_I] = words_i
            cost[n, O_O] = words_o
            cost[n, O_RUN_W] = run_w
            cost[n, O_RUN_O] = run_o
            n += 1
    return at[:n], order[:n], cost[:n], -1
