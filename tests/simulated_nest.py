"""The loop nest walked step by step, as Timeloop walks it: the slow, literal counterpart of `nest_kernel`.

Every loop runs iterations 0 and 1, the second standing for all the others. At each step the box of data that the
array, one column, and one PE hold is formed; what a box adds to the one before it is fetched. Boxes are sets of points,
PEs are compared one by one. Nothing here shares code with `dance_env.cost`.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

C, M, G, R, S, P, Q = range(7)
DRAM, GLB, X, Y, RF = range(5)
SPATIAL_ORDER = (C, M, R, S, P, Q, G)  # innermost first
Point = tuple[int, ...]
Box = frozenset[Point]


def project(tensor: str, at: list[int], stride: int) -> Point:
    if tensor == "W":
        return at[G], at[M], at[C], at[R], at[S]
    if tensor == "O":
        return at[G], at[M], at[P], at[Q]
    return at[G], at[C], at[P] * stride + at[R], at[Q] * stride + at[S]


def box(tensor: str, low: list[int], size: list[int], stride: int) -> Box:
    """The axis-aligned box from the image of the lowest to the image of the highest corner."""
    first = project(tensor, low, stride)
    last = project(tensor, [a + n - 1 for a, n in zip(low, size, strict=True)], stride)
    return frozenset(itertools.product(*(range(a, b + 1) for a, b in zip(first, last, strict=True))))


def shifted(points: Box, by: Point) -> Box:
    return frozenset(tuple(a + b for a, b in zip(point, by, strict=True)) for point in points)


@dataclass
class Holder:
    """A level that keeps its last box: new data is what the last box lacks, unless the stride changed."""

    last: Box = frozenset()
    stride: Point | None = None

    def fetch(self, now: Box) -> Box:
        before, self.last = self.last, now
        if not before:
            return now
        move = tuple(b - a for a, b in zip(min(before), min(now), strict=True))
        if any(move):
            if self.stride is not None and self.stride != move:
                self.stride = None
                return now
            self.stride = move
        return now - before


@dataclass
class Fan:
    """A row or column of children that fetch shifted copies of one box; equal boxes are sent once."""

    offsets: list[Point]
    before: list[Box] = field(default_factory=list)
    sent: int = 0
    received: int = 0
    received_linked: int = 0
    passed: int = 0

    def serve(self, new: Box, times: int) -> None:
        now = [shifted(new, offset) for offset in self.offsets]
        linked = [
            bool(mine) and any(0 <= k < len(self.before) and self.before[k] == mine for k in (i - 1, i + 1))
            for i, mine in enumerate(now)
        ]
        plain = {mine for mine in now if mine}
        left = {mine for i, mine in enumerate(now) if mine and not linked[i]}
        use_links = sum(map(len, left)) < sum(map(len, plain))
        taking = [mine for i, mine in enumerate(now) if not (use_links and linked[i])]
        self.sent += times * sum(map(len, left if use_links else plain))
        self.received += times * sum(map(len, taking))
        self.received_linked += times * sum(map(len, taking)) if use_links else 0
        self.passed += times * sum(map(len, now)) - times * sum(map(len, taking))
        self.before = now


def spread(tensor: str, counts: list[int], inside: list[int], stride: int) -> list[Point]:
    """Where the children of a fan stand in the tensor, in the order of their position on the array."""
    offsets = []
    ranges = [range(counts[d]) for d in reversed(SPATIAL_ORDER)]
    for index in itertools.product(*ranges):
        at = [0] * 7
        for d, i in zip(reversed(SPATIAL_ORDER), index, strict=True):
            at[d] = i * inside[d]
        offsets.append(project(tensor, at, stride))
    return offsets


def walk(tensor: str, factors: list[list[int]], stride: int, glb_order: list[int], dram_order: list[int]) -> dict:
    """Words of one tensor: ``dram`` and ``glb`` reads by the level below, ``fills`` and ``passed`` of all PEs."""
    pe = list(factors[RF])
    column = [a * b for a, b in zip(pe, factors[Y], strict=True)]
    array = [a * b for a, b in zip(column, factors[X], strict=True)]
    held = [a * b for a, b in zip(array, factors[GLB], strict=True)]
    loops = [(factors[GLB][d], d, array[d]) for d in glb_order] + [(factors[DRAM][d], d, held[d]) for d in dram_order]
    loops = [loop for loop in loops if loop[0] > 1]
    outermost_first = loops[::-1]
    global_buffer, column_holder, pe_holder = Holder(), Holder(), Holder()
    rows, columns = Fan(spread(tensor, factors[Y], pe, stride)), Fan(spread(tensor, factors[X], column, stride))
    dram = 0
    inner = sum(factors[GLB][d] > 1 for d in range(7))
    for index in itertools.product((0, 1), repeat=len(loops)):
        at = [0] * 7
        for i, (_, d, step) in zip(index, outermost_first, strict=True):
            at[d] += i * step
        times = math.prod(n - 1 for i, (n, _, _) in zip(index, outermost_first, strict=True) if i)
        rows.serve(pe_holder.fetch(box(tensor, at, pe, stride)), times)
        columns.serve(column_holder.fetch(box(tensor, at, column, stride)), times)
        if not any(index[len(loops) - inner :]):
            outer_times = math.prod(n - 1 for i, (n, _, _) in zip(index, outermost_first, strict=True) if i)
            dram += outer_times * len(global_buffer.fetch(box(tensor, at, held, stride)))
    across, down = len(columns.offsets), len(rows.offsets)
    return {
        "dram": dram,
        # The level of columns holds nothing: its children's demand, divided as its own deliveries were shared.
        "glb": rows.sent * across * columns.sent / columns.received,
        # Of one PE; summed step by step of each kind, as floats.
        "fills": (rows.received - rows.received_linked) / down + rows.received_linked / down,
        "passed": rows.passed / (across * down),
    }
