"""What a dataflow is: the rules about which loop may run where, as one value.

A mapping splits each loop of a layer over five places (`loops.LEVELS`). A dataflow says which of the three inner places
(columns, rows, register file) each loop may use, how many trips some loops must have there, in which order the loops of the
global buffer run, and what may loop above the array. Everything that depends on a dataflow asks the value: what is legal
(`Mapping.violations`), what the search enumerates (`search.mapspace`), why a layer cannot be mapped, and what the other
tools are told. A new dataflow is a new value.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dance_env.cost.mapping.loops import DIM_NAMES, DIMS, GLB, LEVELS, REDUCTION
from dance_env.space import DATAFLOWS

NO_LIMIT = 2**62
_PLACES = ("cols", "rows", "rf")
_PLACE_NAMES = {"cols": "columns", "rows": "rows", "rf": "register file"}


@dataclass(frozen=True)
class Pin:
    """A loop that is whole in one place of the array and runs in no other place of it.

    Attributes:
        dim: The loop.
        place: "cols", "rows" or "rf".
        words_per_trip, words_besides: Where `words_per_trip * size + words_besides` words do not fit the register file,
            the loop has one trip in the place, and the rest of it runs above the array. 0 words: it always is whole.
    """

    dim: str
    place: str
    words_per_trip: int = 0
    words_besides: int = 0

    def whole_from(self, size: int) -> int:
        """Return the smallest register file, in words, with which a loop of `size` is whole in its place."""
        return self.words_per_trip * size + self.words_besides

    def trips(self, size: int, rf_words: int) -> int:
        """Return how many trips of a loop of `size` run in the place."""
        return size if self.whole_from(size) <= rf_words else 1


@dataclass(frozen=True)
class Above:
    """What may loop above the array.

    Attributes:
        glb: Loops that may run at the global buffer.
        dram: Loops that may run at DRAM.
        reduction_innermost: Whether C, R and S have to be the innermost loops at DRAM, so that outputs are finished
            before they are replaced.
    """

    glb: str = DIMS
    dram: str = DIMS
    reduction_innermost: bool = False

    def broken(self, name: str, factors: np.ndarray, dram_order: str) -> list[str]:
        """Return what a mapping of dataflow `name` does against this rule, a sentence each."""
        at_dram = [d for d in dram_order if factors[0, DIMS.index(d)] > 1]
        at_glb = [d for d in DIMS if factors[GLB, DIMS.index(d)] > 1]
        with_reduction = f"{name} with C, R or S at DRAM"
        found = []
        if not set(at_dram) <= set(self.dram):
            found.append(f"{name} does not loop over {_listed(self.dram)} at DRAM")
        if not set(at_glb) <= set(self.glb):
            found.append(
                f"{with_reduction} loops over nothing else at the global buffer"
                if self.reduction_innermost
                else f"{name} does not loop over {_listed(self.glb)} at the global buffer"
            )
        inner = [d for d in at_dram if d in REDUCTION]
        if self.reduction_innermost and at_dram[: len(inner)] != inner:
            found.append(f"{with_reduction} runs them innermost")
        return found


@dataclass(frozen=True)
class Dataflow:
    """The mapping rules of one dataflow.

    Attributes:
        name: Short name, such as "WS".
        title: Long name.
        why: What it is good for, in a sentence.
        stationary: The tensors ("W", "I", "O") that tools with one tensor per register file keep there.
        columns, rows, registers: Loops that the columns, the rows and the register file of a processing element may
            hold.
        glb_order: The loops at the global buffer, innermost first.
        above: What may loop above the array; a mapping obeys one of these.
        pins: Loops that are whole in one place.

    Raises:
        ValueError: If a rule names something that does not exist, or two loops whose windows overlap share an axis of
            the array, which the counting rules do not cover.
    """

    name: str
    title: str
    why: str
    stationary: str
    columns: str
    rows: str
    registers: str
    glb_order: str
    above: tuple[Above, ...] = (Above(),)
    pins: tuple[Pin, ...] = ()

    def __post_init__(self) -> None:
        lists = [self.columns, self.rows, self.registers, *(each for a in self.above for each in (a.glb, a.dram))]
        if any(not set(each) <= set(DIMS) for each in lists):
            raise ValueError(f"dataflow {self.name}: loops must be out of {DIMS}, got {', '.join(lists)}.")
        if sorted(self.glb_order) != sorted(DIMS):
            raise ValueError(
                f"dataflow {self.name}: glb_order must have each of {DIMS} once, innermost first, got {self.glb_order!r}."
            )
        for place, pair in (("columns", "RP"), ("columns", "SQ"), ("rows", "RP")):
            if set(pair) <= set(getattr(self, place)):
                raise ValueError(f"dataflow {self.name}: {' and '.join(pair)} cannot both be spread over the {place}.")
        if set(self.rows) & set("SQ"):
            raise ValueError(f"dataflow {self.name}: S and Q cannot be spread over the rows, got {self.rows!r}.")
        for pin in self.pins:
            if [place for place in _PLACES if pin.dim in self.places[place]] != [pin.place]:
                raise ValueError(
                    f"dataflow {self.name}: {pin.dim} is pinned to {pin.place}, so that must be its only place."
                )
        if not self.above:
            raise ValueError(f"dataflow {self.name}: expected at least one rule for the loops above the array.")

    @property
    def places(self) -> dict[str, str]:
        """The loops that each inner place may hold: "cols", "rows", "rf"."""
        return {"cols": self.columns, "rows": self.rows, "rf": self.registers}

    @property
    def merges_plane(self) -> bool:
        """Whether P and Q may be searched as one loop where no windows overlap: every rule treats them alike."""
        first, second = sorted(self.glb_order.index(d) for d in "PQ")
        alike = all(("P" in loops) == ("Q" in loops) for a in self.above for loops in (a.glb, a.dram))
        return second == first + 1 and alike and not any(pin.dim in "PQ" for pin in self.pins)

    def pinned(self, sizes: dict[str, int]) -> Iterator[tuple[int, int, dict[str, tuple[int, int, int]]]]:
        """Yield register file sizes (least, most words) and the trips of the pinned loops there (rf, columns, rows).

        Args:
            sizes: Of each loop of the layer.
        """
        thresholds = sorted({pin.whole_from(sizes[pin.dim]) for pin in self.pins if pin.words_per_trip} | {1})
        for low, high in zip(thresholds, [*(t - 1 for t in thresholds[1:]), NO_LIMIT], strict=True):
            trips = {}
            for pin in self.pins:
                n = pin.trips(sizes[pin.dim], low)
                trips[pin.dim] = tuple(n if place == pin.place else 1 for place in ("rf", "cols", "rows"))
            yield low, high, trips  # type: ignore[misc]

    def violations(self, factors: np.ndarray, dram_order: str, *, rf_words: int) -> list[str]:
        """Return what a mapping does against the rules, a sentence each; empty where it obeys them.

        Args:
            factors: `(5, 7)` trip counts, `LEVELS` x `DIMS`.
            dram_order: All loops at DRAM, innermost first.
            rf_words: Size of a register file.
        """
        found = [
            f"{self.name} does not loop over {d} at {place}"
            for place, allowed in self.places.items()
            for i, d in enumerate(DIMS)
            if d not in allowed and factors[LEVELS.index(place), i] > 1
        ]
        for pin in self.pins:
            column = factors[:, DIMS.index(pin.dim)]
            size = math.prod(int(n) for n in column)
            whole = pin.trips(size, rf_words)
            if column[LEVELS.index(pin.place)] != whole:
                found.append(
                    f"{self.name} loops over {whole} of {pin.dim} in a register file of {rf_words} words"
                    if pin.words_per_trip
                    else f"{self.name} keeps all of {pin.dim} on the {_PLACE_NAMES[pin.place]}"
                )
        # Of several rules the one that is broken least, the last of equals.
        broken = [rule.broken(self.name, factors, dram_order) for rule in self.above]
        return found + min(reversed(broken), key=len)

    def why_unmappable(self, sizes: dict[str, int], stride: int, *, pe_x: int, pe_y: int, rf_words: int) -> str | None:
        """Return why an array is too small for a layer, as a sentence; None where it is not.

        Args:
            sizes: Of each loop of the layer.
            stride: Of the layer.
            pe_x, pe_y, rf_words: Columns, rows, register words.
        """
        held = dict.fromkeys(DIMS, 1)
        for pin in self.pins:
            n = pin.trips(sizes[pin.dim], rf_words)
            room = {"cols": pe_x, "rows": pe_y}.get(pin.place, n)
            if n > room:
                where = _PLACE_NAMES[pin.place]
                return f"{self.name} keeps all {n} {DIM_NAMES[pin.dim]} on the {where} of the array, which has {room}."
            if pin.place == "rf":
                held[pin.dim] = n
        c, m, g, r, s, p, q = held.values()
        least = c * m * g * r * s + c * g * ((p - 1) * stride + r) * ((q - 1) * stride + s) + m * g * p * q
        if rf_words < least:
            return f"the smallest tile of {self.name} holds {least} words in a register file, which has {rf_words}."
        return None


def _listed(allowed: str) -> str:
    """The loops that are not allowed, as a list to read."""
    others = [d for d in DIMS if d not in allowed]
    return " or ".join([", ".join(others[:-1]), others[-1]] if len(others) > 1 else others)


WEIGHT_STATIONARY = Dataflow(
    name="WS",
    title="weight stationary (as NVDLA)",
    why="A tile of weights stays in the register files while the output rows and columns run.",
    stationary="W",
    columns="MG",
    rows="CG",
    registers="CMRSG",
    glb_order="QPSRCMG",
)
OUTPUT_STATIONARY = Dataflow(
    name="OS",
    title="output stationary (as ShiDianNao)",
    why="Partial sums leave the register files only when they are finished.",
    stationary="O",
    columns="QMG",
    rows="PMG",
    registers=DIMS,
    glb_order="SRCQPMG",
    # The reduction runs below DRAM, or innermost at DRAM and alone at the global buffer.
    above=(Above(dram="MGPQ"), Above(glb=REDUCTION, reduction_innermost=True)),
)
ROW_STATIONARY = Dataflow(
    name="RS",
    title="row stationary (as Eyeriss)",
    why="Each processing element keeps a filter row and slides it along an input row.",
    stationary="WIO",
    columns="PMG",
    rows="RCMG",
    registers="SCMG",
    glb_order="QPSRCMG",
    above=(Above(dram="CMGPQ"),),
    # A whole filter row needs a row of weights, a row of inputs and a partial sum.
    pins=(Pin("R", "rows"), Pin("S", "rf", words_per_trip=2, words_besides=1)),
)
_BY_NAME = {flow.name: flow for flow in (WEIGHT_STATIONARY, OUTPUT_STATIONARY, ROW_STATIONARY)}
assert tuple(_BY_NAME) == DATAFLOWS  # `Hardware.dataflow` counts in this order


def get_dataflow(name: str) -> Dataflow:
    """Return the dataflow called `name`.

    Raises:
        ValueError: If there is none.
    """
    if name not in _BY_NAME:
        raise ValueError(f"dataflow: expected one of {', '.join(_BY_NAME)}, got {name!r}.")
    return _BY_NAME[name]


def dataflow_at(index: int) -> Dataflow:
    """Return the dataflow that `Hardware.dataflow` means by an index."""
    return _BY_NAME[DATAFLOWS[index]]
