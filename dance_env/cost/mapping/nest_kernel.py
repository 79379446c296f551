"""How often each word moves, and what that costs: one mapping, compiled with numba.

This module imports numba, so nothing that `import dance_env` reaches may import it at the top; `dance_env.cost.mapping.nest`
is its checked and documented face, and the mapping search calls the functions here directly.

The nest, outermost first: DRAM loops, global-buffer (GLB) loops, columns (X), rows (Y), register-file (RF) loops, MAC.
`factors[level, dim]` holds the trip counts, levels `DRAM, GLB, X, Y, RF`, dims `C, M, G, R, S, P, Q` (C and M per
group). An order lists dims innermost first. A loop of one trip does not exist.

**Rule 1, any tensor.** A tile is brought in once per iteration of the loops above it, less the innermost contiguous run
of loops that do not move it. PEs that need the same tile share one read of the parent (multicast, spatial reduction).

**Rule 2, outputs.** Every arrival at a level is an update; all but the first arrival of each word also cost a read (of
the partial sum), and all but the first visit of a tile below costs a fill.

**Rules 3 to 5, inputs,** whose tiles may overlap: see `input_kernel`.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np

from dance_env.cost.compiled import compiled, helper
from dance_env.cost.mapping.input_kernel import input_words, physical_input_words
from dance_env.cost.mapping.loops import DRAM, GLB, RF, C, M, P, Q, R, S, X, Y


@helper
def visits(factors, glb_order, dram_order, child, moves_c, moves_m, moves_rs, moves_pq):
    """Rule 1: how often the tile that `child` (RF or GLB) holds is brought in; the flags say which dims move it."""
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


@compiled
def count_words(factors, stride, glb_order, dram_order, physical, out):
    """All counts of one mapping.

    Args:
        factors: (5, 7) int64 trip counts.
        stride: of the layer, both ways.
        glb_order, dram_order: (7,) int64 dims, innermost first.
        physical: None for the reference's rule of overlapping inputs (the other's is then not compiled), True for the
            other.
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

    # Weights and outputs: rules 1 and 2. No literals: one `visits` is compiled for all four.
    rf, glb, yes, no = np.int64(RF), np.int64(GLB), np.bool_(True), np.bool_(False)
    w_visits = visits(factors, glb_order, dram_order, rf, yes, yes, yes, no)
    o_visits = visits(factors, glb_order, dram_order, rf, no, yes, no, yes)
    w_in = w_glb * visits(factors, glb_order, dram_order, glb, yes, yes, yes, no)
    o_out = o_glb * visits(factors, glb_order, dram_order, glb, no, yes, no, yes)
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
    if physical is not None:
        i_in, _, _ = physical_input_words(factors, stride, glb_order, dram_order, glb)
        reads, fills, passed = physical_input_words(factors, stride, glb_order, dram_order, rf)
    else:
        i_in, _, _, _ = input_words(factors, stride, glb_order, dram_order, glb)
        reads, fills, linked, passed = input_words(factors, stride, glb_order, dram_order, rf)
    out[0, 1, 0], out[0, 1, 1] = i_in, 0
    out[1, 1, 0], out[1, 1, 1] = reads, i_in
    share = passed / pes
    out[2, 1, 0] = pes * np.floor(macs // pes + share + 0.5)
    # In this order, as the reference: where the parts add up to a whole number, their rounding decides.
    out[2, 1, 1] = pes * np.floor((fills - linked) * columns / pes + linked * columns / pes + share)
    return macs // pes


@compiled
def limited_cycles(cycles, first, second, third, words_per_cycle):
    """Cycles when `first + second + third` words (W, I, O) have to pass a port, never less than `cycles`.

    The arithmetic, in this order, is the reference's (`BufferLevel::ComputePerformance`): where words / bandwidth is a
    whole number, its rounding decides between that number and the next.
    """
    demand = first / cycles + second / cycles + third / cycles
    if not words_per_cycle < demand:
        return float(cycles)
    return np.ceil(cycles / (words_per_cycle / demand))


@helper
def rows_of(words, row_words):
    """Words that move when `words` are taken by the row."""
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
