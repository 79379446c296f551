"""What the compiled search shares: inner parts of mappings, input counts on a loop list, and bounds. Loads numba.

A mapping is an *inner* part (register file, columns and rows factors: `enumerate_inner`) and an *outer* part (tile of
the global buffer, order of the loops at DRAM: `outer_kernel`). Counts are those of `dance_env.cost.mapping.nest_kernel`,
restated for this order of evaluation; `docs/mapping_search.md` argues each bound.
"""

# mypy: disable-error-code="no-untyped-def, assignment"
# ruff: noqa: SIM109  (a membership test in a tuple costs numba compile time)
from __future__ import annotations

import numpy as np

from dance_env.cost.compiled import compiled, helper
from dance_env.cost.mapping.nest_kernel import AXIS

C, M, G, R, S, P, Q = range(7)
H_AXIS = 2  # of AXIS: rows of the input
EDP, ENERGY, LATENCY = range(3)
# The innermost loop above a memory decides which tensor may stay in it: W (P, Q), O (C, R, S), I (M), none (G).
CASES = 4


@helper
def tile_words(t, stride):
    """Words of weights, outputs and inputs in a tile of loop sizes ``t``."""
    return (
        t[C] * t[M] * t[R] * t[S] * t[G]
        + t[M] * t[G] * t[P] * t[Q]
        + t[C] * t[G] * ((t[P] - 1) * stride + t[R]) * ((t[Q] - 1) * stride + t[S])
    )


@helper
def input_extent(t, stride, extent):
    """Size of the input tile along G, C, H, W, written to ``extent``; returns its words."""
    extent[0] = t[G]
    extent[1] = t[C]
    extent[2] = (t[P] - 1) * stride + t[R]
    extent[3] = (t[Q] - 1) * stride + t[S]
    return extent[0] * extent[1] * extent[2] * extent[3]


@compiled
def enumerate_inner(triples, offsets, max_x, max_y, max_rf, stride):
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
            for row in range(n):
                for d in range(7):
                    grown[row, d] = found[row, d]
            found = grown
            capacity *= 2
        for d in range(7):
            found[n, d] = at[d]
        n += 1
        at[6] += 1
    return found[:n]


@helper
def overlapped_words(n, trips, axis, step, extent, distinct, rows, columns, apart, chain):
    """`nest_kernel.input_words` on a list of ``n`` loops, innermost first: (reads, fills, linked, passed)."""
    whole = extent[0] * extent[1] * extent[2] * extent[3]
    slide = 0
    while slide < n and axis[slide] < 0:
        slide += 1
    if slide == n:
        return whole * distinct * columns, whole * rows, 0, 0
    a_axis, a = axis[slide], step[slide]
    left = extent[a_axis] - a
    piece = whole if left <= 0 else whole - whole // extent[a_axis] * left
    if slide > 0:
        chain = 1
    a_links = chain > 1 and a_axis == H_AXIS and a == apart
    after = piece < whole
    moved = np.zeros(4, dtype=np.int64)
    moved[a_axis] = a
    outside = 1
    for j in range(slide + 1, n):
        outside *= trips[j]
    slides = trips[slide] - 1
    reads, fills, linked, passed = 0, 0, 0, 0
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
            links = chain > 1 and away == 1 and along == H_AXIS and (by == apart or by == -apart) and shape == after
        # The step itself, then the sliding iterations that follow it.
        words = times * size
        share = chain if links else 1
        reads += words * distinct // share
        fills += words * rows // share
        if links:
            linked += words * rows // chain
            passed += words * (rows - rows // chain)
        words = times * slides * piece
        share = 1
        if a_links and size > 0 and shape == after:
            linked += words * rows // chain
            passed += words * (rows - rows // chain)
            share = chain
        reads += words * distinct // share
        fills += words * rows // share
    return reads * columns, fills, linked, passed


@helper
def _smallest_factor(n):
    """Smallest divisor of ``n`` above 1; 1 for 1."""
    k = 2
    while k * k <= n:
        if n % k == 0:
            return k
        k += 1
    return n


@helper
def least_input(d, s, left, extent, stride, chain, apart):
    """Bound on `overlapped_words` per PE and iteration when ``d`` is the innermost loop that moves the input.

    Args:
        s, left: (7,) sizes of the tile below the loops, and how often the loops repeat it along each dimension.
        extent: of the input tile.
        chain, apart: rows that can pass tiles on, 1 when none can; how far apart they are.
    """
    whole = extent[0] * extent[1] * extent[2] * extent[3]
    a = s[d] * stride if d == P or d == Q else s[d]
    size = extent[AXIS[d]]
    piece = whole if a >= size else whole // size * a
    # A loop that steps outside falls back inside. With R and P (S and Q) on one axis the two may cancel, so that
    # nothing is fetched, or amount to one more slide; else the whole tile is.
    block = left[d]
    cancels = False
    other = P if d == R else R if d == P else Q if d == S else S if d == Q else -1
    if other >= 0 and left[other] > 1:
        b = s[other] * stride if other == P or other == Q else s[other]
        if _smallest_factor(left[d]) == left[d]:
            single = _smallest_factor(left[other]) == left[other]
            cancels = a == b if single else a % b == 0
            meets = cancels or (2 * a == b if single else 2 * a % b == 0)
        else:
            cancels = True
            meets = True
        if meets:
            block *= left[other]
    if AXIS[d] != H_AXIS and not cancels:
        chain = 1
    shared = chain if AXIS[d] == H_AXIS and a == apart else 1
    if chain == 1 and not cancels:
        return (whole + (block - 1) * piece) / block
    prime = _smallest_factor(left[d])
    slides = block // prime * (prime - 1)
    steps = 0 if cancels else block - slides - 1
    return (whole / chain + slides * piece / shared + steps * piece / chain) / block


@helper
def is_in_case(case, d):
    """Whether ``d`` may be the innermost loop that moves the input in a case; in case 2 that is any but M."""
    if case == 0:
        return d == P or d == Q
    if case == 1:
        return d == C or d == R or d == S
    if case == 2:
        return d != M
    return d == G


@helper
def case_exists(case, left, iterations):
    """Whether loops of ``left`` repetitions can have an innermost loop of that case; no loops at all: case 2."""
    if case == 0:
        return left[P] * left[Q] > 1
    if case == 1:
        return left[C] * left[R] * left[S] > 1
    if case == 2:
        return left[M] > 1 or iterations == 1
    return left[G] > 1


@helper
def least_inputs(s, left, extent, stride, chain, apart, least):
    """Write `least_input` of every loop to ``least`` (2, 7): where rows can pass tiles on, and where they cannot."""
    for d in range(7):
        if left[d] > 1 and d != M:
            least[1, d] = least_input(d, s, left, extent, stride, np.int64(1), np.int64(0))
            least[0, d] = least[1, d]
            if chain > 1:
                least[0, d] = least_input(d, s, left, extent, stride, chain, apart)


@helper
def least_case_input(case, least, left, whole, iterations):
    """Bound on the input words per PE in a case: the least over the loops that could slide. In case 2 no rows link."""
    passes = iterations // left[M] if case == 2 else iterations
    if passes == 1:
        return float(whole)
    found = np.inf
    for d in range(7):
        if left[d] > 1 and is_in_case(case, d):
            found = min(found, least[1 if case == 2 else 0, d])
    return found * passes
