"""What a running search holds: the question, and the best mappings found so far."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dance_env.cost.mapping.dataflow import Dataflow
from dance_env.cost.search.mapspace import Loops
from dance_env.cost.search.search_data import Best, Divisors, Grid, InnerParts, OuterParts, Prices


@dataclass(frozen=True, eq=False)
class Parts:
    """What one call of the compiled search went through."""

    loops: Loops
    divisors: Divisors
    inner: InnerParts
    outer: OuterParts


@dataclass(frozen=True, eq=False)
class Search:
    """One dataflow on a grid of accelerators, and the best mappings of a layer found so far.

    Attributes:
        calls: Numbers for the calls of the compiled search.
        winners: The parts of the best mappings, by call, to name them; None where no names are asked for.
    """

    dataflow: Dataflow
    grid: Grid
    prices: Prices
    physical: bool
    best: Best
    calls: Iterator[int]
    winners: dict[int, Parts] | None
