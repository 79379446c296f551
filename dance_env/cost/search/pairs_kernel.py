"""The compiled search through pairs of inner and outer parts of mappings. Loads numba."""

# mypy: disable-error-code="no-untyped-def, assignment"
# ruff: noqa: SIM109  (a membership test in a tuple costs numba compile time)
from __future__ import annotations

import numpy as np

from dance_env.cost.compiled import compiled, helper
from dance_env.cost.mapping.input_kernel import distinct_tiles, links, overlapped_words, physical_input_words
from dance_env.cost.mapping.loops import AXIS, DRAM, GLB, RF, C, G, M, P, Q, R, S, X, Y
from dance_env.cost.mapping.nest_kernel import limited_cycles
from dance_env.cost.search.bounds_kernel import (
    B_BASE,
    B_CYCLES,
    B_WRITES,
    PART_ROWS,
    buffer_pj,
    case_words,
    first_size,
    spread_reduction,
    unpack,
)
from dance_env.cost.search.cases_kernel import CASES, I_STAYS, case_exists, is_in_case, least_inputs
from dance_env.cost.search.outer_kernel import O_I, O_O, O_PJ, O_RUN_O, O_RUN_W, O_W
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
def _possible(grid, prices, value, energy, cycles, sizes, bounds, case, least_cycles, reads, pes, pj):
    """Whether a mapping of at least the case's bounds, ``least_cycles`` and ``pj`` at DRAM could be better."""
    base = bounds[case, B_BASE] + pj + least_cycles * prices.glb_leak_pj
    written = bounds[case, B_WRITES]
    for a in range(sizes[0], sizes[1]):
        total = base + reads * grid.rf_read_pj[a] + written * grid.rf_write_pj[a]
        total += least_cycles * pes * grid.rf_leak_pj[a]
        goal = _goal(grid.kind, total, least_cycles)
        if _better(grid.kind, goal, total, least_cycles, value[a], energy[a], cycles[a]):
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
def _limits(grid, prices, value, energy, cycles, sizes, bounds, reads, pes, limit):
    """Write the widest `_room` of each case over the register files; returns the widest of all."""
    widest = -1.0
    for case in range(CASES):
        limit[case] = -1.0
        if bounds[case, B_BASE] < np.inf:
            for a in range(sizes[0], sizes[1]):
                rest = bounds[case, B_BASE] + reads * grid.rf_read_pj[a] + bounds[case, B_WRITES] * grid.rf_write_pj[a]
                rest += bounds[case, B_CYCLES] * (prices.glb_leak_pj + pes * grid.rf_leak_pj[a])
                room = _room(grid.kind, value[a], energy[a], cycles[a], rest, bounds[case, B_CYCLES])
                limit[case] = max(limit[case], room)
            widest = max(widest, limit[case])
    return widest


@compiled
def widest_limits(inner, grid, prices, best):
    """What an outer part may cost (pJ) and take (cycles) at most to improve anything."""
    rows = grid.shape[1]
    slowest = -1.0
    last = first_size(grid.rf_words, inner.most_rf_words + 1)
    limit = np.empty(CASES)
    widest = -1.0
    for i in range(inner.cell.shape[0]):
        sizes = (first_size(grid.rf_words, inner.need[i]), last)
        x, y = inner.cell[i] // rows, inner.cell[i] % rows
        value, energy, cycles = best.value[x, y], best.energy[x, y], best.cycles[x, y]
        room = _limits(grid, prices, value, energy, cycles, sizes, inner.bounds[i], inner.reads[i], inner.pes[i], limit)
        if room > 0:
            widest = max(widest, room)
            for a in range(sizes[0], sizes[1]):
                slowest = max(slowest, cycles[a] if grid.kind == LATENCY else np.inf)
    return widest, slowest * (1 + 1e-12)


@helper
def _take_best(kind, best, x, y):
    """Take over what the arrays one column or one row smaller do better."""
    value, energy, cycles = best.value, best.energy, best.cycles
    for side in range(2):
        u, v = (x - 1, y) if side == 0 else (x, y - 1)
        if u < 0 or v < 0:
            continue
        for a in range(value.shape[2]):
            goal, pj, time = value[u, v, a], energy[u, v, a], cycles[u, v, a]
            if _better(kind, goal, pj, time, value[x, y, a], energy[x, y, a], cycles[x, y, a]):
                value[x, y, a] = goal
                energy[x, y, a] = pj
                cycles[x, y, a] = time
                for k in range(3):
                    best.pick[x, y, a, k] = best.pick[u, v, a, k]


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
def _dearest(value, dearest):
    """Write, for each register file size, the worst objective of that size and larger ones."""
    worst = -1.0
    for a in range(len(value) - 1, -1, -1):
        worst = max(worst, value[a])
        dearest[a] = worst


@compiled
def search_box(inner, outer, divisors, dims, stride, glb_ok, glb_order, grid, prices, physical, best, number):
    """Try the pairs of inner and outer parts that could be better than what is known; improves ``best`` in place.

    Cells come in order of columns, then rows, and each starts from what its smaller neighbors have found: a running
    minimum over both sides of the array.

    Args:
        inner, outer, divisors, grid, prices, best: see `search_data`; ``outer`` by ascending pJ.
        number: of this call, for ``best.pick``.
        physical: None for the reference's rule of overlapping inputs (the other's branches are then not compiled).

    Returns:
        Mappings costed in full.
    """
    # Plain names: taking an array out of a tuple or a row out of an array counts references, in the innermost loop too.
    outer_at, outer_order, outer_cost, fits = outer.at, outer.order, outer.cost, outer.fits
    quotient, row_length = divisors.quotient, divisors.table[:, 1].copy()
    last = first_size(grid.rf_words, inner.most_rf_words + 1)
    macs = 1
    for d in range(7):
        macs *= dims[d]
    outputs = dims[M] * dims[G] * dims[P] * dims[Q]
    part = np.ones((PART_ROWS, 7), dtype=np.int64)
    rf, x_part, y_part, tile, left = part[0], part[1], part[2], part[3], part[4]
    glb = np.ones(7, dtype=np.int64)
    extent = np.ones(4, dtype=np.int64)
    row_at = np.zeros(7, dtype=np.int64)
    loops = np.zeros((3, 14), dtype=np.int64)
    trips, axis, step = loops[0], loops[1], loops[2]
    limit = np.empty(CASES)
    least = np.empty((CASES, 2))
    least_i = np.zeros((2, 7))
    factors = np.ones((5, 7), dtype=np.int64)
    dram_order = np.zeros(7, dtype=np.int64)
    dearest = np.empty(len(grid.rf_words))
    costed = 0
    for cell in range(grid.shape[0] * grid.shape[1]):
        x = cell // grid.shape[1]
        y = cell % grid.shape[1]
        _take_best(grid.kind, best, x, y)
        value, energy, cycles, pick = best.value[x, y], best.energy[x, y], best.cycles[x, y], best.pick[x, y]
        _dearest(value, dearest)
        for position in range(inner.starts[cell], inner.starts[cell + 1]):
            i = inner.order[position]
            if inner.key[i] > dearest[0]:  # parts are sorted by key: no later one can improve any register file
                break
            sizes = (first_size(grid.rf_words, inner.need[i]), last)
            if sizes[0] >= last or inner.key[i] > dearest[sizes[0]]:
                continue
            bounds, register_reads, pes = inner.bounds[i], inner.reads[i], inner.pes[i]
            possible = False
            for case in range(CASES):
                possible = possible or (
                    bounds[case, B_BASE] < np.inf
                    and _possible(grid, prices, value, energy, cycles, sizes, bounds, case, bounds[case, B_CYCLES],
                                  register_reads, pes, outer_cost[0, O_PJ])
                )  # fmt: skip
            if not possible:
                continue
            widest = _limits(grid, prices, value, energy, cycles, sizes, bounds, register_reads, pes, limit)
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
                    least[case, 0] = per_pe
                    least[case, 1] = buffer_pj(w, per_pe * distinct, o, outputs, prices)
            for j in range(outer_at.shape[0]):
                pj = outer_cost[j, O_PJ]
                if not pj < widest:  # outer parts are sorted by pJ: no later one leaves room
                    break
                # A cheap filter: does every factor of the inner part divide the tile?
                if fits[j, 0] & bits_low != bits_low or fits[j, 1] & bits_high != bits_high:
                    continue
                if not _glb_factors(glb, quotient, row_at, row_length, outer_at, j, glb_ok):
                    continue
                # Weights and outputs, exactly; inputs by a bound.
                run_w, run_o = _runs(glb_order, glb, outer_cost[j, O_RUN_W], outer_cost[j, O_RUN_O])
                w1, o1 = w_whole // run_w, o_whole // run_o
                w2, i2, o2 = outer_cost[j, O_W], outer_cost[j, O_I], outer_cost[j, O_O]
                inmost, slide = _innermost(glb_order, glb, tile, dims, outer_order, j)
                case = _case_of(inmost)
                per_pe = least[case, 0]
                if slide >= 0 and physical is None:
                    per_pe = max(
                        per_pe,
                        least_i[1, slide] * (iterations // left[M])
                        if case == I_STAYS
                        else least_i[0, slide] * iterations,
                    )
                more = buffer_pj(float(w1), per_pe * distinct, float(o1), outputs, prices) - least[case, 1]
                if not pj + more < limit[case]:
                    continue
                written = w2 + i2 + (o1 + o2 - outputs)
                crossing = w2 + i2 + (o2 + o2 - outputs)
                time = max(bounds[case, B_CYCLES], (w1 + per_pe * distinct + o1 - outputs) / prices.glb_read_rate)
                time = max(time, written / prices.glb_write_rate, crossing / prices.dram_rate)
                if time > bounds[case, B_CYCLES] and not _possible(
                    grid, prices, value, energy, cycles, sizes, bounds, case, time, register_reads, pes, pj + more
                ):
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
                base = macs * prices.mac_pj + pj + buffer_pj(float(w1), float(i1), float(o1), outputs, prices)
                # Registers: weights, inputs, partial sums; the first partial sum of an output is not read.
                rf_reads = macs + pes * np.floor(compute + share + 0.5) + (macs - outputs * spread)
                rf_writes = w_fill // run_w + pes * np.floor(
                    (fills - linked) * columns / pes + linked * columns / pes + share
                )
                rf_writes += macs + (o1 - outputs) * spread
                time = _limited(compute, float(w1), float(i1), float(o1 - outputs), prices.glb_read_rate)
                time = max(time, _limited(compute, w2, i2, o1 + o2 - outputs, prices.glb_write_rate))
                time = max(time, _limited(compute, w2, i2, o2 + o2 - outputs, prices.dram_rate))
                improved = False
                for a in range(sizes[0], sizes[1]):
                    total = base + (rf_reads * grid.rf_read_pj[a] + rf_writes * grid.rf_write_pj[a])
                    total += time * (prices.glb_leak_pj + pes * grid.rf_leak_pj[a])
                    goal = _goal(grid.kind, total, time)
                    if _better(grid.kind, goal, total, time, value[a], energy[a], cycles[a]):
                        value[a] = goal
                        energy[a] = total
                        cycles[a] = time
                        pick[a, 0] = number
                        pick[a, 1] = i
                        pick[a, 2] = j
                        improved = True
                if improved:
                    _dearest(value, dearest)
                    widest = _limits(grid, prices, value, energy, cycles, sizes, bounds, register_reads, pes, limit)
    return costed
