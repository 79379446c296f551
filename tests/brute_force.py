"""Every mapping of a small layer, one by one: what the exhaustive search is held against."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator

import numpy as np

from dance_env.cost.mapping import nest, nest_kernel
from dance_env.cost.mapping.dataflow import Dataflow
from dance_env.cost.mapping.loops import DIMS
from dance_env.cost.mapping.mapping import Mapping
from dance_env.cost.technology import Technology

Row = tuple[int, ...]
Best = dict[tuple[int, int, int], tuple[float, float]]


def splits(n: int, places: int) -> list[tuple[int, ...]]:
    """All ways to write ``n`` as a product of ``places`` factors."""
    if places == 1:
        return [(n,)]
    return [(a, *rest) for a in range(1, n + 1) if n % a == 0 for rest in splits(n // a, places - 1)]


def factor_choices(row: Row, dataflow: Dataflow) -> Iterator[np.ndarray]:
    """(5, 7) trip counts: every split that puts each dimension only where the dataflow lets it be."""
    k, c, p, q, r, s, groups, _ = row
    sizes = dict(zip(DIMS, (c // groups, k // groups, groups, r, s, p, q), strict=True))
    places = dataflow.places
    per_dim = [
        [
            split
            for split in splits(sizes[d], 5)
            if all(split[2 + i] == 1 or d in places[place] for i, place in enumerate(("cols", "rows", "rf")))
        ]
        for d in DIMS
    ]
    for combination in itertools.product(*per_dim):
        yield np.array(combination, dtype=np.int64).T.copy()


def brute_force(
    row: Row, dataflow: Dataflow, *, pe_x: list[int], pe_y: list[int], rf_words: list[int], technology: Technology,
    objective: str, overlap: str = "timeloop",
) -> tuple[Best, int]:  # fmt: skip
    """Energy and cycles of the best mapping on each (columns, rows, register words); the number of mappings costed."""
    costed = costed_mappings(row, dataflow, pe_x[-1], pe_y[-1], tuple(rf_words), technology, overlap)
    of_part: Best = {}  # by the part of the array that is used
    for used_x, used_y, sizes, energies, cycles in costed:
        for rf, energy in zip(sizes, energies, strict=True):
            key = (used_x, used_y, rf)
            if key not in of_part or goal(objective, energy, cycles) < goal(objective, *of_part[key]):
                of_part[key] = (energy, cycles)
    best: Best = {}
    for (used_x, used_y, rf), cost in of_part.items():
        for x, y in itertools.product(pe_x, pe_y):
            key = (x, y, rf)
            if (
                x >= used_x
                and y >= used_y
                and (key not in best or goal(objective, *cost) < goal(objective, *best[key]))
            ):
                best[key] = cost
    return best, len(costed)


@functools.lru_cache(maxsize=1)  # the next test asks for the same ones, under another objective
def costed_mappings(
    row: Row,
    dataflow: Dataflow,
    most_x: int,
    most_y: int,
    rf_words: tuple[int, ...],
    technology: Technology,
    overlap: str,
) -> list[tuple[int, int, list[int], list[float], float]]:
    """Of every mapping: columns and rows used, the register files that are large enough, energy with each, cycles."""
    glb_order = np.array([DIMS.index(d) for d in dataflow.glb_order])
    out = np.zeros((3, 3, 2))
    found = []
    for factors, legal in legal_mappings(row, dataflow, most_x, most_y, rf_words, technology):
        used_x, used_y = int(factors[2].prod()), int(factors[3].prod())
        for order, sizes in legal.items():
            energies, cycles = price(factors, row[-1], glb_order, order, overlap, out, sizes, technology)
            found.append((used_x, used_y, sizes, energies, cycles))
    return found


@functools.lru_cache(maxsize=1)  # the next test asks for the same ones, under another rule of overlap
def legal_mappings(
    row: Row, dataflow: Dataflow, most_x: int, most_y: int, rf_words: tuple[int, ...], technology: Technology
) -> list[tuple[np.ndarray, dict[str, list[int]]]]:
    """Trip counts, and the register files that are large enough, by the orders at DRAM that have any."""
    found = []
    for factors in factor_choices(row, dataflow):
        used_x, used_y = int(factors[2].prod()), int(factors[3].prod())
        if used_x > most_x or used_y > most_y:
            continue
        legal: dict[str, list[int]] = {}
        for order in dram_orders(factors):
            mapping = Mapping(dataflow, tuple(map(tuple, factors.tolist())), order, row[-1])
            sizes = [
                rf for rf in rf_words
                if not mapping.violations(pe_x=used_x, pe_y=used_y, rf_words=rf, glb_words=technology.glb_words)
            ]  # fmt: skip
            if sizes:
                legal[order] = sizes
            elif not any("innermost" in v for v in _violations(mapping, used_x, used_y, rf_words[-1], technology)):
                break  # no other order makes it legal
        found.append((factors, legal))
    return found


def dram_orders(factors: np.ndarray) -> Iterator[str]:
    """Every order of the loops that run at DRAM, innermost first."""
    running = [d for d, n in zip(DIMS, factors[0], strict=True) if n > 1]
    rest = "".join(d for d in DIMS if d not in running)
    for order in itertools.permutations(running):
        yield "".join(order) + rest


def goal(objective: str, energy: float, cycles: float) -> tuple[float, float]:
    """What is minimized, and what decides between equals."""
    return {"edp": (energy * cycles, 0.0), "energy": (energy, cycles), "latency": (cycles, energy)}[objective]


def price(
    factors: np.ndarray, stride: int, glb_order: np.ndarray, order: str, overlap: str, out: np.ndarray,
    sizes: list[int], technology: Technology,
) -> tuple[list[float], float]:  # fmt: skip
    """Energy for each register file size, and cycles, as `nest.evaluate` has them (that one takes 50 times as long)."""
    dram_order = np.array([DIMS.index(d) for d in order])
    compute = nest_kernel.count_words(
        factors, stride, glb_order, dram_order, True if overlap == "physical" else None, out
    )
    dram, glb = out[0], out[1]
    ports = (
        (glb[:, 0], technology.glb_read_words_per_cycle),
        (glb[:, 1], technology.glb_write_words_per_cycle),
        (dram.sum(axis=1), technology.dram_words_per_cycle),
    )
    cycles = max(nest_kernel.limited_cycles(compute, w[0], w[1], w[2], rate) for w, rate in ports)
    levels = np.zeros(4)
    macs, pes = (float(math.prod(int(n) for n in factors[first:last].ravel())) for first, last in ((0, 5), (2, 4)))
    energies = []
    for rf in sizes:
        nest_kernel.energy(out, macs, pes, float(cycles), nest._prices(technology, rf), levels)
        energies.append(float(levels.sum()))
    return energies, float(cycles)


def _violations(mapping: Mapping, used_x: int, used_y: int, rf_words: int, technology: Technology) -> list[str]:
    return mapping.violations(pe_x=used_x, pe_y=used_y, rf_words=rf_words, glb_words=technology.glb_words)
