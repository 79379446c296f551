"""How often each word moves, and what that costs: one mapping, compiled with numba.

This module imports numba, so nothing that `import dance_env` reaches may import it at the top; `dance_env.cost.mapping.nest`
is its checked and documented face, and the mapping search calls the functions here directly.

The nest, outermost first: DRAM loops, global-buffer (GLB) loops, columns (X), rows (Y), register-file (RF) loops, MAC.
``factors[level, dim]`` holds the trip counts, levels ``DRAM, GLB, X, Y, RF``, dims ``C, M, G, R, S, P, Q`` (C and M per
group). An order lists dims innermost first. A loop of one trip does not exist.

**Rule 1, any tensor.** A tile is brought in once per iteration of the loops above it, less the innermost contiguous run
of loops that do not move it. PEs that need the same tile share one read of the parent (multicast, spatial reduction).

**Rule 2, outputs.** Every arrival at a level is an update; all but the first arrival of each word also cost a read (of
the partial sum), and all but the first visit of a tile below costs a fill.

**Rule 3, inputs, whose tiles may overlap** (Timeloop's `NestAnalysis::ComputeDeltas`, restated in closed form).
Call the innermost loop that moves the input tile the *sliding loop* (trip count N, one step moves the tile by ``a``,
a vector over the axes G, C, H, W). Timeloop simulates two iterations of each loop and lets the second stand for all
further ones. So when loop j outside the sliding loop steps, all loops inside it stand at iteration 1 and fall back to
0, and the tile moves by ``d_j = step_j - sum(step_i of the moving loops inside j)``. The words fetched are

* at the first iteration: the whole tile;
* at each of the N - 1 further iterations of the sliding loop: the part that the shifted tile does not share with the
  tile before it (size ``slice``);
* at a step of loop j: nothing if ``d_j = 0``; ``slice`` if ``d_j = a``; the whole tile otherwise ("stride change").
  Loop j steps ``(trips_j - 1) * product(trips outside j)`` times; N - 1 sliding iterations follow each.

**Rule 4, inputs, sharing between PEs.** Columns and rows are two levels of the hierarchy. PEs share a read only when
their tiles are equal, and only along one of the two axes at a time: the parent is read once per distinct tile in a
column, times once per distinct column. Windows that overlap in part, or that coincide on a diagonal, are not merged.

**Rule 5, inputs, sharing in time (link transfers).** PEs of one column pass tiles to their neighbours: if what a PE
needs now is, word for word, what the PE above or below it fetched one step ago, it takes it from there. This happens
where (a) the innermost loop of all moves the input, (b) C and M are not on the rows (they would sit between the
neighbours) and R or P is, in tiles ``s`` rows of input apart, (c) the tile moves by exactly ``(0, 0, +-s, 0)``, and
(d) what was fetched in the step before has the same shape (whole after whole, slice after slice). Then only one row of
PEs in ``n`` (the trip count of R or P on the rows) reads the parent. The column is simulated once and its transfers are
spread over all PEs of the array, which is why a PE's reads and fills carry ``1 / columns`` of them.
Sharing along a row of PEs never lowers the count (the reference cancels it when it drops the level between).

With ``physical=True`` rules 3 to 5 are replaced by what one would build: every loop runs to its end before it falls
back, a word that several PEs need in a step is read once however their windows overlap, and nothing passes between PEs.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np

from dance_env.cost.compiled import compiled, helper

DRAM, GLB, X, Y, RF = range(5)
C, M, G, R, S, P, Q = range(7)
# Axis of the input tensor (G, C, H, W) that a dim moves along; -1: does not move it.
AXIS = np.array([1, -1, 0, 2, 3, 2, 3], dtype=np.int64)


@helper
def visits(factors, glb_order, dram_order, child, moves_c, moves_m, moves_rs, moves_pq):
    """Rule 1: how often the tile that ``child`` (RF or GLB) holds is brought in; the flags say which dims move it."""
    times = 1
    started = False
    for level in (GLB, DRAM):
        if level == GLB and child == GLB:
            continue
        order = glb_order if level == GLB else dram_order
        for k in range(7):
            d = order[k]
            trips = factors[level, d]
            if trips == 1:
                continue
            if d == C:
                moving = moves_c
            elif d == M:
                moving = moves_m
            elif d in (R, S):
                moving = moves_rs
            elif d in (P, Q):
                moving = moves_pq
            else:
                moving = True
            started = started or moving
            if started:
                times *= trips
    return times


@helper
def _moving_loops(factors, stride, glb_order, dram_order, child, trips, axis, step):
    """List the loops above ``child`` innermost first, one-trip loops left out; returns how many there are."""
    n = 0
    for level in (GLB, DRAM):
        if level == GLB and child == GLB:
            continue
        order = glb_order if level == GLB else dram_order
        for k in range(7):
            d = order[k]
            if factors[level, d] == 1:
                continue
            inside = factors[RF, d] * factors[Y, d] * factors[X, d]
            if level == DRAM:
                inside *= factors[GLB, d]
            trips[n] = factors[level, d]
            axis[n] = AXIS[d]
            step[n] = inside * stride if d in (P, Q) else inside
            n += 1
    return n


@helper
def _input_extent(factors, stride, child, extent):
    """Size of the input tile that ``child`` holds along G, C, H, W."""
    tile = np.empty(7, np.int64)
    for d in range(7):
        tile[d] = factors[RF, d]
        if child == GLB:
            tile[d] *= factors[Y, d] * factors[X, d] * factors[GLB, d]
    extent[0] = tile[G]
    extent[1] = tile[C]
    extent[2] = (tile[P] - 1) * stride + tile[R]
    extent[3] = (tile[Q] - 1) * stride + tile[S]


@helper
def input_words(factors, stride, glb_order, dram_order, child):
    """Rules 3 to 5: input words moved into ``child`` (RF or GLB).

    Returns:
        ``(reads, fills, linked, passed)``: words read from the parent; words that one column of PEs takes from the
        parent, a word counted once per PE that takes it; those of them taken in steps in which other PEs are served by
        a neighbour; words that PEs of one column take from a neighbour.
    """
    trips, axis, step = np.empty(14, np.int64), np.empty(14, np.int64), np.empty(14, np.int64)
    extent = np.empty(4, np.int64)
    loops = _moving_loops(factors, stride, glb_order, dram_order, child, trips, axis, step)
    _input_extent(factors, stride, child, extent)
    whole = extent[0] * extent[1] * extent[2] * extent[3]

    # Rule 4: distinct tiles in a column, PEs in a column, distinct columns.
    distinct, rows, columns = 1, 1, 1
    if child == RF:
        for d in range(7):
            rows *= factors[Y, d]
            if d != M:
                distinct *= factors[Y, d]
                columns *= factors[X, d]

    slide = 0
    while slide < loops and axis[slide] < 0:
        slide += 1
    if slide == loops:
        return whole * distinct * columns, whole * rows, 0, 0
    a_axis, a = axis[slide], step[slide]
    left = extent[a_axis] - a
    piece = whole if left <= 0 else whole - whole // extent[a_axis] * left
    slides = trips[slide] - 1

    # Rule 5, conditions a and b: how far apart neighbouring rows of PEs are in H, and how many there are.
    apart, chain = 0, 1
    if child == RF and slide == 0 and factors[Y, C] == 1 and factors[Y, M] == 1:
        if factors[Y, R] > 1:
            apart, chain = factors[RF, R], factors[Y, R]
        elif factors[Y, P] > 1:
            apart, chain = factors[RF, P] * stride, factors[Y, P]
    a_links = chain > 1 and a_axis == 2 and a == apart
    after = piece < whole  # shape of what a sliding step fetches: a slice or a whole tile

    reads, fills, linked, passed = 0, 0, 0, 0
    moved = np.zeros(4, np.int64)  # how far the loops inside have moved the tile
    moved[a_axis] = a
    outside = 1
    for j in range(slide + 1, loops):
        outside *= trips[j]
    for j in range(slide, loops):
        if j == slide:
            times, size, shape, links = 1, whole, False, False
        else:
            outside //= trips[j]
            times = (trips[j] - 1) * outside
            still, same, link = True, True, chain > 1
            for k in range(4):
                d = -moved[k] + (step[j] if k == axis[j] else 0)
                still = still and d == 0
                same = same and d == (a if k == a_axis else 0)
                link = link and (d == apart or d == -apart if k == 2 else d == 0)
            if axis[j] >= 0:
                moved[axis[j]] += step[j]
            shape = same and after
            size = 0 if still else (piece if same else whole)
            links = link and size > 0 and shape == after
        slide_links = a_links and size > 0 and shape == after
        # The step itself, then the sliding iterations that follow it.
        words = times * size
        reads += words * distinct // (chain if links else 1)
        fills += words * rows // (chain if links else 1)
        linked += words * rows // chain if links else 0
        passed += words * (rows - rows // chain) if links else 0
        words = times * slides * piece
        reads += words * distinct // (chain if slide_links else 1)
        fills += words * rows // (chain if slide_links else 1)
        linked += words * rows // chain if slide_links else 0
        passed += words * (rows - rows // chain) if slide_links else 0
    return reads * columns, fills, linked, passed


@helper
def _union(count_p, step_p, count_r, step_r, length):
    """Length of the union of intervals of ``length`` that start at ``i * step_p + j * step_r``."""
    if length == 0:
        return 0
    if count_r == 1 or length >= step_r:
        block = length + (count_r - 1) * step_r
        return (count_p - 1) * min(step_p, block) + block
    if count_p == 1:
        return count_r * length
    covered = np.zeros((count_p - 1) * step_p + (count_r - 1) * step_r + length, np.bool_)
    for i in range(count_p):
        for j in range(count_r):
            start = i * step_p + j * step_r
            covered[start : start + length] = True
    return covered.sum()


@helper
def physical_input_words(factors, stride, glb_order, dram_order, child):
    """As `input_words`, for an array that multicasts single words and passes nothing between PEs."""
    trips, axis, step = np.empty(14, np.int64), np.empty(14, np.int64), np.empty(14, np.int64)
    extent = np.empty(4, np.int64)
    loops = _moving_loops(factors, stride, glb_order, dram_order, child, trips, axis, step)
    _input_extent(factors, stride, child, extent)
    spread = np.ones(7, np.int64)
    rows = 1
    if child == RF:
        for d in range(7):
            spread[d] = factors[X, d] * factors[Y, d]
            rows *= factors[Y, d]
    slide = 0
    while slide < loops and axis[slide] < 0:
        slide += 1
    outside = 1
    for j in range(slide, loops):
        outside *= trips[j]
    reads, fills = 0, 0
    moved = np.zeros(4, np.int64)
    length = extent.copy()
    for j in range(slide - 1, loops):
        times = 1
        length[:] = extent
        if j >= slide:
            outside //= trips[j]
            times = (trips[j] - 1) * outside
            axes = 0
            for k in range(4):
                d = abs(-moved[k] + (step[j] if k == axis[j] else 0))
                if d > 0:
                    axes += 1
                    length[k] = min(d, extent[k])
            if axes == 0:
                length[:] = 0
            elif axes > 1:
                length[:] = extent
            if axis[j] >= 0:
                moved[axis[j]] += step[j] * (trips[j] - 1)
        words = length[0] * spread[G] * length[1] * spread[C]
        words *= _union(spread[P], factors[RF, P] * stride, spread[R], factors[RF, R], length[2])
        words *= _union(spread[Q], factors[RF, Q] * stride, spread[S], factors[RF, S], length[3])
        reads += times * words
        fills += times * length[0] * length[1] * length[2] * length[3] * rows
    return reads, fills, 0


@compiled
def count_words(factors, stride, glb_order, dram_order, physical, out):
    """All counts of one mapping.

    Args:
        factors: (5, 7) int64 trip counts.
        stride: of the layer, both ways.
        glb_order, dram_order: (7,) int64 dims, innermost first.
        physical: False for the reference's rule of overlapping inputs.
        out: (3, 3, 2) float64, overwritten: words [DRAM, GLB, RF] x [W, I, O] x [read, written], over all instances.
    """
    macs, pes, columns = 1, 1, 1
    w_rf, w_glb, w_pes, o_rf, o_glb, o_pes, outputs = 1, 1, 1, 1, 1, 1, 1
    for d in range(7):
        spread = factors[X, d] * factors[Y, d]
        held = factors[GLB, d] * spread * factors[RF, d]
        macs *= factors[DRAM, d] * held
        pes *= spread
        columns *= factors[X, d]
        if d != P and d != Q:
            w_rf *= factors[RF, d]
            w_glb *= held
            w_pes *= spread
        if d != C and d != R and d != S:
            o_rf *= factors[RF, d]
            o_glb *= held
            o_pes *= spread
            outputs *= factors[DRAM, d] * held

    # Weights and outputs: rules 1 and 2.
    w_visits = visits(factors, glb_order, dram_order, RF, True, True, True, False)
    o_visits = visits(factors, glb_order, dram_order, RF, False, True, False, True)
    w_in = w_glb * visits(factors, glb_order, dram_order, GLB, True, True, True, False)
    o_out = o_glb * visits(factors, glb_order, dram_order, GLB, False, True, False, True)
    out[0, 0, 0], out[0, 0, 1] = w_in, 0
    out[1, 0, 0], out[1, 0, 1] = w_rf * w_visits * w_pes, w_in
    out[2, 0, 0], out[2, 0, 1] = macs, w_rf * w_visits * pes
    out[0, 2, 0], out[0, 2, 1] = o_out - outputs, o_out
    out[1, 2, 0] = o_rf * o_visits * o_pes - outputs
    out[1, 2, 1] = o_rf * o_visits * o_pes + o_out - outputs
    first = outputs // o_pes * pes  # words of partial sum, counted in each PE that starts them from nothing
    out[2, 2, 0] = macs - first
    out[2, 2, 1] = macs + o_rf * o_visits * pes - first

    # Inputs: rules 3 to 5.
    linked = 0
    if physical:
        i_in, _, _ = physical_input_words(factors, stride, glb_order, dram_order, GLB)
        reads, fills, passed = physical_input_words(factors, stride, glb_order, dram_order, RF)
    else:
        i_in, _, _, _ = input_words(factors, stride, glb_order, dram_order, GLB)
        reads, fills, linked, passed = input_words(factors, stride, glb_order, dram_order, RF)
    out[0, 1, 0], out[0, 1, 1] = i_in, 0
    out[1, 1, 0], out[1, 1, 1] = reads, i_in
    share = passed / pes
    out[2, 1, 0] = pes * np.floor(macs // pes + share + 0.5)
    # In this order, as the reference: where the parts add up to a whole number, their rounding decides.
    out[2, 1, 1] = pes * np.floor((fills - linked) * columns / pes + linked * columns / pes + share)
    return macs // pes


@compiled
def limited_cycles(cycles, first, second, third, words_per_cycle):
    """Cycles when ``first + second + third`` words (W, I, O) have to pass a port, never less than ``cycles``.

    The arithmetic, in this order, is the reference's (`BufferLevel::ComputePerformance`): where words / bandwidth is a
    whole number, its rounding decides between that number and the next.
    """
    demand = first / cycles + second / cycles + third / cycles
    if not words_per_cycle < demand:
        return float(cycles)
    return np.ceil(cycles / (words_per_cycle / demand))


@helper
def rows_of(words, row_words):
    """Words that move when ``words`` are taken by the row."""
    return np.ceil(words / row_words) * row_words


@compiled
def energy(words, macs, pes, cycles, prices, out):
    """Energy of one mapping, pJ, as the reference adds it up.

    Every word read or written at its price; the global buffer and DRAM by whole rows, tensor by tensor, fills and
    updates apart; and what the global buffer and the register files of working PEs leak in these cycles. The leakage of
    MACs and of idle PEs is not in it.

    Args:
        words: (3, 3, 2) as `count_words` leaves it.
        macs, pes, cycles: multiply-adds, PEs that work, cycles with stalls.
        prices: ten floats, pJ a word (leakage: a cycle): MAC; RF read, write, leak; GLB read, write, leak; DRAM read,
            write; and the words in a row.
        out: (4,) float64, overwritten: MAC, RF, GLB, DRAM.
    """
    mac, rf_read, rf_write, rf_leak, glb_read, glb_write, glb_leak, dram_read, dram_write, row = prices
    out[0] = macs * mac
    out[1] = pes * cycles * rf_leak
    out[2] = cycles * glb_leak
    out[3] = 0.0
    for t in range(3):
        out[1] += words[2, t, 0] * rf_read + words[2, t, 1] * rf_write
        fills = words[0, t, 0]  # what the global buffer takes from DRAM; the rest of what it is written are updates
        written = rows_of(fills, row) + rows_of(words[1, t, 1] - fills, row)
        out[2] += rows_of(words[1, t, 0], row) * glb_read + written * glb_write
        out[3] += rows_of(words[0, t, 0], row) * dram_read + rows_of(words[0, t, 1], row) * dram_write
