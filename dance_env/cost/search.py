"""The best mapping of a layer on every accelerator at once: exhaustive over what the dataflows allow."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from dance_env.cost.mapping import DIMS, Mapping
from dance_env.cost.mapspace import Loops, OuterRule, Subspace, divisors_of, loops_of, padded_rows, subspaces
from dance_env.cost.search_data import Best, Divisors, Grid, InnerParts, OuterParts, Prices
from dance_env.cost.technology import Technology

OBJECTIVES = ("edp", "energy", "latency")
FACTORS = ("perfect", "ceil")
OVERLAPS = ("timeloop", "physical")
_ROOM = 16_384  # rows of an outer table at a time
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
class _Search:
    """One dataflow on a grid of accelerators, and the best mappings of a layer found so far."""

    dataflow: str
    grid: Grid
    prices: Prices
    physical: bool
    best: Best
    boxes: list[_Box] = field(default_factory=list)
    """Boxes searched so far, kept to name the winners."""


@dataclass(frozen=True, eq=False)
class _Box:
    """A box of mappings of a layer, and its parts."""

    loops: Loops
    space: Subspace
    divisors: Divisors
    inner: InnerParts
    outers: list[OuterParts]


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
        overlap: "timeloop" or "physical", see `dance_env.cost.nest`.

    Returns:
        The optimum of every array and register file.

    Raises:
        TypeError, ValueError, OverflowError: as `mapspace.loops_of`, and for unknown names.
    """
    found, costed = _run(row, dataflow, rf_words, pe_x, pe_y, technology, objective, factors, overlap)
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
    found, _ = _run(row, dataflow, sizes, columns, rows, technology, objective, factors, overlap)
    box, inner, outer = (int(n) for n in found.best.pick[0, 0, 0])
    return None if box < 0 else _mapping(found, box, inner, outer)


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
    found = _Search(dataflow, grid, _prices(technology), physical, best)
    costed = 0
    padded = padded_rows(row, dataflow, max_x=max_x, max_y=max_y) if factors == "ceil" else []
    for each in [loops, *(loops_of(other) for other in padded)]:
        for space in subspaces(each, dataflow, max_x=max_x, max_y=max_y, rf_words=sizes):
            costed += _search(found, each, space, max_x, max_y)
    return found, costed


def _search(found: _Search, loops: Loops, space: Subspace, max_x: int, max_y: int) -> int:
    """Search one box; returns the number of mappings costed in full."""
    from dance_env.cost import search_kernel  # numba: only when something is searched

    divisors = _divisors(loops.dims)
    tables = [_outer_parts(found, loops, divisors, rule, math.inf) for rule in space.rules]
    inner = _inner_parts(
        found, loops, divisors, space, max_x, max_y, least_words=min(least for _, least in tables),
        least_pj=min((float(outer.cost[0, 0]) for outer, _ in tables if len(outer.cost)), default=math.inf),
    )  # fmt: skip
    box = _Box(loops, space, divisors, inner, [])

    def run(rule: OuterRule, outer: OuterParts) -> int:
        if len(outer.cost) == 0:
            return 0
        base = sum(len(each.cost) for each in box.outers)
        box.outers.append(outer)
        return int(search_kernel.search_box(
            inner, outer, base, divisors, loops.dims, loops.stride, rule.glb, space.glb_order, found.grid,
            found.prices, found.physical or None, found.best, len(found.boxes),
        ))  # fmt: skip

    costed = sum(run(rule, outer) for rule, (outer, _) in zip(space.rules, tables, strict=True))
    if loops.dims[R] * loops.dims[S] > 1:  # the order at DRAM matters beyond the tensor that stays
        for rule in space.rules:
            limit = search_kernel.widest_limit(inner, found.grid, found.prices, found.best)
            outer, _ = _outer_parts(found, loops, divisors, rule, limit, all_orders=True)
            costed += run(rule, outer)
    found.boxes.append(box)
    return costed


def _inner_parts(
    found: _Search, loops: Loops, divisors: Divisors, box: Subspace, max_x: int, max_y: int, *, least_words: float,
    least_pj: float,
) -> InnerParts:  # fmt: skip
    """The inner parts of a box, bounded and sorted."""
    from dance_env.cost import bounds_kernel, kernel

    grid = found.grid
    rows = kernel.enumerate_inner(box.triples, box.offsets, max_x, max_y, int(grid.rf_words[-1]), loops.stride)
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
    found: _Search, loops: Loops, divisors: Divisors, rule: OuterRule, limit: float, *, all_orders: bool = False
) -> tuple[OuterParts, float]:
    """The outer parts that a rule allows, by ascending cost; the least words that any of them fetches."""
    from dance_env.cost import outer_kernel

    tables = []
    least, low = math.inf, 0
    while low >= 0:
        *table, words, low = outer_kernel.outer_table(
            loops.dims, loops.stride, divisors, _permutations(), rule,
            found.prices, found.physical or None, all_orders, limit, low, _ROOM,
        )  # fmt: skip
        tables.append(table)
        least = min(least, words)
    at, order, cost = (np.concatenate(each) for each in zip(*tables, strict=True))
    by_cost = np.argsort(cost[:, 0], kind="stable")
    at = at[by_cost]
    return OuterParts(at, order[by_cost], cost[by_cost], _fits(divisors, rule, at)), least


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


def _mapping(found: _Search, number: int, inner: int, outer: int) -> Mapping:
    """Name a pair of inner and outer parts."""
    box = found.boxes[number]
    dims = box.loops.dims
    for table in box.outers:
        if outer < len(table.cost):
            break
        outer -= len(table.cost)
    begins = box.divisors.offsets
    factors = np.ones((5, 7), dtype=np.int64)
    for d in range(7):
        rf, x, y = (int(n) for n in box.inner.triples[box.inner.rows[inner, d]])
        tile = int(box.divisors.values[begins[d] + table.at[outer, d]])
        factors[:, d] = (dims[d] // tile, tile // (rf * x * y), x, y, rf)
    if box.loops.merged:
        factors[:, P], factors[:, Q] = _split_plane(factors[:, Q], box.loops.plane, found.dataflow)
    order = "".join(DIMS[d] for d in table.order[outer])
    return Mapping(found.dataflow, tuple(tuple(int(n) for n in row) for row in factors), order, box.loops.stride)


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
