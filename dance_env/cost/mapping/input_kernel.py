"""How many words of the inputs, whose tiles may overlap, move into a memory. Loads numba.

Rules 1 and 2 are in `nest_kernel`. The functions here take the loops above a memory as a list, innermost first and
without one-trip loops: how often each runs, the axis of the input (G, C, H, W) that it moves along, and how far.

**Rule 3, inputs, whose tiles may overlap** (Timeloop's `NestAnalysis::ComputeDeltas`, restated in closed form).
Call the innermost loop that moves the input tile the *sliding loop* (trip count N, one step moves the tile by `a`,
a vector over the axes G, C, H, W). Timeloop simulates two iterations of each loop and lets the second stand for all
further ones. So when loop j outside the sliding loop steps, all loops inside it stand at iteration 1 and fall back to
0, and the tile moves by `d_j = step_j - sum(step_i of the moving loops inside j)`. The words fetched are

* at the first iteration: the whole tile;
* at each of the N - 1 further iterations of the sliding loop: the part that the shifted tile does not share with the
  tile before it (size `slice`);
* at a step of loop j: nothing if `d_j = 0`; `slice` if `d_j = a`; the whole tile otherwise ("stride change").
  Loop j steps `(trips_j - 1) * product(trips outside j)` times; N - 1 sliding iterations follow each.

**Rule 4, inputs, sharing between PEs.** Columns and rows are two levels of the hierarchy. PEs share a read only when
their tiles are equal, and only along one of the two axes at a time: the parent is read once per distinct tile in a
column, times once per distinct column. Windows that overlap in part, or that coincide on a diagonal, are not merged.

**Rule 5, inputs, sharing in time (link transfers).** PEs of one column pass tiles to their neighbors: if what a PE
needs now is, word for word, what the PE above or below it fetched one step ago, it takes it from there. This happens
where (a) the innermost loop of all moves the input, (b) C and M are not on the rows (they would sit between the
neighbors) and R or P is, in tiles `s` rows of input apart, (c) the tile moves by exactly `(0, 0, +-s, 0)`, and
(d) what was fetched in the step before has the same shape (whole after whole, slice after slice). Then only one row of
PEs in `n` (the trip count of R or P on the rows) reads the parent. The column is simulated once and its transfers are
spread over all PEs of the array, which is why a PE's reads and fills carry `1 / columns` of them.
Sharing along a row of PEs never lowers the count (the reference cancels it when it drops the level between).

With `physical=True` rules 3 to 5 are replaced by what one would build: every loop runs to its end before it falls
back, a word that several PEs need in a step is read once however their windows overlap, and nothing passes between PEs.
"""

# mypy: disable-error-code="no-untyped-def, assignment"

from __future__ import annotations

import numpy as np

from dance_env.cost.compiled import helper
from dance_env.cost.mapping.loops import AXIS, DRAM, GLB, H_AXIS, RF, C, G, M, P, Q, R, S, X, Y


@helper
def input_extent(t, stride, extent):
    """Write the size along G, C, H, W of the input tile of loop sizes `t` to `extent`; returns its words."""
    extent[0] = t[G]
    extent[1] = t[C]
    extent[2] = (t[P] - 1) * stride + t[R]
    extent[3] = (t[Q] - 1) * stride + t[S]
    return extent[0] * extent[1] * extent[2] * extent[3]


@helper
def links(rf, y, stride):
    """Return how many rows of the array can pass input tiles on, and how many input rows their tiles are apart.

    Rule 5, condition b. `rf`, `y`: `(7,)` factors at the register file and on the rows.
    """
    if y[C] == 1 and y[M] == 1:
        if y[R] > 1:
            return y[R], rf[R]
        if y[P] > 1:
            return y[P], rf[P] * stride
    return np.int64(1), np.int64(0)


@helper
def distinct_tiles(x, y):
    """Return how many distinct input tiles a column of the array holds, and how many distinct columns there are.

    Rule 4: M is the only loop that does not move the input. `x`, `y`: `(7,)` factors on the columns and the rows.
    """
    rows, columns = 1, 1
    for d in range(7):
        if d != M:
            rows *= y[d]
            columns *= x[d]
    return rows, columns


@helper
def overlapped_words(n, trips, axis, step, extent, distinct, rows, columns, apart, chain):
    """Count the words that move into a memory below `n` loops: rules 3 to 5.

    Args:
        n: Number of loops.
        trips, axis, step: `(n,)` or longer: trip counts, axes of the input (-1: not moved), words moved by.
        extent: `(4,)` size of the input tile.
        distinct, columns: Distinct tiles in a column of the array, distinct columns; 1 for the global buffer.
        rows: Rows of the array in use; 1 for the global buffer.
        chain, apart: As `links` returns them; 1 and 0 for the global buffer.

    Returns:
        `(reads, fills, linked, passed)`: words read from the memory above; words that one column of PEs takes from it,
        a word counted once per PE that takes it; those of them taken in steps in which other PEs are served by a
        neighbor; words that PEs of one column take from a neighbor.
    """
    whole = extent[0] * extent[1] * extent[2] * extent[3]
    slide = 0  # the sliding loop: the innermost that moves the input
    while slide < n and axis[slide] < 0:
        slide += 1
    if slide == n:
        return whole * distinct * columns, whole * rows, 0, 0
    a_axis, a = axis[slide], step[slide]
    # What a sliding step fetches: all but the part that stays in sight.
    left = extent[a_axis] - a
    piece = whole if left <= 0 else whole - whole // extent[a_axis] * left
    if slide > 0:
        chain = 1  # rule 5, condition a: nothing is passed on where the innermost loop does not move the input
    slides_link = chain > 1 and a_axis == H_AXIS and a == apart
    after = piece < whole  # condition d compares shapes: True for a slice, False for a whole tile
    moved = np.zeros(4, dtype=np.int64)
    moved[a_axis] = a  # how far the loops inside have moved the tile: each stands at its second iteration
    outside = 1
    for j in range(slide + 1, n):
        outside *= trips[j]
    slides = trips[slide] - 1
    reads, fills, linked, passed = 0, 0, 0, 0
    for j in range(slide, n):
        times, size, shape, linking = 1, whole, False, False
        if j > slide:
            outside //= trips[j]
            times = (trips[j] - 1) * outside
            away, along, by = 0, 0, 0  # the move d_j: number of axes, the last of them, how far along it
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
            linking = chain > 1 and away == 1 and along == H_AXIS and (by == apart or by == -apart) and shape == after
        # The step itself, then the sliding iterations that follow it.
        words = times * size
        share = chain if linking else 1
        reads += words * distinct // share
        fills += words * rows // share
        if linking:
            linked += words * rows // chain
            passed += words * (rows - rows // chain)
        words = times * slides * piece
        share = 1
        if slides_link and size > 0 and shape == after:
            linked += words * rows // chain
            passed += words * (rows - rows // chain)
            share = chain
        reads += words * distinct // share
        fills += words * rows // share
    return reads * columns, fills, linked, passed


@helper
def loops_above(factors, stride, glb_order, dram_order, child, trips, axis, step):
    """List the loops above `child` (RF or GLB); returns how many there are."""
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
def tile_extent(factors, stride, child, extent):
    """Write the size of the input tile that `child` (RF or GLB) holds to `extent`."""
    tile = np.empty(7, np.int64)
    for d in range(7):
        tile[d] = factors[RF, d]
        if child == GLB:
            tile[d] *= factors[Y, d] * factors[X, d] * factors[GLB, d]
    return input_extent(tile, stride, extent)


@helper
def input_words(factors, stride, glb_order, dram_order, child):
    """Count the input words of a mapping that move into `child` (RF or GLB), as `overlapped_words` returns them."""
    trips, axis, step = np.empty(14, np.int64), np.empty(14, np.int64), np.empty(14, np.int64)
    extent = np.empty(4, np.int64)
    n = loops_above(factors, stride, glb_order, dram_order, child, trips, axis, step)
    tile_extent(factors, stride, child, extent)
    distinct, columns, rows = np.int64(1), np.int64(1), np.int64(1)
    chain, apart = np.int64(1), np.int64(0)
    if child == RF:
        distinct, columns = distinct_tiles(factors[X], factors[Y])
        for d in range(7):
            rows *= factors[Y, d]
        chain, apart = links(factors[RF], factors[Y], stride)
    return overlapped_words(n, trips, axis, step, extent, distinct, rows, columns, apart, chain)


@helper
def _union(count_p, step_p, count_r, step_r, length):
    """Length of the union of intervals of `length` that start at `i * step_p + j * step_r`."""
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
    """Count as `input_words` for an array with word multicast and no links; returns `(reads, fills, passed)`."""
    trips, axis, step = np.empty(14, np.int64), np.empty(14, np.int64), np.empty(14, np.int64)
    extent = np.empty(4, np.int64)
    loops = loops_above(factors, stride, glb_order, dram_order, child, trips, axis, step)
    tile_extent(factors, stride, child, extent)
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
