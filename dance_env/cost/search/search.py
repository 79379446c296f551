"""The best mapping of a layer on every accelerator at once: exhaustive over what the dataflows allow."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from dance_env.cost.mapping.mapping import DIMS, Mapping
from dance_env.cost.search.mapspace import Loops, OuterRule, Subspace, divisors_of, loops_of, padded_rows, subspaces
from dance_env.cost.search.search_data import Best, Divisors, Grid, InnerParts, OuterParts, Prices
from dance_env.cost.technology import Technology

OBJECTIVES = ("edp", "energy", "latency")
FACTORS = ("perfect", "ceil")
OVERLAPS = ("timeloop", "physical")
_ROOM = 2**18  # rows of an outer table at a time: 22 MB
C, M, G, R, S, P, Q = range(7)


@dataclass(frozen=True, eq=False)
class LayerOptimum:
    """Cost of a layer's best mapping on every array asked for, for each register file size.

    Attributes:
        energy_pj: (X, Y, n_rf) float64, inf where nothing can be mapped.
        cycles: (X, Y, n_rf) float64, inf where nothing can be mapped.
        costed: mappings costed in full; the others were excluded by a bound.
    """

    energy_pj: np.ndarray
    cycles: np.ndarray
    costed: int


@dataclass(frozen=True, eq=False)
class _Parts:
    """What one call of the compiled search went through."""

    loops: Loops
    divisors: Divisors
    inner: InnerParts
    outer: OuterParts


@dataclass(frozen=True, eq=False)
class _Search:
    """One dataflow on a grid of accelerators, and the best mappings of a layer found so far."""

    dataflow: str
    grid: Grid
    prices: Prices
    physical: bool
    best: Best
    calls: Iterator[int]
    """Numbers for the calls of the compiled search."""
    winners: dict[int, _Parts] | None
    """The parts of the best mappings, by call, to name them; None where nobody asks for names."""


def search_layer(
    row: np.ndarray,
    dataflow: str,
    *,
    rf_words: np.ndarray,
    pe_x: np.ndarray,
    pe_y: np.ndarray,
    technology: Technology,
    objective: str = "edp",
    factors: str = "perfect",
    overlap: str = "timeloop",
) -> LayerOptimum:
    """Search all mappings of one layer under one dataflow.

    Args:
        row: (8,) integers K, C, P, Q, R, S, groups, stride.
        dataflow: "WS", "OS" or "RS".
        rf_words: (n_rf,) register file sizes, ascending.
        pe_x, pe_y: (X,) and (Y,) columns and rows of the arrays, ascending.
        technology: energies, capacities, bandwidths.
        objective: what the best mapping minimises: "edp", "energy" or "latency". Between equal energies the faster
            mapping wins, between equal latencies the thriftier.
        factors: "perfect": loop factors divide their dimension. "ceil": dimensions may also be padded up to a multiple
            of the columns or rows that they spread over; the padding is computed and moved as if it were real.
        overlap: "timeloop" or "physical", see `dance_env.cost.mapping.nest`.

    Returns:
        The optimum of every array and register file.

    Raises:
        TypeError, ValueError, OverflowError: as `mapspace.loops_of`, and for unknown names.
    """
    found, costed = _run(row, dataflow, rf_words, pe_x, pe_y, technology, objective, factors, overlap, named=False)
    return LayerOptimum(found.best.energy, found.best.cycles, costed)


def best_mapping(
    row: np.ndarray,
    dataflow: str,
    *,
    rf_words: int,
    pe_x: int,
    pe_y: int,
    technology: Technology,
    objective: str = "edp",
    factors: str = "perfect",
    overlap: str = "timeloop",
) -> Mapping | None:
    """The best mapping of one layer on one accelerator, None when there is none. Arguments as `search_layer`."""
    sizes, columns, rows = (np.array([n], dtype=np.int64) for n in (rf_words, pe_x, pe_y))
    found, _ = _run(row, dataflow, sizes, columns, rows, technology, objective, factors, overlap, named=True)
    call, inner, outer = (int(n) for n in found.best.pick[0, 0, 0])
    return None if call < 0 or found.winners is None else _mapping(dataflow, found.winners[call], inner, outer)


def _run(
    row: np.ndarray,
    dataflow: str,
    rf_words: np.ndarray,
    pe_x: np.ndarray,
    pe_y: np.ndarray,
    technology: Technology,
    objective: str,
    factors: str,
    overlap: str,
    *,
    named: bool,
) -> tuple[_Search, int]:
    for name, given, known in (
        ("objective", objective, OBJECTIVES), ("factors", factors, FACTORS), ("overlap", overlap, OVERLAPS),
    ):  # fmt: skip
        if given not in known:
            raise ValueError(f"{name}: expected one of {', '.join(known)}, got {given!r}.")
    loops = loops_of(row)
    sizes, columns, rows = (_ascending(*each) for each in (("rf_words", rf_words), ("pe_x", pe_x), ("pe_y", pe_y)))
    file = technology.register_file(sizes)
    max_x, max_y = int(columns[-1]), int(rows[-1])
    grid = Grid(
        rf_words=sizes,
        rf_read_pj=file.read_pj,
        rf_write_pj=file.write_pj,
        rf_leak_pj=file.leak_pj_per_cycle,
        dearer=all(bool((np.diff(each) >= 0).all()) for each in (file.read_pj, file.write_pj, file.leak_pj_per_cycle)),
        column_of=np.searchsorted(columns, np.arange(max_x + 1)),
        row_of=np.searchsorted(rows, np.arange(max_y + 1)),
        shape=(len(columns), len(rows)),
        kind=OBJECTIVES.index(objective),
    )
    shape = (len(columns), len(rows), len(sizes))
    nothing = np.full(shape, np.inf)
    best = Best(nothing, nothing.copy(), nothing.copy(), np.full((*shape, 3), -1, dtype=np.int64))
    physical = overlap == "physical" and bool(loops.dims[R] * loops.dims[S] > 1)
    found = _Search(dataflow, grid, _prices(technology), physical, best, itertools.count(), {} if named else None)
    costed = 0
    padded = padded_rows(row, dataflow, max_x=max_x, max_y=max_y) if factors == "ceil" else []
    for each in [loops, *(loops_of(other) for other in padded)]:
        for space in subspaces(each, dataflow, max_x=max_x, max_y=max_y, rf_words=sizes):
            costed += _search(found, each, space, max_x, max_y)
    return found, costed


def _search(found: _Search, loops: Loops, space: Subspace, max_x: int, max_y: int) -> int:
    """Search one box; returns the number of mappings costed in full."""
    from dance_env.cost.search import pairs_kernel  # numba: only when something is searched

    divisors = _divisors(loops.dims)
    tables = [_outer_parts(found, loops, divisors, rule) for rule in space.rules]
    least_pj, least_words = (min(each) for each in zip(*(least for _, least in tables), strict=True))
    inner = _inner_parts(found, loops, divisors, space, max_x, max_y, least_words=least_words, least_pj=least_pj)

    def run(rule: OuterRule, outer: OuterParts) -> int:
        if len(outer.cost) == 0:
            return 0
        call = next(found.calls)
        costed = int(pairs_kernel.search_box(
            inner, outer, divisors, loops.dims, loops.stride, rule.glb, space.glb_order, found.grid, found.prices,
            found.physical or None, found.best, call,
        ))  # fmt: skip
        if found.winners is not None and (found.best.pick[..., 0] == call).any():
            found.winners[call] = _Parts(loops, divisors, inner, outer)
            for other in set(found.winners) - set(found.best.pick[..., 0].flat):
                del found.winners[other]
        return costed

    costed = sum(run(rule, outer) for rule, (outer, _) in zip(space.rules, tables, strict=True))
    if loops.dims[R] * loops.dims[S] > 1:  # the order at DRAM matters beyond the tensor that stays
        for rule in space.rules:
            costed += sum(run(rule, outer) for outer in _other_orders(found, loops, divisors, rule, inner))
    return costed


def _inner_parts(
    found: _Search, loops: Loops, divisors: Divisors, box: Subspace, max_x: int, max_y: int, *, least_words: float,
    least_pj: float,
) -> InnerParts:  # fmt: skip
    """The inner parts of a box, bounded and sorted."""
    from dance_env.cost.search import bounds_kernel, inputs_kernel

    grid = found.grid
    rows = inputs_kernel.enumerate_inner(box.triples, box.offsets, max_x, max_y, int(grid.rf_words[-1]), loops.stride)
    cell, need, pes, bounds, reads, key = bounds_kernel.describe(
        rows, box.triples, loops.dims, loops.stride, grid, found.prices, box.min_rf_words, found.physical, least_words,
        least_pj,
    )  # fmt: skip
    by_key = np.argsort(key, kind="stable")
    order = by_key[np.argsort(cell[by_key], kind="stable")]
    products = box.triples.prod(axis=1)
    values, begins = divisors.values, divisors.offsets
    divisor = np.concatenate([
        np.searchsorted(values[begins[d] : begins[d + 1]], products[box.offsets[d] : box.offsets[d + 1]])
        for d in range(7)
    ])  # fmt: skip
    starts = np.searchsorted(cell[order], np.arange(grid.shape[0] * grid.shape[1] + 1))
    return InnerParts(rows, box.triples, divisor, cell, need, pes, bounds, reads, key, order, starts, box.max_rf_words)


def _outer_parts(
    found: _Search, loops: Loops, divisors: Divisors, rule: OuterRule
) -> tuple[OuterParts, tuple[float, float]]:
    """The outer parts that a rule allows, by ascending cost; pJ and words fetched that no order of theirs is below.

    Of tiles with more than three loops at DRAM one order for each tensor that could stay put; `_other_orders` has the
    others.
    """
    from dance_env.cost.search import outer_kernel

    tables = []
    least_pj, least_words, low = math.inf, math.inf, 0
    while low >= 0:
        *table, pj, words, low = outer_kernel.outer_table(
            loops.dims, loops.stride, divisors, _permutations(), rule, found.prices, found.physical or None, False,
            math.inf, math.inf, low, _ROOM,
        )  # fmt: skip
        tables.append(table)
        least_pj, least_words = min(least_pj, pj), min(least_words, words)
    whole = (np.concatenate(each) for each in zip(*tables, strict=True))
    return _sorted(divisors, rule, *whole), (least_pj, least_words)


def _other_orders(
    found: _Search, loops: Loops, divisors: Divisors, rule: OuterRule, inner: InnerParts
) -> Iterator[OuterParts]:
    """The outer parts that `_outer_parts` leaves out, if they could improve what is found by then; a table at a time.

    There may be many: where latency is the objective, no energy is too much.
    """
    from dance_env.cost.search import outer_kernel, pairs_kernel

    low = 0
    while low >= 0:
        limit, slowest = pairs_kernel.widest_limits(inner, found.grid, found.prices, found.best)
        *table, _, _, low = outer_kernel.outer_table(
            loops.dims, loops.stride, divisors, _permutations(), rule, found.prices, found.physical or None, True,
            limit, slowest, low, _ROOM,
        )  # fmt: skip
        yield _sorted(divisors, rule, *table)


def _sorted(divisors: Divisors, rule: OuterRule, at: np.ndarray, order: np.ndarray, cost: np.ndarray) -> OuterParts:
    by_cost = np.argsort(cost[:, 0], kind="stable")
    at = at[by_cost]
    return OuterParts(at, order[by_cost], cost[by_cost], _fits(divisors, rule, at))


def _fits(divisors: Divisors, rule: OuterRule, at: np.ndarray) -> np.ndarray:
    """The column ``fits`` of `search_data.OuterParts`."""
    found = np.zeros((len(at), 2), dtype=np.uint64)
    for d in range(7):
        begin, length = divisors.table[d]
        divides = divisors.quotient[begin : begin + length**2].reshape(length, length) > 0
        if not rule.glb[d]:
            divides = np.eye(length, dtype=np.bool_)
        masks = np.zeros((length, 2), dtype=np.uint64)
        for i in range(length):
            bit = int(divisors.bit[d]) + i
            if bit < 128:
                masks[:, bit // 64] |= np.where(divides[:, i], np.uint64(1 << (bit % 64)), np.uint64(0))
        found |= masks[at[:, d]]
    return found


def _mapping(dataflow: str, parts: _Parts, inner: int, outer: int) -> Mapping:
    """Name a pair of inner and outer parts."""
    dims = parts.loops.dims
    begins = parts.divisors.offsets
    factors = np.ones((5, 7), dtype=np.int64)
    for d in range(7):
        rf, x, y = (int(n) for n in parts.inner.triples[parts.inner.rows[inner, d]])
        tile = int(parts.divisors.values[begins[d] + parts.outer.at[outer, d]])
        factors[:, d] = (dims[d] // tile, tile // (rf * x * y), x, y, rf)
    if parts.loops.merged:
        factors[:, P], factors[:, Q] = _split_plane(factors[:, Q], parts.loops.plane, dataflow)
    order = "".join(DIMS[d] for d in parts.outer.order[outer])
    return Mapping(dataflow, tuple(tuple(int(n) for n in row) for row in factors), order, parts.loops.stride)


def _split_plane(merged: np.ndarray, plane: tuple[int, int], dataflow: str) -> tuple[list[int], list[int]]:
    """Factors of P and Q at the five places whose products are ``merged``."""
    dram, glb, x, y, rf = (int(n) for n in merged)
    on_x = P if dataflow == "RS" else Q  # the dimension that the columns spread
    left = [plane[0] // y, plane[1]]
    left[on_x - P] //= x
    factors = [[1, 1, x if on_x == P else 1, y, 1], [1, 1, x if on_x == Q else 1, 1, 1]]
    for place, n in ((4, rf), (1, glb), (0, dram)):
        factors[0][place] = math.gcd(n, left[0])
        factors[1][place] = n // factors[0][place]
        left = [left[0] // factors[0][place], left[1] // factors[1][place]]
    return factors[0], factors[1]


def _ascending(name: str, values: np.ndarray) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim != 1 or len(array) == 0 or array.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected integers in one dimension, got {array.dtype} of shape {array.shape}.")
    if array[0] < 1 or (np.diff(array) <= 0).any():
        raise ValueError(f"{name}: expected ascending sizes of at least 1, got {array.tolist()}.")
    return np.ascontiguousarray(array, dtype=np.int64)


def _prices(technology: Technology) -> Prices:
    return Prices(*(float(n) for n in (
        technology.mac_pj, technology.glb_read_pj, technology.glb_write_pj, technology.dram_read_pj,
        technology.dram_write_pj, technology.glb_words, technology.glb_read_words_per_cycle,
        technology.glb_write_words_per_cycle, technology.dram_words_per_cycle, technology.glb_leak_pj_per_cycle,
        technology.row_words,
    )))  # fmt: skip


@cache
def _permutations() -> np.ndarray:
    """(8, 5040, 7) int8: for n = 0..7 every order of 0..n-1, then n..6 as they come; rows beyond are -1."""
    found = np.full((8, math.factorial(7), 7), -1, dtype=np.int8)
    for n in range(8):
        orders = list(itertools.permutations(range(n)))
        found[n, : len(orders), :n] = orders
        found[n, : len(orders), n:] = np.arange(n, 7)
    return found


def _divisors(dims: np.ndarray) -> Divisors:
    lists = [divisors_of(int(n)) for n in dims]
    quotient: list[int] = []
    table = []
    for one in lists:
        table.append((len(quotient), len(one)))
        quotient += [a // b if a % b == 0 else 0 for a in one for b in one]
    offsets = np.cumsum([0, *(len(one) for one in lists)])
    values = [n for one in lists for n in one]
    return Divisors(*(np.array(each, dtype=np.int64) for each in (values, offsets, quotient, table, offsets)))
