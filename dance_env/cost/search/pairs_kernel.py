"""The compiled search through pairs of inner and outer parts of mappings. Loads numba."""

# mypy: disable-error-code="no-untyped-def, assignment"
# ruff: noqa: SIM109  (a membership test in a tuple costs numba compile time)
from __future__ import annotations

import numpy as np

from dance_env.cost.compiled import compiled, helper
from dance_env.cost.mapping.input_kernel import distinct_tiles, links, overlapped_words, physical_input_words
from dance_env.cost.mapping.loops import AXIS, DRAM, GLB, RF, C, G, M, P, Q, R, S, X, Y
from dance_env.cost.mapping.nest_kernel import limited_cycles, rows_of
from dance_env.cost.search.bounds_kernel import (
    B_WRITES,
    PART_ROWS,
    buffer_pj,
    case_bound,
    case_words,
    dram_cycles,
    first_size,
    spread_reduction,
    unpack,
    words_read,
)
from dance_env.cost.search.cases_kernel import CASES, I_STAYS, case_exists, is_in_case, least_inputs
from dance_env.cost.search.outer_kernel import O_DRAINED, O_FETCHED, O_I, O_O, O_RUN_O, O_RUN_W, O_W, crossing_pj
from dance_env.cost.search.search_data import EDP, ENERGY, LATENCY


@helper
def _better(kind, goal, energy, cycles, best, best_energy, best_cycles):
    """Whether a mapping beats the best; energy decides between equal cycles, cycles between equal energies."""
    if goal != best or kind == EDP:
        return goal < best
    return cycles < best_cycles if kind == ENERGY else energy < best_energy


@helper
def _goal(kind, energy, cycles):
    if kind == EDP:
        return energy * cycles
    return energy if kind == ENERGY else cycles


@helper
def _possible(grid, prices, m, value, energy, cycles, sizes, least_pj, least_cycles, reads, written, pes):
    """Whether a mapping of at least these cycles, pJ (but registers and leakage) and register words could be better."""
    base = least_pj + least_cycles * prices.glb_leak_pj[m]
    for a in range(sizes[0], sizes[1]):
        total = base + reads * grid.rf_read_pj[a] + written * grid.rf_write_pj[a]
        total += least_cycles * pes * grid.rf_leak_pj[a]
        goal = _goal(grid.kind, total, least_cycles)
        if _better(grid.kind, goal, total, least_cycles, value[m, a], energy[m, a], cycles[m, a]):
            return True
    return False


@helper
def _room(kind, value, energy, cycles, rest, least_cycles):
    """The most pJ beyond ``rest`` with which a mapping of ``least_cycles`` could still be better (exclusive)."""
    if kind == EDP:
        return value / least_cycles - rest
    if kind == ENERGY:
        return (value - rest) * (1 + 1e-12) if least_cycles < cycles else value - rest
    if least_cycles < value:
        return np.inf
    return energy - rest if least_cycles == value else -1.0


@helper
def _case_bounds(bounds, fetched, dram, macs, prices, m, base, least_cycles):
    """Write `case_bound` of each case in memory ``m`` to row ``m`` of ``base`` and ``least_cycles`` (M, 4)."""
    for case in range(CASES):
        base[m, case], least_cycles[m, case] = case_bound(bounds, case, fetched, dram, macs, prices, m)


@helper
def _limits(grid, prices, m, value, energy, cycles, sizes, base, least_cycles, bounds, reads, pes, limit):
    """Write the widest `_room` of each case over the register files to row ``m`` of ``limit``; returns the widest."""
    widest = -1.0
    for case in range(CASES):
        limit[m, case] = -1.0
        if base[m, case] < np.inf:
            least = least_cycles[m, case]
            for a in range(sizes[0], sizes[1]):
                rest = base[m, case] + reads * grid.rf_read_pj[a] + bounds[case, B_WRITES] * grid.rf_write_pj[a]
                rest += least * (prices.glb_leak_pj[m] + pes * grid.rf_leak_pj[a])
                room = _room(grid.kind, value[m, a], energy[m, a], cycles[m, a], rest, least)
                limit[m, case] = max(limit[m, case], room)
            widest = max(widest, limit[m, case])
    return widest


@compiled
def widest_limits(inner, dims, grid, prices, best):
    """What an outer part may cost (pJ) and take (cycles) at most to improve anything: (M,), by memory."""
    memories = len(prices.glb_words)
    last = first_size(grid.rf_words, inner.most_rf_words + 1)
    macs, outputs = _operations(dims)
    limit, base, least_cycles = np.empty((memories, CASES)), np.empty((memories, CASES)), np.empty((memories, CASES))
    widest, slowest = np.empty(memories), np.empty(memories)
    for m in range(memories):
        widest[m], slowest[m] = -1.0, -1.0
    dearest = np.empty((memories, len(grid.rf_words)))
    fetched_least, dram = inner.fetched, dram_cycles(inner.fetched, outputs, prices)
    for cell in range(grid.shape[0] * grid.shape[1]):
        x, y = cell // grid.shape[1], cell % grid.shape[1]
        value, energy, cycles = best.value[x, y], best.energy[x, y], best.cycles[x, y]
        for m in range(memories):
            _dearest(value, m, dearest)
        for position in range(inner.starts[cell], inner.starts[cell + 1]):
            i = inner.order[position]
            if memories == 1 and inner.key[i, 0] > dearest[0, 0]:
                break
            sizes = (first_size(grid.rf_words, inner.need[i]), last)
            if sizes[0] >= last:
                continue
            for m in range(memories):
                if inner.key[i, m] > dearest[m, sizes[0]]:
                    continue
                bounds, reads, pes = inner.bounds[i], inner.reads[i], inner.pes[i]
                _case_bounds(bounds, fetched_least, dram, macs, prices, m, base, least_cycles)
                room = _limits(
                    grid, prices, m, value, energy, cycles, sizes, base, least_cycles, bounds, reads, pes, limit
                )
                if room > 0:
                    widest[m] = max(widest[m], room)
                    for a in range(sizes[0], sizes[1]):
                        slow = cycles[m, a] * (1 + 1e-12) if grid.kind == LATENCY else np.inf
                        slowest[m] = max(slowest[m], slow)
    return widest, slowest


@helper
def _operations(dims):
    """Return multiply-adds and outputs."""
    macs = 1
    for d in range(7):
        macs *= dims[d]
    return macs, dims[M] * dims[G] * dims[P] * dims[Q]


@helper
def _take_best(kind, best, x, y):
    """Take over what the arrays one column or one row smaller do better."""
    value, energy, cycles = best.value, best.energy, best.cycles
    for side in range(2):
        u, v = (x - 1, y) if side == 0 else (x, y - 1)
        if u < 0 or v < 0:
            continue
        for m in range(value.shape[2]):
            for a in range(value.shape[3]):
                goal, pj, time = value[u, v, m, a], energy[u, v, m, a], cycles[u, v, m, a]
                if _better(kind, goal, pj, time, value[x, y, m, a], energy[x, y, m, a], cycles[x, y, m, a]):
                    value[x, y, m, a] = goal
                    energy[x, y, m, a] = pj
                    cycles[x, y, m, a] = time
                    for k in range(3):
                        best.pick[x, y, m, a, k] = best.pick[u, v, m, a, k]


@helper
def _limited(cycles, w, i, o, rate):
    """`limited_cycles`, without its divisions where the port is clearly no limit."""
    if w + i + o < rate * cycles * (1 - 1e-9):
        return float(cycles)
    return limited_cycles(cycles, w, i, o, rate)


@helper
def _list_loops(glb_order, glb, tile, dims, stride, outer_order, j, loops):
    """List the loops above the array, innermost first, as rows trips, axis, step; returns how many there are."""
    n = np.int64(0)
    for k in range(14):
        d = glb_order[k] if k < 7 else np.int64(outer_order[j, k - 7])
        held = tile[d] if k < 7 else tile[d] * glb[d]
        count = glb[d] if k < 7 else dims[d] // held
        if count > 1:
            loops[0, n] = count
            loops[1, n] = AXIS[d]
            loops[2, n] = held * stride if d == P or d == Q else held
            n += 1
    return n


@helper
def _innermost(glb_order, glb, tile, dims, outer_order, j):
    """The innermost loop above the array and the innermost that moves the input; -1 for none."""
    first = -1
    for k in range(14):
        d = glb_order[k] if k < 7 else np.int64(outer_order[j, k - 7])
        if glb[d] > 1 if k < 7 else tile[d] * glb[d] < dims[d]:
            if first < 0:
                first = d
            if d != M:
                return first, d
    return first, -1


@helper
def _runs(glb_order, glb, dram_run_w, dram_run_o):
    """Innermost runs of loops, over both levels, that leave the weights and the outputs of the registers in place."""
    run_w, run_o = 1, 1
    in_w, in_o = True, True
    for k in range(7):
        d = glb_order[k]
        if glb[d] > 1:
            in_w = in_w and (d == P or d == Q)
            in_o = in_o and (d == C or d == R or d == S)
            if in_w:
                run_w *= glb[d]
            elif in_o:
                run_o *= glb[d]
            else:
                break
    if in_w:
        run_w *= np.int64(dram_run_w)
    if in_o:
        run_o *= np.int64(dram_run_o)
    return run_w, run_o


@helper
def _glb_factors(glb, quotient, row_at, row_length, outer_at, j, glb_ok):
    """Write the global buffer's factors; False where the inner part does not divide the tile."""
    for d in range(7):
        g = quotient[row_at[d] + outer_at[j, d] * row_length[d]]
        if g == 0 or (g > 1 and not glb_ok[d]):
            return False
        glb[d] = g
    return True


@helper
def _case_of(inmost):
    """Return the case of the innermost loop above the array; -1: no loop runs."""
    if inmost >= 0 and inmost != M:
        for case in range(CASES):
            if case != I_STAYS and is_in_case(case, inmost):
                return case
    return I_STAYS


@helper
def _dearest(value, m, dearest):
    """Write, for each register file size, the worst objective of that size and larger ones in memory ``m``."""
    worst = -1.0
    for a in range(value.shape[1] - 1, -1, -1):
        worst = max(worst, value[m, a])
        dearest[m, a] = worst


@helper
def _least_traffic(outer, prices, least_pj):
    """Write the least pJ at DRAM of the outer parts that each memory holds."""
    for m in range(len(least_pj)):
        least_pj[m] = np.inf
    for j in range(outer.pj.shape[0]):
        for m in range(outer.first[j], len(least_pj)):
            pj = crossing_pj(outer.cost[j, O_FETCHED], outer.cost[j, O_DRAINED], prices, prices.glb_write_pj[m])
            least_pj[m] = min(least_pj[m], pj)


@helper
def _widest_from(widest, from_here):
    """Write, for each memory, the widest limit of that memory and the later ones, which hold all that it holds."""
    most = -1.0
    for m in range(len(widest) - 1, -1, -1):
        most = max(most, widest[m])
        from_here[m] = most


@compiled
def search_box(inner, outer, divisors, dims, stride, glb_ok, glb_order, grid, prices, physical, best, number):
    """Try the pairs of inner and outer parts that could be better than what is known; improves ``best`` in place.

    Cells come in order of columns, then rows, and each starts from what its smaller neighbors have found: a running
    minimum over both sides of the array. A pair is counted once for all memories that hold its tile and that it could
    improve, each by its own bound.

    Args:
        inner, outer, divisors, grid, prices, best: see `search_data`; ``outer`` by ascending pJ.
        number: of this call, for ``best.pick``.
        physical: None for the reference's rule of overlapping inputs (the other's branches are then not compiled).

    Returns:
        Mappings costed in full.
    """
    # Plain names: taking an array out of a tuple or a row out of an array counts references, in the innermost loop too.
    outer_at, outer_order, outer_cost, fits = outer.at, outer.order, outer.cost, outer.fits
    outer_pj, outer_first = outer.pj, outer.first
    key, need = inner.key, inner.need
    read_pj, write_pj, dram_rate = prices.glb_read_pj, prices.glb_write_pj, prices.dram_rate
    quotient, row_length = divisors.quotient, divisors.table[:, 1].copy()
    last = first_size(grid.rf_words, inner.most_rf_words + 1)
    macs, outputs = _operations(dims)
    row_words = prices.row_words
    part = np.ones((PART_ROWS, 7), dtype=np.int64)
    rf, x_part, y_part, tile, left = part[0], part[1], part[2], part[3], part[4]
    glb = np.ones(7, dtype=np.int64)
    extent = np.ones(4, dtype=np.int64)
    row_at = np.zeros(7, dtype=np.int64)
    loops = np.zeros((3, 14), dtype=np.int64)
    trips, axis, step = loops[0], loops[1], loops[2]
    memories = len(prices.glb_words)
    # By memory: bounds of each case, limits of each case, what the cases' buffer traffic costs at least.
    base, least_cycles = np.empty((memories, CASES)), np.empty((memories, CASES))
    limit, least_buffer = np.empty((memories, CASES)), np.empty((memories, CASES))
    widest, widest_from, least_pj = np.empty(memories), np.empty(memories), np.empty(memories)
    # The memories under which an inner part could improve something, and those under which a pair could.
    opened, left_open = np.empty(memories, dtype=np.int64), np.empty(memories, dtype=np.int64)
    _least_traffic(outer, prices, least_pj)
    least = np.empty(CASES)
    least_i = np.zeros((2, 7))
    factors = np.ones((5, 7), dtype=np.int64)
    dram_order = np.zeros(7, dtype=np.int64)
    dearest = np.empty((memories, len(grid.rf_words)))
    fetched_least, dram = inner.fetched, dram_cycles(inner.fetched, outputs, prices)
    costed = 0
    for cell in range(grid.shape[0] * grid.shape[1]):
        x = cell // grid.shape[1]
        y = cell % grid.shape[1]
        _take_best(grid.kind, best, x, y)
        value, energy, cycles, pick = best.value[x, y], best.energy[x, y], best.cycles[x, y], best.pick[x, y]
        for m in range(memories):
            _dearest(value, m, dearest)
        for position in range(inner.starts[cell], inner.starts[cell + 1]):
            i = inner.order[position]
            if memories == 1 and key[i, 0] > dearest[0, 0]:  # parts are sorted by key: no later one is better
                break
            sizes = (first_size(grid.rf_words, need[i]), last)
            if sizes[0] >= last:
                continue
            bounds, register_reads, pes = inner.bounds[i], inner.reads[i], inner.pes[i]
            n_opened = 0
            for m in range(memories):
                widest[m] = -1.0
                if key[i, m] > dearest[m, sizes[0]]:
                    continue
                _case_bounds(bounds, fetched_least, dram, macs, prices, m, base, least_cycles)
                possible = False
                for case in range(CASES):
                    possible = possible or (
                        base[m, case] < np.inf
                        and _possible(grid, prices, m, value, energy, cycles, sizes, base[m, case] + least_pj[m],
                                      least_cycles[m, case], register_reads, bounds[case, B_WRITES], pes)
                    )  # fmt: skip
                if possible:
                    opened[n_opened] = m
                    n_opened += 1
                    widest[m] = _limits(
                        grid, prices, m, value, energy, cycles, sizes, base, least_cycles, bounds, register_reads, pes,
                        limit,
                    )  # fmt: skip
            if n_opened == 0:
                continue
            _widest_from(widest, widest_from)
            columns, rows, iterations = unpack(
                inner.rows, i, inner.triples, dims, stride, rf, x_part, y_part, tile, left, extent
            )
            compute = macs // pes
            distinct_y, distinct_x = distinct_tiles(x_part, y_part)
            distinct = distinct_y * distinct_x
            chain, apart = links(rf, y_part, stride)
            spread = spread_reduction(x_part, y_part)
            w_whole = tile[C] * tile[M] * tile[G] * tile[R] * tile[S] * iterations
            o_whole = tile[M] * tile[G] * tile[P] * tile[Q] * iterations
            w_fill = rf[C] * rf[M] * rf[G] * rf[R] * rf[S] * pes * iterations
            bits_low, bits_high = np.uint64(0), np.uint64(0)
            for d in range(7):
                bit = divisors.bit[d] + inner.divisor[inner.rows[i, d]]
                if bit < 64:
                    bits_low |= np.uint64(1) << np.uint64(bit)
                elif bit < 128:
                    bits_high |= np.uint64(1) << np.uint64(bit - 64)
                row_at[d] = divisors.table[d, 0] + inner.divisor[inner.rows[i, d]]
            whole = extent[0] * extent[1] * extent[2] * extent[3]
            least_inputs(tile, left, extent, stride, chain, apart, least_i)
            for case in range(CASES):
                if case_exists(case, left, iterations):
                    w, o, per_pe = case_words(case, tile, left, whole, iterations, least_i, physical is not None)
                    least[case] = per_pe
                    read = words_read(w, per_pe * distinct, o, outputs, row_words)
                    updated = rows_of(o, row_words)
                    for k in range(n_opened):
                        m = opened[k]
                        least_buffer[m, case] = buffer_pj(read, updated, read_pj[m], write_pj[m])
            for j in range(outer_pj.shape[0]):
                if not outer_pj[j] < widest_from[0]:  # outer parts are sorted by pJ: no later one leaves room
                    break
                # A cheap filter: does every factor of the inner part divide the tile?
                if fits[j, 0] & bits_low != bits_low or fits[j, 1] & bits_high != bits_high:
                    continue
                first = outer_first[j]
                if not outer_pj[j] < widest_from[first]:
                    continue
                if not _glb_factors(glb, quotient, row_at, row_length, outer_at, j, glb_ok):
                    continue
                # Weights and outputs, exactly; inputs by a bound.
                run_w, run_o = _runs(glb_order, glb, outer_cost[j, O_RUN_W], outer_cost[j, O_RUN_O])
                w1, o1 = w_whole // run_w, o_whole // run_o
                w2, i2, o2 = outer_cost[j, O_W], outer_cost[j, O_I], outer_cost[j, O_O]
                inmost, slide = _innermost(glb_order, glb, tile, dims, outer_order, j)
                case = _case_of(inmost)
                per_pe = least[case]
                if slide >= 0 and physical is None:
                    per_pe = max(
                        per_pe,
                        least_i[1, slide] * (iterations // left[M])
                        if case == I_STAYS
                        else least_i[0, slide] * iterations,
                    )
                read = words_read(float(w1), per_pe * distinct, float(o1), outputs, row_words)
                updated = rows_of(float(o1), row_words)
                fetched, drained = outer_cost[j, O_FETCHED], outer_cost[j, O_DRAINED]
                busy, crossing = -1.0, w2 + i2 + (o2 + o2 - outputs)
                n_left = 0
                for k in range(n_opened):
                    m = opened[k]
                    if m < first:
                        continue
                    more = buffer_pj(read, updated, read_pj[m], write_pj[m]) - least_buffer[m, case]
                    pj = crossing_pj(fetched, drained, prices, write_pj[m]) + more
                    if not pj < limit[m, case]:
                        continue
                    if busy < 0:
                        busy = (w1 + per_pe * distinct + o1 - outputs) / prices.glb_read_rate
                        busy = max(busy, (w2 + i2 + (o1 + o2 - outputs)) / prices.glb_write_rate)
                    time = max(least_cycles[m, case], busy, crossing / dram_rate[m])
                    if time > least_cycles[m, case] and not _possible(
                        grid, prices, m, value, energy, cycles, sizes, base[m, case] + pj, time, register_reads,
                        bounds[case, B_WRITES], pes,
                    ):  # fmt: skip
                        continue
                    left_open[n_left] = m
                    n_left += 1
                if n_left == 0:
                    continue
                # Everything, exactly.
                if physical is not None:
                    for d in range(7):
                        dram_order[d] = outer_order[j, d]
                        factors[RF, d], factors[X, d], factors[Y, d] = rf[d], x_part[d], y_part[d]
                        factors[GLB, d], factors[DRAM, d] = glb[d], left[d] // glb[d]
                    i1, fills, passed = physical_input_words(factors, stride, glb_order, dram_order, RF)
                    linked = 0
                else:
                    n = _list_loops(glb_order, glb, tile, dims, stride, outer_order, j, loops)
                    i1, fills, linked, passed = overlapped_words(
                        n, trips, axis, step, extent, distinct_y, rows, distinct_x, apart, chain
                    )
                costed += 1
                # A PE's reads and fills carry an equal share of what the column's PEs pass on (rule 5).
                share = passed / pes
                read = words_read(float(w1), float(i1), float(o1), outputs, row_words)
                # Registers: weights, inputs, partial sums; the first partial sum of an output is not read.
                rf_reads = macs + pes * np.floor(compute + share + 0.5) + (macs - outputs * spread)
                rf_writes = w_fill // run_w + pes * np.floor(
                    (fills - linked) * columns / pes + linked * columns / pes + share
                )
                rf_writes += macs + (o1 - outputs) * spread
                time = _limited(compute, float(w1), float(i1), float(o1 - outputs), prices.glb_read_rate)
                busy = max(time, _limited(compute, w2, i2, o1 + o2 - outputs, prices.glb_write_rate))
                for k in range(n_left):
                    m = left_open[k]
                    time = max(busy, _limited(compute, w2, i2, o2 + o2 - outputs, dram_rate[m]))
                    pj = macs * prices.mac_pj + crossing_pj(fetched, drained, prices, write_pj[m])
                    pj += buffer_pj(read, updated, read_pj[m], write_pj[m])
                    improved = False
                    for a in range(sizes[0], sizes[1]):
                        total = pj + (rf_reads * grid.rf_read_pj[a] + rf_writes * grid.rf_write_pj[a])
                        total += time * (prices.glb_leak_pj[m] + pes * grid.rf_leak_pj[a])
                        goal = _goal(grid.kind, total, time)
                        if _better(grid.kind, goal, total, time, value[m, a], energy[m, a], cycles[m, a]):
                            value[m, a] = goal
                            energy[m, a] = total
                            cycles[m, a] = time
                            pick[m, a, 0] = number
                            pick[m, a, 1] = i
                            pick[m, a, 2] = j
                            improved = True
                    if improved:
                        _dearest(value, m, dearest)
                        widest[m] = _limits(
                            grid, prices, m, value, energy, cycles, sizes, base, least_cycles, bounds, register_reads,
                            pes, limit,
                        )  # fmt: skip
                        _widest_from(widest, widest_from)
    return costed
