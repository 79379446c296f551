"""The best mapping of a layer on every accelerator at once: exhaustive over what the dataflows allow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dance_env.cost.mapspace import Subspace, divisors, loop_dims, subspaces
from dance_env.cost.technology import Technology

OBJECTIVES = ("edp", "energy", "latency")
_ROWS_AT_A_TIME = 200_000


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
    row: np.ndarray, dataflow: str, *, rf_words: np.ndarray, pe_x: np.ndarray, pe_y: np.ndarray,
    technology: Technology, objective: str = "edp",
) -> LayerOptimum:
    """Search all mappings of one layer under one dataflow.

    Args:
        row: (8,) integers K, C, P, Q, R, S, groups, stride.
        dataflow: "WS", "OS" or "RS".
        rf_words: (n_rf,) register file sizes, ascending.
        pe_x, pe_y: (X,) and (Y,) columns and rows of the arrays, ascending.
        technology: energies, capacities, bandwidths.
        objective: what the best mapping minimises: "edp", "energy" or "latency".

    Returns:
        The optimum of every array and register file.
    """
    from dance_env.cost import kernel, search_kernel  # numba: only when something is searched

    if objective not in OBJECTIVES:
        raise ValueError(f"objective: expected one of {', '.join(OBJECTIVES)}, got {objective!r}.")
    kind = OBJECTIVES.index(objective)
    dims, stride = loop_dims(row)
    sizes, columns, rows = (np.ascontiguousarray(each, dtype=np.int64) for each in (rf_words, pe_x, pe_y))
    max_x, max_y, max_rf = int(columns[-1]), int(rows[-1]), int(sizes[-1])
    # An inner part that needs n columns belongs to the smallest array that has them.
    column_of = np.searchsorted(columns, np.arange(max_x + 1))
    row_of = np.searchsorted(rows, np.arange(max_y + 1))
    file = technology.register_file(sizes)
    shape = (len(columns), len(rows), len(sizes))
    value, energy, cycles = (np.full(shape, np.inf) for _ in range(3))
    pick = np.full((*shape, 3), -1, dtype=np.int64)
    constants = _constants(technology)
    lists = [divisors(int(n)) for n in dims]
    flat = np.array([n for one in lists for n in one], dtype=np.int64)
    offsets = np.cumsum([0, *(len(one) for one in lists)]).astype(np.int64)
    quotient, quotient_at = _quotients(lists)
    costed = 0
    for number, box in enumerate(subspaces(dims, dataflow, max_x=max_x, max_y=max_y, rf_words=sizes)):
        inner = kernel.enumerate_inner(box.triples, box.offsets, max_x, max_y, max_rf, stride)
        outer = [dims, stride, flat, offsets, box.glb, box.dram, box.reduction_innermost, constants]
        parts = []
        low = 0
        while low >= 0:
            *part, low = kernel.outer_table(*outer, False, np.inf, low, _ROWS_AT_A_TIME)
            parts.append(part)
        at, order, cost = (np.concatenate([part[k] for part in parts]) for k in range(3))
        if len(cost) == 0 or len(inner) == 0:
            continue
        cell, need, bounds, reads, key = search_kernel.describe(
            inner, box.triples, dims, stride, column_of, row_of, len(rows), sizes, file.read_pj, file.write_pj,
            box.min_rf_words, constants, kind, cost[:, 0].min(), cost[:, 1].min(),
            (cost[:, 2] + cost[:, 3] + cost[:, 4]).min() - dims[1] * dims[2] * dims[5] * dims[6],
        )
        by_key = np.argsort(key, kind="stable")
        queue = by_key[np.argsort(cell[by_key], kind="stable")]
        starts = np.searchsorted(cell[queue], np.arange(len(columns) * len(rows) + 1))
        sub = np.array([
            lists[d].index(int(np.prod(box.triples[k]))) for d in range(7) for k in range(box.offsets[d], box.offsets[d + 1])
        ])

        def run(at: np.ndarray, order: np.ndarray, cost: np.ndarray, base: int) -> int:
            by_cost = np.argsort(cost[:, 0], kind="stable")
            return search_kernel.search_box(
                queue, starts, inner, box.triples, sub, need, bounds, reads, at[by_cost], order[by_cost], cost[by_cost],
                quotient, quotient_at, dims, stride, box.glb, box.glb_order, sizes, box.max_rf_words, file.read_pj,
                file.write_pj, constants, kind, value, energy, cycles, pick, number, base,
            )

        costed += run(at, order, cost, 0)
        low = 0
        base = len(cost)
        while low >= 0:
            limit = search_kernel.widest_limit(
                cell, need, bounds, reads, sizes, box.max_rf_words, file.read_pj, file.write_pj, kind, value, energy,
                cycles,
            )
            *part, low = kernel.outer_table(*outer, True, limit, low, _ROWS_AT_A_TIME)
            if len(part[0]):
                costed += run(*part, base)
                base += len(part[0])
    search_kernel.spread_best(value, energy, cycles, pick)
    return LayerOptimum(energy, cycles, costed)


def _constants(technology: Technology) -> np.ndarray:
    return np.array([
        technology.mac_pj, technology.glb_read_pj, technology.glb_write_pj, technology.dram_read_pj,
        technology.dram_write_pj, technology.glb_words, technology.glb_read_words_per_cycle,
        technology.glb_write_words_per_cycle, technology.dram_words_per_cycle,
    ], dtype=np.float64)


def _quotients(lists: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Per dimension, large divisor // small divisor (0 where it does not divide); where each begins, its row length."""
    flat: list[int] = []
    where = []
    for one in lists:
        where.append((len(flat), len(one)))
        flat += [a // b if a % b == 0 else 0 for a in one for b in one]
    return np.array(flat, dtype=np.int64), np.array(where, dtype=np.int64)
