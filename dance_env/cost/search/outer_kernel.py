"""Outer parts of mappings, compiled: tiles of the global buffer with loop orders at DRAM, and their cost there."""

# mypy: disable-error-code="no-untyped-def, assignment"
# ruff: noqa: SIM109  (a membership test in a tuple costs numba compile time)
from __future__ import annotations

import numpy as np

from dance_env.cost.compiled import compiled, helper
from dance_env.cost.mapping.input_kernel import input_extent, overlapped_words, physical_input_words
from dance_env.cost.mapping.loops import AXIS, DRAM, GLB, RF, C, G, M, P, Q, R, S
from dance_env.cost.mapping.nest_kernel import rows_of
from dance_env.cost.search.bounds_kernel import first_size, words_read
from dance_env.cost.search.cases_kernel import CASES, O_STAYS, W_STAYS, case_exists, least_case_input, least_inputs
from dance_env.cost.search.inner_kernel import tile_words

# Columns of the table: words of each tensor that cross, innermost runs of the loops that leave weights and outputs in
# place, words read from DRAM and written to it by whole rows.
O_W, O_I, O_O, O_RUN_W, O_RUN_O, O_FETCHED, O_DRAINED = range(7)
MOST_ORDERS = 5040
# Loops that leave the weights, the outputs in place.
_W_LOOPS = np.isin(np.arange(7), (P, Q))
_O_LOOPS = np.isin(np.arange(7), (C, R, S))
# The order at DRAM (innermost first) in which each tensor stays put: outputs, weights, inputs.
_CLASS_ORDERS = np.array([[S, R, C, Q, P, M, G], [Q, P, S, R, C, M, G], [M, Q, P, S, R, C, G]], dtype=np.int64)


@helper
def _innermost_run(order, count, inside):
    """Product of the innermost run of loops over dims that are ``inside``."""
    run = 1
    for k in range(7):
        d = order[k]
        if count[d] > 1:
            if not inside[d]:
                return run
            run *= count[d]
    return run


@helper
def _class_orders(dram, forced, out):
    """One DRAM order for each tensor that could stay put there; returns how many."""
    n = 0
    for tensor in range(3):
        runs = dram[C] * dram[R] * dram[S] if tensor == 0 else dram[P] * dram[Q] if tensor == 1 else dram[M]
        if runs > 1 or (tensor == 2 and n == 0):
            for k in range(7):
                out[n, k] = _CLASS_ORDERS[tensor, k]
            n += 1
            if forced and tensor == 0:
                return n
    return n


@helper
def _all_orders(dram, forced, permutations, out):
    """Every order of the DRAM loops that run, one-trip loops behind; returns how many.

    Once the loops inside have moved the input along three of its axes, every further one fetches whole tiles, and
    weights and outputs have been replaced: from there on the order makes no difference, and one of them is listed.

    ``permutations`` (8, most, 7): for each number of loops, the orders of 0, 1, ..., its rows ended by -1.
    """
    dims = np.zeros(7, dtype=np.int64)
    running = 0
    for d in range(7):
        if dram[d] > 1:
            dims[running] = d
            running += 1
    behind = running
    for d in range(7):
        if dram[d] == 1:
            dims[behind] = d
            behind += 1
    n = 0
    for k in range(permutations.shape[1]):
        if permutations[running, k, 0] < 0:
            break
        legal = True
        other = False
        moved, axes, free = 0, 0, 0  # a bit for each axis; how many; where the order is free from
        for j in range(7):
            d = dims[permutations[running, k, j]]
            out[n, j] = d
            if axes == 3 and j < running:
                legal = legal and (j == free or permutations[running, k, j] > permutations[running, k, j - 1])
            elif AXIS[d] >= 0 and not moved & (1 << AXIS[d]):
                moved |= 1 << AXIS[d]
                axes += 1
                free = j + 1
            if forced and j < running:
                reduction = d == C or d == R or d == S
                legal = legal and not (other and reduction)
                other = other or not reduction
        if legal:
            n += 1
    return n


@helper
def crossing_pj(fetched, drained, prices, write_pj):
    """What the words that cross between DRAM and the global buffer cost, by whole rows; a word written to it `write_pj`."""
    return fetched * (prices.dram_read_pj + write_pj) + drained * prices.dram_write_pj


@helper
def _least_cycles(fetched, drained, outputs, prices, m):
    """How long the words that cross take at least; each output is also written to the global buffer once, finished."""
    return max((fetched + outputs) / prices.glb_write_rate, (fetched + drained) / prices.dram_rate[m])


@helper
def _least_traffic(t, dram, extent, iterations, stride, outputs, physical, least_i, prices, first, least, pj):
    """Bounds on what a tile costs at DRAM in whatever order: pJ written to ``pj`` (M,), words fetched returned."""
    row = prices.row_words
    w = float(t[C] * t[M] * t[G] * t[R] * t[S] * iterations)
    o = float(t[M] * t[G] * t[P] * t[Q] * iterations)
    whole = extent[0] * extent[1] * extent[2] * extent[3]
    least_inputs(t, dram, extent, stride, np.int64(1), np.int64(0), least)
    least_words = np.inf
    for m in range(len(pj)):
        pj[m] = np.inf
    for case in range(CASES):
        if case_exists(case, dram, iterations):
            i = least_i if physical else least_case_input(case, least, dram, whole, iterations)
            w_here = w / (dram[P] * dram[Q]) if case == W_STAYS else w
            o_here = o / (dram[C] * dram[R] * dram[S]) if case == O_STAYS else o
            fetched, drained = words_read(w_here, i, o_here, outputs, row), rows_of(o_here, row)
            for m in range(first, len(pj)):
                pj[m] = min(pj[m], crossing_pj(fetched, drained, prices, prices.glb_write_pj[m]))
            least_words = min(least_words, w_here + i + o_here - outputs)
    return least_words


@helper
def _worthwhile(pj, fetched, drained, outputs, prices, first, limit, slowest):
    """Whether something that costs ``pj`` (M,) and moves so many words is within the limits of a memory that holds it."""
    for m in range(first, len(pj)):
        if pj[m] <= limit[m] and _least_cycles(fetched, drained, outputs, prices, m) <= slowest[m]:
            return True
    return False


@compiled
def outer_table(dims, stride, divisors, permutations, rule, prices, physical, all_orders, limit, slowest, low, room):
    """Tiles of the global buffer with orders of the loops at DRAM, and what they cost at DRAM.

    Args:
        divisors, prices: see `search_data`.
        permutations: see `_all_orders`.
        rule: a `mapspace.OuterRule`.
        physical: None for the reference's rule of overlapping inputs (the other's branches are then not compiled).
        all_orders: False: every order where at most three loops run at DRAM, one per tensor that could stay put
            otherwise. True: the orders that False leaves out.
        limit, slowest: (M,), leave out what costs more (pJ) or takes longer at DRAM or to write to the buffer (cycles) in
            every memory that holds the tile.
        low: number of the first tile to look at.
        room: stop when that many rows are full.

    Returns:
        at, order, pj, first and cost of a `search_data.OuterParts`; (M,) pJ and words fetched that no order of these
        tiles is below; the tile to go on with (-1 at the end).
    """
    overlapping = dims[R] > 1 or dims[S] > 1
    outputs = dims[M] * dims[G] * dims[P] * dims[Q]
    # Every input word that a window touches, once.
    rows = min(dims[P] * dims[R], (dims[P] - 1) * stride + dims[R])
    columns = min(dims[Q] * dims[S], (dims[Q] - 1) * stride + dims[S])
    least_i = float(dims[C] * dims[G] * rows * columns)
    tiles = 1
    for d in range(7):
        tiles *= divisors.offsets[d + 1] - divisors.offsets[d]
    size = room + MOST_ORDERS if all_orders else room + 6
    at = np.empty((size, 7), dtype=np.int16)
    order = np.empty((size, 7), dtype=np.int8)
    cheapest_pj = np.empty(size)
    holder = np.empty(size, dtype=np.int64)
    cost = np.empty((size, 7))
    orders = np.empty((MOST_ORDERS, 7), dtype=np.int64)
    t = np.ones(7, dtype=np.int64)
    which = np.zeros(7, dtype=np.int64)
    dram = np.ones(7, dtype=np.int64)
    trips = np.zeros(7, dtype=np.int64)
    axis = np.zeros(7, dtype=np.int64)
    step = np.zeros(7, dtype=np.int64)
    extent = np.ones(4, dtype=np.int64)
    factors = np.ones((5, 7), dtype=np.int64)
    least = np.zeros((2, 7))
    one, none = np.int64(1), np.int64(0)
    memories = len(prices.glb_words)
    least_pj, least_words, pj = np.empty(memories), np.empty(memories), np.empty(memories)
    for m in range(memories):
        least_pj[m], least_words[m] = np.inf, np.inf
    n = 0
    for tile in range(low, tiles):
        if n >= room:
            return at[:n], order[:n], cheapest_pj[:n], holder[:n], cost[:n], least_pj, least_words, tile
        rest = tile
        allowed = True
        running = 0
        iterations = np.int64(1)
        for d in range(7):
            choices = divisors.offsets[d + 1] - divisors.offsets[d]
            which[d] = rest % choices
            rest //= choices
            t[d] = divisors.values[divisors.offsets[d] + which[d]]
            dram[d] = dims[d] // t[d]
            iterations *= dram[d]
            running += dram[d] > 1
            allowed = allowed and (rule.dram[d] or dram[d] == 1)
        if not allowed:
            continue
        first = first_size(prices.glb_words, tile_words(t, stride))
        if first == memories:
            continue
        if rule.reduction_innermost and dram[C] * dram[R] * dram[S] == 1:
            continue  # the other rule has it
        few = running <= 3 or not overlapping
        if few and all_orders:
            continue
        input_extent(t, stride, extent)
        words = _least_traffic(
            t,
            dram,
            extent,
            np.int64(iterations),
            stride,
            outputs,
            physical is not None,
            least_i,
            prices,
            first,
            least,
            pj,
        )
        for m in range(first, memories):
            least_words[m] = min(least_words[m], words)
            if not few:
                least_pj[m] = min(least_pj[m], pj[m])
        if not _worthwhile(pj, words, outputs, outputs, prices, first, limit, slowest):
            continue
        number = (
            _all_orders(dram, rule.reduction_innermost, permutations, orders)
            if all_orders or (few and overlapping)
            else _class_orders(dram, rule.reduction_innermost, orders)
        )
        w_tile = t[C] * t[M] * t[G] * t[R] * t[S]
        o_tile = t[M] * t[G] * t[P] * t[Q]
        for k in range(number):
            run_w = _innermost_run(orders[k], dram, _W_LOOPS)
            run_o = _innermost_run(orders[k], dram, _O_LOOPS)
            words_w = w_tile * iterations // run_w
            words_o = o_tile * iterations // run_o
            if physical is not None:
                for d in range(7):
                    factors[DRAM, d] = dram[d]
                    factors[RF, d] = t[d]
                words_i, _, _ = physical_input_words(factors, stride, orders[k], orders[k], GLB)
            else:
                loops = np.int64(0)
                for i in range(7):
                    d = orders[k, i]
                    if dram[d] > 1:
                        trips[loops] = dram[d]
                        axis[loops] = AXIS[d]
                        step[loops] = t[d] * stride if d == P or d == Q else t[d]
                        loops += 1
                words_i, _, _, _ = overlapped_words(loops, trips, axis, step, extent, one, one, one, none, one)
            fetched = words_read(float(words_w), float(words_i), float(words_o), outputs, prices.row_words)
            drained = rows_of(float(words_o), prices.row_words)
            for m in range(first, memories):
                pj[m] = crossing_pj(fetched, drained, prices, prices.glb_write_pj[m])
            words = words_w + words_i + words_o - outputs
            if not _worthwhile(pj, float(words), words_o, outputs, prices, first, limit, slowest):
                continue
            for m in range(first, memories):
                least_pj[m] = min(least_pj[m], pj[m])
            for d in range(7):
                at[n, d] = which[d]
                order[n, d] = orders[k, d]
            cheapest_pj[n] = crossing_pj(fetched, drained, prices, prices.glb_write_pj[prices.cheapest])
            holder[n] = first
            cost[n, O_W] = words_w
            cost[n, O_I] = words_i
            cost[n, O_O] = words_o
            cost[n, O_RUN_W] = run_w
            cost[n, O_RUN_O] = run_o
            cost[n, O_FETCHED] = fetched
            cost[n, O_DRAINED] = drained
            n += 1
    return at[:n], order[:n], cheapest_pj[:n], holder[:n], cost[:n], least_pj, least_words, -1
