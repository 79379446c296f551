"""The best mapping of a layer on every accelerator at once: exhaustive over what the dataflows allow."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dance_env.cost.mapping.dataflow import Dataflow
from dance_env.cost.mapping.loops import R, S
from dance_env.cost.mapping.mapping import Mapping
from dance_env.cost.mapping.nest import OVERLAPS
from dance_env.cost.search.mapspace import Loops, Subspace, divisor_tables, loops_of, padded_rows, subspaces
from dance_env.cost.search.naming import name_mapping
from dance_env.cost.search.outer import other_orders, outer_parts
from dance_env.cost.search.search_data import (
    OBJECTIVES,
    Best,
    Divisors,
    Grid,
    InnerParts,
    OuterParts,
    OuterRule,
    Prices,
)
from dance_env.cost.search.state import Parts, Search
from dance_env.cost.technology import Technology

FACTORS = ("perfect", "ceil")

_PRICES_OF_A_MEMORY = ("glb_words", "glb_read_pj", "glb_write_pj", "glb_leak_pj_per_cycle", "dram_words_per_cycle")
_OF_A_MEMORY = (*_PRICES_OF_A_MEMORY, "glb_area_um2")


MOST_MEMORIES = 16
"""In one pass; more are searched in several, which bounds what a search holds."""


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


def search_layer(
    row: np.ndarray,
    dataflow: Dataflow,
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
        dataflow: The mapping rules, such as `dataflow.get_dataflow("OS")`.
        rf_words: (n_rf,) register file sizes, ascending.
        pe_x, pe_y: (X,) and (Y,) columns and rows of the arrays, ascending.
        technology: energies, capacities, bandwidths.
        objective: what the best mapping minimizes: "edp", "energy" or "latency". Between equal energies the faster
            mapping wins, between equal latencies the thriftier.
        factors: "perfect": loop factors divide their dimension. "ceil": dimensions may also be padded up to a multiple
            of the columns or rows that they spread over; the padding is computed and moved as if it were real.
        overlap: "timeloop" or "physical", see `dance_env.cost.mapping.nest`.

    Returns:
        The optimum of every array and register file.

    Raises:
        TypeError, ValueError, OverflowError: as `mapspace.check_layer`, and for unknown names.
    """
    found, costed = _run(row, dataflow, rf_words, pe_x, pe_y, [technology], objective, factors, overlap, named=False)
    return LayerOptimum(found.best.energy[:, :, 0], found.best.cycles[:, :, 0], costed)


def search_memories(
    row: np.ndarray,
    dataflow: Dataflow,
    *,
    rf_words: np.ndarray,
    pe_x: np.ndarray,
    pe_y: np.ndarray,
    technologies: Sequence[Technology],
    objective: str = "edp",
    factors: str = "perfect",
    overlap: str = "timeloop",
) -> list[LayerOptimum]:
    """Search all mappings of one layer under one dataflow, for several memories in one pass.

    Args:
        technologies: One for each memory: they differ in global buffer and DRAM bandwidth only (`Technology.with_memory`).
        row, dataflow, rf_words, pe_x, pe_y, objective, factors, overlap: as `search_layer`.

    Returns:
        The optima under each technology, as `search_layer` gives them; `costed` counts the mappings of the pass.

    Raises:
        TypeError, ValueError, OverflowError: as `search_layer`, and for technologies that differ in something else.
    """
    first = technologies[0]
    for each in technologies:
        if replace(each, **{name: getattr(first, name) for name in _OF_A_MEMORY}) != first:
            raise ValueError(
                f"technologies: expected them to differ in {', '.join(_OF_A_MEMORY)} only, got {first} and {each}."
            )
    by_capacity = sorted(range(len(technologies)), key=lambda n: technologies[n].glb_words)
    optima: dict[int, LayerOptimum] = {}
    for start in range(0, len(by_capacity), MOST_MEMORIES):
        here = by_capacity[start : start + MOST_MEMORIES]
        memories = [technologies[n] for n in here]
        found, costed = _run(row, dataflow, rf_words, pe_x, pe_y, memories, objective, factors, overlap, named=False)
        for m, n in enumerate(here):
            optima[n] = LayerOptimum(found.best.energy[:, :, m], found.best.cycles[:, :, m], costed)
    return [optima[n] for n in range(len(technologies))]


def best_mapping(
    row: np.ndarray,
    dataflow: Dataflow,
    *,
    rf_words: int,
    pe_x: int,
    pe_y: int,
    technology: Technology,
    objective: str = "edp",
    factors: str = "perfect",
    overlap: str = "timeloop",
) -> Mapping | None:
    """Return the best mapping of one layer on one accelerator; None if no mapping fits. Arguments as `search_layer`."""
    sizes, columns, rows = (np.array([n], dtype=np.int64) for n in (rf_words, pe_x, pe_y))
    found, _ = _run(row, dataflow, sizes, columns, rows, [technology], objective, factors, overlap, named=True)
    call, inner, outer = (int(n) for n in found.best.pick[0, 0, 0, 0])
    return None if call < 0 or found.winners is None else name_mapping(dataflow, found.winners[call], inner, outer)


def _run(
    row: np.ndarray,
    dataflow: Dataflow,
    rf_words: np.ndarray,
    pe_x: np.ndarray,
    pe_y: np.ndarray,
    memories: Sequence[Technology],
    objective: str,
    factors: str,
    overlap: str,
    *,
    named: bool,
) -> tuple[Search, int]:
    if not isinstance(dataflow, Dataflow):
        raise TypeError(f"dataflow: expected a Dataflow, got {dataflow!r}; get_dataflow(name) gives one by its name.")
    for name, given, known in (
        ("objective", objective, OBJECTIVES), ("factors", factors, FACTORS), ("overlap", overlap, OVERLAPS),
    ):  # fmt: skip
        if given not in known:
            raise ValueError(f"{name}: expected one of {', '.join(known)}, got {given!r}.")
    loops = loops_of(row, dataflow)
    sizes, columns, rows = (_ascending(*each) for each in (("rf_words", rf_words), ("pe_x", pe_x), ("pe_y", pe_y)))
    file = memories[0].register_file(sizes)
    max_x, max_y = int(columns[-1]), int(rows[-1])
    grid = Grid(
        rf_words=sizes,
        rf_read_pj=file.read_pj,
        rf_write_pj=file.write_pj,
        rf_leak_pj=file.leak_pj_per_cycle,
        dearer=all(bool((np.diff(each) >= 0).all()) for each in (file.read_pj, file.write_pj, file.leak_pj_per_cycle)),
        columns=columns,
        rows=rows,
        shape=(len(columns), len(rows)),
        kind=OBJECTIVES.index(objective),
    )
    shape = (len(columns), len(rows), len(memories), len(sizes))
    nothing = np.full(shape, np.inf)
    best = Best(nothing, nothing.copy(), nothing.copy(), np.full((*shape, 3), -1, dtype=np.int64))
    physical = overlap == "physical" and bool(loops.dims[R] * loops.dims[S] > 1)
    found = Search(dataflow, grid, _prices(memories), physical, best, itertools.count(), {} if named else None)
    costed = 0
    padded = padded_rows(row, dataflow, max_x=max_x, max_y=max_y) if factors == "ceil" else []
    for each in [loops, *(loops_of(other, dataflow) for other in padded)]:
        for space in subspaces(each, dataflow, max_x=max_x, max_y=max_y, rf_words=sizes):
            costed += _search(found, each, space, max_x, max_y)
    return found, costed


def _search(found: Search, loops: Loops, space: Subspace, max_x: int, max_y: int) -> int:
    """Search one box; returns the number of mappings costed in full."""
    from dance_env.cost.search import pairs_kernel  # numba: only when something is searched

    divisors = divisor_tables(loops.dims)
    tables = [outer_parts(found, loops, divisors, rule) for rule in space.rules]
    least_pj, fetched = (np.min(each, axis=0) for each in zip(*(least for _, least in tables), strict=True))
    inner = _inner_parts(found, loops, divisors, space, max_x, max_y, fetched=fetched, least_pj=least_pj)

    def run(rule: OuterRule, outer: OuterParts) -> int:
        if len(outer.pj) == 0:
            return 0
        call = next(found.calls)
        costed = int(pairs_kernel.search_box(
            inner, outer, divisors, loops.dims, loops.stride, rule.glb, space.glb_order, found.grid, found.prices,
            found.physical or None, found.best, call,
        ))  # fmt: skip
        if found.winners is not None and (found.best.pick[..., 0] == call).any():
            found.winners[call] = Parts(loops, divisors, inner, outer)
            for other in set(found.winners) - set(found.best.pick[..., 0].flat):
                del found.winners[other]
        return costed

    costed = sum(run(rule, outer) for rule, (outer, _) in zip(space.rules, tables, strict=True))
    if loops.dims[R] * loops.dims[S] > 1:  # the order at DRAM matters beyond the tensor that stays
        for rule in space.rules:
            costed += sum(run(rule, outer) for outer in other_orders(found, loops, divisors, rule, inner))
    return costed


def _inner_parts(
    found: Search, loops: Loops, divisors: Divisors, box: Subspace, max_x: int, max_y: int, *,
    fetched: np.ndarray, least_pj: np.ndarray,
) -> InnerParts:  # fmt: skip
    """The inner parts of a box, bounded and sorted; `fetched` and `least_pj` as in `bounds_kernel.describe`."""
    from dance_env.cost.search import bounds_kernel, inner_kernel  # numba

    grid = found.grid
    rows = inner_kernel.enumerate_inner(box.triples, box.offsets, max_x, max_y, int(grid.rf_words[-1]), loops.stride)
    cell, need, pes, bounds, reads, key = bounds_kernel.describe(
        rows, box.triples, loops.dims, loops.stride, grid, found.prices, box.min_rf_words, found.physical, fetched,
        least_pj,
    )  # fmt: skip
    by_key = np.argsort(key.min(axis=1), kind="stable")
    cells = grid.shape[0] * grid.shape[1]
    order = by_key[
        np.argsort(cell[by_key].astype(np.min_scalar_type(cells)), kind="stable")
    ]  # short integers sort fast
    products = box.triples.prod(axis=1)
    values, begins = divisors.values, divisors.offsets
    divisor = np.concatenate([
        np.searchsorted(values[begins[d] : begins[d + 1]], products[box.offsets[d] : box.offsets[d + 1]])
        for d in range(7)
    ])  # fmt: skip
    starts = np.searchsorted(cell[order], np.arange(cells + 1))
    return InnerParts(
        rows, box.triples, divisor, cell, need, pes, bounds, reads, key, order, starts, fetched, box.max_rf_words
    )


def _ascending(name: str, values: np.ndarray) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim != 1 or len(array) == 0 or array.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected integers in one dimension, got {array.dtype} of shape {array.shape}.")
    if array[0] < 1 or (np.diff(array) <= 0).any():
        raise ValueError(f"{name}: expected ascending sizes of at least 1, got {array.tolist()}.")
    return np.ascontiguousarray(array, dtype=np.int64)


def _prices(memories: Sequence[Technology]) -> Prices:
    one = memories[0]
    words, read_pj, write_pj, leak_pj, rate = (
        np.array([float(getattr(each, name)) for each in memories]) for name in _PRICES_OF_A_MEMORY
    )
    return Prices(
        mac_pj=float(one.mac_pj),
        dram_read_pj=float(one.dram_read_pj),
        dram_write_pj=float(one.dram_write_pj),
        glb_read_rate=float(one.glb_read_words_per_cycle),
        glb_write_rate=float(one.glb_write_words_per_cycle),
        row_words=float(one.row_words),
        glb_words=words,
        glb_read_pj=read_pj,
        glb_write_pj=write_pj,
        glb_leak_pj=leak_pj,
        dram_rate=rate,
        cheapest=int(write_pj.argmin()),
    )
