"""The outer parts of mappings: tiles of the global buffer with orders of the loops at DRAM, in tables of limited size."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from functools import cache

import numpy as np

from dance_env.cost.search.mapspace import Loops
from dance_env.cost.search.search_data import Divisors, InnerParts, OuterParts, OuterRule
from dance_env.cost.search.state import Search

_ROOM = 2**18  # rows of an outer table at a time: 22 MB


def outer_parts(
    search: Search, loops: Loops, divisors: Divisors, rule: OuterRule
) -> tuple[OuterParts, tuple[np.ndarray, np.ndarray]]:
    """Return the outer parts that a rule allows, by ascending cost; pJ and words fetched that no order of theirs is below.

    The bounds are `(M,)`, of the outer parts that each memory holds.

    Of tiles with more than three loops at DRAM one order for each tensor that could stay put; `other_orders` has the
    others.
    """
    from dance_env.cost.search import outer_kernel  # numba: only when something is searched

    tables = []
    any_limit = np.full(len(search.prices.glb_words), math.inf)
    least_pj, least_words, low = any_limit, any_limit, 0
    while low >= 0:
        *table, pj, words, low = outer_kernel.outer_table(
            loops.dims, loops.stride, divisors, permutations(), rule, search.prices, search.physical or None, False,
            any_limit, any_limit, low, _ROOM,
        )  # fmt: skip
        tables.append(table)
        least_pj, least_words = np.minimum(least_pj, pj), np.minimum(least_words, words)
    whole = (np.concatenate(each) for each in zip(*tables, strict=True))
    return _sorted(divisors, rule, *whole), (least_pj, least_words)


def other_orders(
    search: Search, loops: Loops, divisors: Divisors, rule: OuterRule, inner: InnerParts
) -> Iterator[OuterParts]:
    """Yield the outer parts that `outer_parts` leaves out, if they could improve what is found by then, in tables.

    There may be many: where latency is the objective, no energy is too much.
    """
    from dance_env.cost.search import outer_kernel, pairs_kernel  # numba

    low = 0
    while low >= 0:
        limit, slowest = pairs_kernel.widest_limits(inner, loops.dims, search.grid, search.prices, search.best)
        *table, _, _, low = outer_kernel.outer_table(
            loops.dims, loops.stride, divisors, permutations(), rule, search.prices, search.physical or None, True,
            limit, slowest, low, _ROOM,
        )  # fmt: skip
        yield _sorted(divisors, rule, *table)


def _sorted(
    divisors: Divisors, rule: OuterRule, at: np.ndarray, order: np.ndarray, pj: np.ndarray, first: np.ndarray,
    cost: np.ndarray,
) -> OuterParts:  # fmt: skip
    by_cost = np.argsort(pj, kind="stable")
    at, order, pj, first, cost = (each.take(by_cost, axis=0) for each in (at, order, pj, first, cost))
    return OuterParts(at, order, pj, first, cost, _fits(divisors, rule, at))


def _fits(divisors: Divisors, rule: OuterRule, at: np.ndarray) -> np.ndarray:
    """The column `fits` of `search_data.OuterParts`."""
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
        found |= masks.take(at[:, d], axis=0)
    return found


@cache
def permutations() -> np.ndarray:
    """Return (8, 5040, 7) int8: for n = 0..7 every order of 0..n-1, then n..6 as they come; rows beyond are -1."""
    found = np.full((8, math.factorial(7), 7), -1, dtype=np.int8)
    for n in range(8):
        orders = list(itertools.permutations(range(n)))
        found[n, : len(orders), :n] = orders
        found[n, : len(orders), n:] = np.arange(n, 7)
    return found
