"""One mapping: how the loops of a layer are split over the memory levels and the array, and in which order they run."""

from __future__ import annotations

import math
from collections.abc import Mapping as Dict
from dataclasses import dataclass
from typing import Any

import numpy as np

from dance_env.cost.mapping.dataflow import Dataflow, get_dataflow
from dance_env.cost.mapping.loops import DIMS, LEVELS

MAX_COUNT = 2**46  # counts are a small multiple of this at most, so that float64 keeps them exact


@dataclass(frozen=True)
class Mapping:
    """A layer's loops, tiled and ordered.

    Attributes:
        dataflow: The rules that it is meant to obey (see `violations`); they fix the order of the loops at the global
            buffer.
        factors: 5 x 7 trip counts, rows `LEVELS`, columns `DIMS`; the product down a column is the layer's dimension.
        dram_order: All seven loops, innermost first.
        stride: Of the layer, along rows and columns.

    Raises:
        TypeError, ValueError: If a field is not of that form.
    """

    dataflow: Dataflow
    factors: tuple[tuple[int, ...], ...]
    dram_order: str = DIMS
    stride: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.dataflow, Dataflow):
            raise TypeError(
                f"dataflow: expected a Dataflow, got {self.dataflow!r}; get_dataflow(name) gives one by its name."
            )
        array = np.asarray(self.factors)
        if array.shape != (len(LEVELS), len(DIMS)) or array.dtype.kind not in "iu":
            raise TypeError(
                f"factors: expected {len(LEVELS)} x {len(DIMS)} integers (levels {', '.join(LEVELS)}; dims {DIMS}), "
                f"got {array.dtype} of shape {array.shape}."
            )
        if (array < 1).any():
            raise ValueError(f"factors: expected trip counts of at least 1, got {array.min()}.")
        if sorted(self.dram_order) != sorted(DIMS):
            raise ValueError(f"dram_order: expected each of {DIMS} once, innermost first, got {self.dram_order!r}.")
        if isinstance(self.stride, bool) or not isinstance(self.stride, (int, np.integer)) or self.stride < 1:
            raise ValueError(f"stride: expected an integer of at least 1, got {self.stride!r}.")
        object.__setattr__(self, "factors", tuple(tuple(int(n) for n in row) for row in array))
        object.__setattr__(self, "stride", int(self.stride))

    @property
    def array(self) -> np.ndarray:
        """The factors as `(5, 7)` int64."""
        return np.array(self.factors, dtype=np.int64)

    @property
    def dims(self) -> dict[str, int]:
        """The layer's dimensions."""
        return {d: math.prod(row[i] for row in self.factors) for i, d in enumerate(DIMS)}

    @property
    def glb_order(self) -> str:
        """Order of the loops at the global buffer, innermost first."""
        return self.dataflow.glb_order

    def at(self, level: str, dim: str) -> int:
        """Return the trip count of one loop."""
        return self.factors[LEVELS.index(level)][DIMS.index(dim)]

    def pes(self) -> tuple[int, int]:
        """Return the columns and rows of the array that the mapping uses."""
        return math.prod(self.factors[2]), math.prod(self.factors[3])

    def tile_words(self, level: str) -> dict[str, int]:
        """Return the words of weights (W), inputs (I) and outputs (O) that one instance of `level` holds at a time."""
        start = LEVELS.index(level)
        c, m, g, r, s, p, q = (math.prod(row[i] for row in self.factors[start:]) for i in range(7))
        rows, columns = (p - 1) * self.stride + r, (q - 1) * self.stride + s
        return {"W": g * m * c * r * s, "I": g * c * rows * columns, "O": g * m * p * q}

    def violations(self, *, pe_x: int, pe_y: int, rf_words: int, glb_words: int) -> list[str]:
        """Return what keeps this mapping from being legal on an accelerator, one sentence each; empty when it is.

        Args:
            pe_x, pe_y: Columns and rows of the array.
            rf_words: Size of a register file.
            glb_words: Size of the global buffer.
        """
        found = self.dataflow.violations(self.array, self.dram_order, rf_words=rf_words)
        used_x, used_y = self.pes()
        if used_x > pe_x:
            found.append(f"needs {used_x} columns, the array has {pe_x}")
        if used_y > pe_y:
            found.append(f"needs {used_y} rows, the array has {pe_y}")
        for level, words in (("rf", rf_words), ("glb", glb_words)):
            held = sum(self.tile_words(level).values())
            if held > words:
                found.append(f"holds {held} words at {level}, which has {words}")
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready description; `from_dict` reads it back."""
        return {
            "dataflow": self.dataflow.name,
            "stride": self.stride,
            "dram_order_innermost_first": self.dram_order,
            "factors": {
                level: {d: n for d, n in zip(DIMS, row, strict=True) if n > 1}
                for level, row in zip(LEVELS, self.factors, strict=True)
            },
        }

    @classmethod
    def from_dict(cls, data: Dict[str, Any]) -> Mapping:
        """Read what `to_dict` wrote.

        Raises:
            ValueError: If a key is missing or unknown, or a value is of another kind.
        """
        try:
            levels = data["factors"]
            unknown = [d for level in LEVELS for d in levels[level] if d not in DIMS]
            if unknown:
                raise ValueError(f"mapping: unknown dimension {unknown[0]!r}; expected one of {', '.join(DIMS)}.")
            factors = tuple(tuple(levels[level].get(d, 1) for d in DIMS) for level in LEVELS)
            return cls(get_dataflow(data["dataflow"]), factors, data["dram_order_innermost_first"], data["stride"])
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"mapping: expected the keys that Mapping.to_dict writes, {error} is wrong.") from error

    def loop_nest(self) -> str:
        """Return the mapping as a nest of loops, outermost first, one line each."""
        orders = {"dram": self.dram_order, "glb": self.glb_order}
        lines: list[str] = []
        for level in LEVELS:
            keyword = "parallel" if level in ("cols", "rows") else "for"
            for d in reversed(orders.get(level, "CMRSPQG")):
                if self.at(level, d) > 1:
                    lines.append(f"{level:<5}{'  ' * len(lines)}{keyword} {d.lower()} in {self.at(level, d)}")
        s = "" if self.stride == 1 else f"{self.stride}*"
        body = f"O[g,m,p,q] += W[g,m,c,r,s] * I[g,c,{s}p+r,{s}q+s]"
        return "\n".join([*lines, f"{'mac':<5}{'  ' * len(lines)}{body}"])


def check_countable(macs: int, inputs: int, stride: int) -> None:
    """Refuse a layer of so many multiply-adds and input words that float64 would not keep its counts exact.

    Raises:
        OverflowError: If it is so large.
    """
    if max(macs, inputs) * stride * stride > MAX_COUNT:
        raise OverflowError(
            f"layer: {macs} multiply-adds and {inputs} inputs at stride {stride}; counts this large are not exact in "
            "float64. Split the layer."
        )
