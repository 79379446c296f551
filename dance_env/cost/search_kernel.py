"""The compiled search through pairs of inner and outer parts (see `kernel`). Loads numba."""

from __future__ import annotations

import numpy as np
from numba import njit

from dance_env.cost.kernel import (
    EDP,
    ENERGY,
    O_COST,
    O_CYCLES,
    O_I,
    O_O,
    O_RUN_O,
    O_RUN_W,
    O_W,
    overlapped_words,
    tile_words,
)
from dance_env.cost.nest_kernel import AXIS, limited_cycles

C, M, G, R, S, P, Q = range(7)
CASES = 4
B_BASE, B_WRITES, B_CYCLES = range(3)


@njit(cache=True, nogil=True)
def _chain(x, y, rf, stride):  # type: ignore[no-untyped-def]
    """Rows of the array that can pass input tiles on to each other, and how far apart their tiles are."""
    if y[C] == 1 and y[M] == 1:
        if y[R] > 1:
            return y[R], rf[R]
        if y[P] > 1:
            return y[P], rf[P] * stride
    return 1, 0


@njit(cache=True, nogil=True)
def _least_input(d, s, extent, left, total, stride, chain, apart):  # type: ignore[no-untyped-def]
    """Bound on input words per PE when ``d`` is the innermost loop that moves the input; ``total`` iterations."""
    whole = extent[0] * extent[1] * extent[2] * extent[3]
    a = s[d] * stride if d == P or d == Q else s[d]
    size = extent[AXIS[d]]
    piece = whole if a >= size else whole // size * a
    partner = P if d == R else R if d == P else Q if d == S else S if d == Q else -1
    slides_shared = chain if chain > 1 and AXIS[d] == 2 and a == apart else 1
    if partner < 0 or left[partner] == 1:
        return total / left[d] * (whole / chain + (left[d] - 1) * piece / slides_shared)
    trips = 2
    while left[d] % trips != 0:
        trips += 1
    block = left[d] * left[partner]
    return total / block * (whole / chain + (block / trips * (trips - 1) - 1) * piece / slides_shared)


@njit(cache=True, nogil=True)
def describe(  # type: ignore[no-untyped-def]
    inner, triples, dims, stride, column_of, row_of, rows, rf_words, rf_read, rf_write, rf_low, constants, kind,
    least_cost, least_cycles, least_fetched,
):
    """Where each inner part belongs and what it must cost.

    The innermost loop above the register file belongs to one of four cases: P or Q (weights stay), C, R or S (outputs
    stay), M (inputs stay), G (nothing stays). Each case bounds the traffic between global buffer and registers.

    Returns:
        cell (n,) int64 of the array sizes; need (n,) int64 register words; bounds (n, 4, 3) float64: pJ apart from
        registers and DRAM (inf: no such case), register writes, cycles; reads (n,) float64 of registers; key (n,)
        float64: bound on the objective, to sort by.
    """
    n = inner.shape[0]
    cell = np.empty(n, dtype=np.int64)
    need = np.empty(n, dtype=np.int64)
    bounds = np.full((n, CASES, 3), np.inf)
    register_reads = np.empty(n)
    key = np.full(n, np.inf)
    mac_pj, glb_r, glb_w, bw_r, bw_w = constants[0], constants[1], constants[2], constants[6], constants[7]
    rf = np.ones(7, dtype=np.int64)
    x = np.ones(7, dtype=np.int64)
    y = np.ones(7, dtype=np.int64)
    s = np.ones(7, dtype=np.int64)
    left = np.ones(7, dtype=np.int64)
    extent = np.ones(4, dtype=np.int64)
    macs = 1
    for d in range(7):
        macs *= dims[d]
    outputs = dims[M] * dims[G] * dims[P] * dims[Q]
    for i in range(n):
        nx, ny, times, distinct = 1, 1, 1, 1
        for d in range(7):
            k = inner[i, d]
            rf[d] = triples[k, 0]
            x[d] = triples[k, 1]
            y[d] = triples[k, 2]
            s[d] = rf[d] * x[d] * y[d]
            left[d] = dims[d] // s[d]
            nx *= x[d]
            ny *= y[d]
            times *= left[d]
            if d != M:
                distinct *= x[d] * y[d]
        pes = nx * ny
        cell[i] = column_of[nx] * rows + row_of[ny]
        need[i] = max(rf_low, tile_words(rf, stride))
        spread = (s[C] // rf[C]) * (s[R] // rf[R]) * (s[S] // rf[S])
        register_reads[i] = 3.0 * macs - outputs * spread
        extent[0] = rf[G]
        extent[1] = rf[C]
        extent[2] = (rf[P] - 1) * stride + rf[R]
        extent[3] = (rf[Q] - 1) * stride + rf[S]
        whole = extent[0] * extent[1] * extent[2] * extent[3]
        chain, apart = _chain(x, y, rf, stride)
        w_all = float(s[C] * s[M] * s[G] * s[R] * s[S]) * times
        o_all = float(s[M] * s[G] * s[P] * s[Q]) * times
        w_fill = float(rf[C] * rf[M] * rf[G] * rf[R] * rf[S]) * pes * times
        a0 = 0
        while a0 < len(rf_words) and rf_words[a0] < need[i]:
            a0 += 1
        for case in range(CASES):
            w_run, o_run = 1, 1
            total = float(times)
            if case == 0:
                w_run = left[P] * left[Q]
                if w_run == 1:
                    continue
            elif case == 1:
                o_run = left[C] * left[R] * left[S]
                if o_run == 1:
                    continue
            elif case == 2:
                if left[M] == 1 and times > 1:
                    continue
                total /= left[M]
            elif left[G] == 1:
                continue
            least = np.inf
            if total == 1.0:
                least = float(whole)
            else:
                linked = 1 if case == 2 else chain
                for d in range(7):
                    fits = (
                        (case == 0 and (d == P or d == Q))
                        or (case == 1 and (d == C or d == R or d == S))
                        or (case == 2 and d != M)
                        or (case == 3 and d == G)
                    )
                    if fits and left[d] > 1:
                        least = min(least, _least_input(d, s, extent, left, total, stride, linked, apart))
            w = w_all / w_run
            o = o_all / o_run
            reads = w + least * distinct + o - outputs
            writes = least_fetched + o
            base = macs * mac_pj + reads * glb_r + o * glb_w
            put = macs + w_fill / w_run + max(0.0, least - 1) * pes + (o - outputs) * spread
            stretched = max(max(macs // pes, reads / bw_r), max(writes / bw_w, least_cycles))
            bounds[i, case, B_BASE] = base
            bounds[i, case, B_WRITES] = put
            bounds[i, case, B_CYCLES] = stretched
            if a0 < len(rf_words):
                pj = base + register_reads[i] * rf_read[a0] + put * rf_write[a0] + least_cost
                key[i] = min(key[i], pj * stretched if kind == EDP else pj if kind == ENERGY else stretched)
    return cell, need, bounds, register_reads, key


@njit(cache=True, nogil=True)
def _room(kind, value, energy, cycles, rest, stretched):  # type: ignore[no-untyped-def]
    """The most pJ at DRAM with which a mapping of ``rest`` pJ and ``stretched`` cycles could still be better."""
    if kind == EDP:
        return value / stretched - rest
    if kind == ENERGY:
        return (value - rest) * (1 + 1e-15) if stretched < cycles else value - rest
    if stretched < value:
        return np.inf
    return energy - rest if stretched == value else -1.0


@njit(cache=True, nogil=True)
def _limit(kind, value, energy, cycles, bounds, reads, rf_read, rf_write, first, last):  # type: ignore[no-untyped-def]
    """`_room`, the widest over cases and register files ``first`` to ``last`` (exclusive) of one cell."""
    widest = -1.0
    for case in range(CASES):
        base = bounds[case, B_BASE]
        if base == np.inf:
            continue
        for a in range(first, last):
            rest = base + reads * rf_read[a] + bounds[case, B_WRITES] * rf_write[a]
            widest = max(widest, _room(kind, value[a], energy[a], cycles[a], rest, bounds[case, B_CYCLES]))
    return widest


@njit(cache=True, nogil=True)
def widest_limit(  # type: ignore[no-untyped-def]
    cell, need, bounds, register_reads, rf_words, rf_high, rf_read, rf_write, kind, value, energy, cycles
):
    """What an outer part may cost at most (pJ) to improve anything."""
    columns, rows, sizes = value.shape
    last = sizes
    while last > 0 and rf_words[last - 1] > rf_high:
        last -= 1
    widest = -1.0
    for i in range(cell.shape[0]):
        first = 0
        while first < last and rf_words[first] < need[i]:
            first += 1
        x, y = cell[i] // rows, cell[i] % rows
        widest = max(widest, _limit(kind, value[x, y], energy[x, y], cycles[x, y], bounds[i], register_reads[i],
                                    rf_read, rf_write, first, last))
    return widest


@njit(cache=True, nogil=True)
def spread_best(value, energy, cycles, pick):  # type: ignore[no-untyped-def]
    """Let every array use the best mapping of the arrays inside it (a running minimum over columns and rows)."""
    columns, rows, sizes = value.shape
    for x in range(columns):
        for y in range(rows):
            take_best(value, energy, cycles, pick, x, y)


@njit(cache=True, nogil=True)
def take_best(value, energy, cycles, pick, x, y):  # type: ignore[no-untyped-def]
    """Take over what the arrays one column or one row smaller do better."""
    for side in range(2):
        u, v = (x - 1, y) if side == 0 else (x, y - 1)
        if u < 0 or v < 0:
            continue
        for a in range(value.shape[2]):
            if value[u, v, a] < value[x, y, a] or (
                value[u, v, a] == value[x, y, a]
                and (energy[u, v, a] < energy[x, y, a] or cycles[u, v, a] < cycles[x, y, a])
                and energy[u, v, a] * cycles[u, v, a] < energy[x, y, a] * cycles[x, y, a]
            ):
                value[x, y, a] = value[u, v, a]
                energy[x, y, a] = energy[u, v, a]
                cycles[x, y, a] = cycles[u, v, a]
                pick[x, y, a, :] = pick[u, v, a, :]


@njit(cache=True, nogil=True)
def search_box(  # type: ignore[no-untyped-def]
    order, starts, inner, triples, sub, need, bounds, register_reads, outer_at, outer_order, outer_cost,
    quotient, quotient_at, dims, stride, glb_ok, glb_order, rf_words, rf_high, rf_read, rf_write, constants, kind,
    value, energy, cycles, pick, box, outer_base,
):
    """Try the pairs of inner and outer parts that could be better than what is known.

    Args:
        order, starts: inner parts sorted by cell, then by bound; where each cell begins.
        sub: per triple, the index of its product among the divisors of its dimension.
        quotient, quotient_at: per dimension a table (divisor of the tile, divisor of the inner part) of quotients, 0
            where they do not divide; where each dimension's table begins and its row length.
        value, energy, cycles: (X, Y, n_rf), improved in place; pick (X, Y, n_rf, 3): box, inner and outer part.

    Returns:
        Mappings costed in full.
    """
    columns, rows, sizes = value.shape
    mac_pj, glb_r, glb_w, dram_r, dram_w = constants[0], constants[1], constants[2], constants[3], constants[4]
    bw_r, bw_w, bw_d = constants[6], constants[7], constants[8]
    last = sizes
    while last > 0 and rf_words[last - 1] > rf_high:
        last -= 1
    macs = 1
    for d in range(7):
        macs *= dims[d]
    outputs = dims[M] * dims[G] * dims[P] * dims[Q]
    used = np.zeros(7, dtype=np.int64)
    ways = 0
    for k in range(7):
        if dims[glb_order[k]] > 1:
            used[ways] = glb_order[k]
            ways += 1
    rf = np.ones(7, dtype=np.int64)
    x = np.ones(7, dtype=np.int64)
    y = np.ones(7, dtype=np.int64)
    s = np.ones(7, dtype=np.int64)
    glb = np.ones(7, dtype=np.int64)
    extent = np.ones(4, dtype=np.int64)
    table_row = np.zeros(7, dtype=np.int64)
    trips = np.zeros(14, dtype=np.int64)
    axis = np.zeros(14, dtype=np.int64)
    step = np.zeros(14, dtype=np.int64)
    n_outer = outer_at.shape[0]
    costed = 0
    for cell in range(columns * rows):
        u = cell // rows
        v = cell % rows
        take_best(value, energy, cycles, pick, u, v)
        for position in range(starts[cell], starts[cell + 1]):
            i = order[position]
            first = 0
            while first < last and rf_words[first] < need[i]:
                first += 1
            limit = _limit(kind, value[u, v], energy[u, v], cycles[u, v], bounds[i], register_reads[i], rf_read,
                           rf_write, first, last)
            if not outer_cost[0, O_COST] < limit:
                continue
            times, nx, ny, distinct_y, distinct_x = 1, 1, 1, 1, 1
            for d in range(7):
                k = inner[i, d]
                rf[d] = triples[k, 0]
                x[d] = triples[k, 1]
                y[d] = triples[k, 2]
                s[d] = rf[d] * x[d] * y[d]
                times *= dims[d] // s[d]
                nx *= x[d]
                ny *= y[d]
                if d != M:
                    distinct_x *= x[d]
                    distinct_y *= y[d]
                table_row[d] = quotient_at[d, 0] + sub[k]
            pes = nx * ny
            spread = (s[C] // rf[C]) * (s[R] // rf[R]) * (s[S] // rf[S])
            extent[0] = rf[G]
            extent[1] = rf[C]
            extent[2] = (rf[P] - 1) * stride + rf[R]
            extent[3] = (rf[Q] - 1) * stride + rf[S]
            chain, apart = _chain(x, y, rf, stride)
            w_whole = s[C] * s[M] * s[G] * s[R] * s[S] * times
            o_whole = s[M] * s[G] * s[P] * s[Q] * times
            w_fill = rf[C] * rf[M] * rf[G] * rf[R] * rf[S] * pes * times
            compute = macs // pes
            least = np.inf  # register writes of inputs
            for case in range(CASES):
                if bounds[i, case, B_BASE] < np.inf:
                    least = min(least, bounds[i, case, B_WRITES])
            for o in range(n_outer):
                if not outer_cost[o, O_COST] < limit:
                    break
                fits = True
                for k in range(ways):
                    d = used[k]
                    g = quotient[table_row[d] + outer_at[o, d] * quotient_at[d, 1]]
                    if g == 0 or (g > 1 and not glb_ok[d]):
                        fits = False
                        break
                    glb[d] = g
                if not fits:
                    continue
                run_w, run_o = 1, 1
                go_w, go_o = True, True
                for k in range(ways):
                    d = used[k]
                    if glb[d] > 1:
                        if go_w:
                            if d == P or d == Q:
                                run_w *= glb[d]
                            else:
                                go_w = False
                        if go_o:
                            if d == C or d == R or d == S:
                                run_o *= glb[d]
                            else:
                                go_o = False
                        if not go_w and not go_o:
                            break
                if go_w:
                    run_w *= np.int64(outer_cost[o, O_RUN_W])
                if go_o:
                    run_o *= np.int64(outer_cost[o, O_RUN_O])
                w1 = w_whole // run_w
                o1 = o_whole // run_o
                w2, i2, o2 = outer_cost[o, O_W], outer_cost[o, O_I], outer_cost[o, O_O]
                # Is there a case in which what is known of weights and outputs leaves room?
                n = 0
                for k in range(ways):
                    d = used[k]
                    if glb[d] > 1:
                        trips[n] = glb[d]
                        axis[n] = AXIS[d]
                        step[n] = s[d] * stride if d == P or d == Q else s[d]
                        n += 1
                for k in range(7):
                    d = outer_order[o, k]
                    held = s[d] * glb[d]
                    if held < dims[d]:
                        trips[n] = dims[d] // held
                        axis[n] = AXIS[d]
                        step[n] = held * stride if d == P or d == Q else held
                        n += 1
                i1, fills, passed = overlapped_words(
                    n, trips, axis, step, extent, distinct_y, ny, distinct_x, apart, chain)
                share = passed / pes
                reads = w1 + i1 + (o1 - outputs)
                writes = w2 + i2 + (o1 + o2 - outputs)
                base = (
                    macs * mac_pj + (reads * glb_r + writes * glb_w)
                    + ((w2 + i2 + o2 - outputs) * dram_r + o2 * dram_w)
                )
                rf_reads = macs + pes * np.floor(compute + share + 0.5) + (macs - outputs * spread)
                rf_writes = (
                    w_fill // run_w + pes * np.floor(fills * nx / pes + share) + macs + (o1 - outputs) * spread
                )
                stretched = max(
                    limited_cycles(compute, w1, i1, o1 - outputs, bw_r),
                    limited_cycles(compute, w2, i2, o1 + o2 - outputs, bw_w),
                )
                stretched = max(stretched, limited_cycles(compute, w2, i2, o2 + o2 - outputs, bw_d))
                costed += 1
                better = False
                for a in range(first, last):
                    pj = base + (rf_reads * rf_read[a] + rf_writes * rf_write[a])
                    goal = pj * stretched if kind == EDP else pj if kind == ENERGY else stretched
                    if goal < value[u, v, a] or (
                        goal == value[u, v, a] and kind != EDP
                        and (pj < energy[u, v, a] or stretched < cycles[u, v, a])
                    ):
                        value[u, v, a] = goal
                        energy[u, v, a] = pj
                        cycles[u, v, a] = stretched
                        pick[u, v, a, 0] = box
                        pick[u, v, a, 1] = i
                        pick[u, v, a, 2] = outer_base + o
                        better = True
                if better:
                    limit = _limit(kind, value[u, v], energy[u, v], cycles[u, v], bounds[i], register_reads[i],
                                   rf_read, rf_write, first, last)
    return costed
