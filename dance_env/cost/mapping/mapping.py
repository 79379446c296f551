"""One mapping: how the loops of a layer are split over the memory levels and the array, and in which order they run."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping as Dict
from dataclasses import dataclass
from typing import Any

import numpy as np

LEVELS = ("dram", "glb", "cols", "rows", "rf")
"""Where a loop may run, outermost first: DRAM, global buffer, columns and rows of the array, register file."""
DIMS = "CMGRSPQ"
"""Input and output channels per group, groups, filter rows and columns, output rows and columns."""
GLB_ORDERS = {"WS": "QPSRCMG", "OS": "SRCQPMG", "RS": "QPSRCMG"}
"""Order of the loops at the global buffer, innermost first, per dataflow."""
PLACES = {
    "WS": {"cols": "MG", "rows": "CG", "rf": "CMRSG"},
    "OS": {"cols": "QMG", "rows": "PMG", "rf": DIMS},
    "RS": {"cols": "PMG", "rows": "RCMG", "rf": "SCMG"},
}
"""Which dims a dataflow lets the columns, the rows and the register file loop over."""
MAX_COUNT = 2**46  # counts are a small multiple of this at most, so that float64 keeps them exact
_TOKEN = re.compile(r"([A-Z])(\d+)")


@dataclass(frozen=True)
class Mapping:
    """A layer's loops, tiled and ordered.

    Attributes:
        dataflow: "WS", "OS" or "RS"; it fixes the order of the loops at the global buffer.
        factors: 5 x 7 trip counts, rows `LEVELS`, columns `DIMS`; the product down a column is the layer's dimension.
        dram_order: all seven dims, innermost first.
        stride: of the layer, both ways.

    Raises:
        TypeError, ValueError: when a field is not of that form.
    """

    dataflow: str
    factors: tuple[tuple[int, ...], ...]
    dram_order: str = DIMS
    stride: int = 1

    def __post_init__(self) -> None:
        if self.dataflow not in GLB_ORDERS:
            raise ValueError(f"dataflow: expected one of {', '.join(GLB_ORDERS)}, got {self.dataflow!r}.")
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
        """The factors as (5, 7) int64."""
        return np.array(self.factors, dtype=np.int64)

    @property
    def dims(self) -> dict[str, int]:
        """The layer's dimensions."""
        return {d: math.prod(row[i] for row in self.factors) for i, d in enumerate(DIMS)}

    @property
    def glb_order(self) -> str:
        """Order of the loops at the global buffer, innermost first."""
        return GLB_ORDERS[self.dataflow]

    def at(self, level: str, dim: str) -> int:
        """Trip count of one loop."""
        return self.factors[LEVELS.index(level)][DIMS.index(dim)]

    def pes(self) -> tuple[int, int]:
        """Columns and rows of the array that the mapping uses."""
        return math.prod(self.factors[2]), math.prod(self.factors[3])

    def tile_words(self, level: str) -> dict[str, int]:
        """Words of weights (W), inputs (I) and outputs (O) that one instance of ``level`` holds at a time."""
        start = LEVELS.index(level)
        c, m, g, r, s, p, q = (math.prod(row[i] for row in self.factors[start:]) for i in range(7))
        rows, columns = (p - 1) * self.stride + r, (q - 1) * self.stride + s
        return {"W": g * m * c * r * s, "I": g * c * rows * columns, "O": g * m * p * q}

    def violations(self, *, pe_x: int, pe_y: int, rf_words: int, glb_words: int) -> list[str]:
        """What keeps this mapping from being legal on an accelerator, one sentence each; empty when it is.

        Args:
            pe_x, pe_y: columns and rows of the array.
            rf_words: size of a register file.
            glb_words: size of the global buffer.
        """
        found = [
            f"{self.dataflow} does not loop over {d} at {level}"
            for level, allowed in PLACES[self.dataflow].items()
            for d in DIMS
            if d not in allowed and self.at(level, d) > 1
        ]
        used_x, used_y = self.pes()
        if used_x > pe_x:
            found.append(f"needs {used_x} columns, the array has {pe_x}")
        if used_y > pe_y:
            found.append(f"needs {used_y} rows, the array has {pe_y}")
        for level, words in (("rf", rf_words), ("glb", glb_words)):
            held = sum(self.tile_words(level).values())
            if held > words:
                found.append(f"holds {held} words at {level}, which has {words}")
        if self.dataflow == "RS":
            found += self._row_stationary_violations(rf_words)
        if self.dataflow == "OS":
            found += self._output_stationary_violations()
        return found

    def _row_stationary_violations(self, rf_words: int) -> list[str]:
        found = []
        if self.at("rows", "R") != self.dims["R"]:
            found.append("RS keeps all of R on the rows")
        whole = self.dims["S"] if 2 * self.dims["S"] + 1 <= rf_words else 1
        if self.at("rf", "S") != whole:
            found.append(f"RS loops over {whole} of S in a register file of {rf_words} words")
        if self.at("dram", "R") * self.at("dram", "S") > 1:
            found.append("RS does not loop over R or S at DRAM")
        return found

    def _output_stationary_violations(self) -> list[str]:
        if all(self.at("dram", d) == 1 for d in "CRS"):
            return []
        found = []
        if any(self.at("glb", d) > 1 for d in "MGPQ"):
            found.append("OS with C, R or S at DRAM loops over nothing else at the global buffer")
        running = [d for d in self.dram_order if self.at("dram", d) > 1]
        inner = [d for d in running if d in "CRS"]
        if running[: len(inner)] != inner:
            found.append("OS with C, R or S at DRAM runs them innermost")
        return found

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready description; `from_dict` reads it back."""
        return {
            "dataflow": self.dataflow,
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
            ValueError: when a key is missing or unknown.
        """
        try:
            levels = data["factors"]
            unknown = [d for level in LEVELS for d in levels[level] if d not in DIMS]
            if unknown:
                raise ValueError(f"mapping: unknown dimension {unknown[0]!r}; expected one of {', '.join(DIMS)}.")
            factors = tuple(tuple(levels[level].get(d, 1) for d in DIMS) for level in LEVELS)
            return cls(data["dataflow"], factors, data["dram_order_innermost_first"], data["stride"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"mapping: expected the keys that Mapping.to_dict writes, {error} is wrong.") from error

    @classmethod
    def from_columns(cls, columns: Dict[str, str], *, dataflow: str, stride: int) -> Mapping:
        """Read the five ``map_*`` columns of a reference file, such as ``"C3 P2"``.

        The reference lists the loops of a level in the fixed order C M R S P Q G, whatever order they run in; the order
        at DRAM is therefore set to that of the listing, innermost first, and is the caller's to change.

        Raises:
            ValueError: when a column is missing or holds something else.
        """
        factors, listed = [], ""
        for level in LEVELS:
            text = columns.get(f"map_{level}")
            if text is None:
                raise ValueError(f"mapping: column map_{level} is missing.")
            row = _parse(f"map_{level}", text)
            listed = "".join(row) if level == "dram" else listed
            factors.append(tuple(row.get(d, 1) for d in DIMS))
        order = listed + "".join(d for d in DIMS if d not in listed)
        return cls(dataflow, tuple(factors), order, stride)

    def to_columns(self) -> dict[str, str]:
        """The five ``map_*`` columns, as `from_columns` reads them."""
        return {
            f"map_{level}": " ".join(f"{d}{self.at(level, d)}" for d in "CMRSPQG" if self.at(level, d) > 1)
            for level in LEVELS
        }

    def loop_nest(self) -> str:
        """The mapping as a nest of loops, outermost first, one line each."""
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
        OverflowError: when it is so large.
    """
    if max(macs, inputs) * stride * stride > MAX_COUNT:
        raise OverflowError(
            f"layer: {macs} multiply-adds and {inputs} inputs at stride {stride}; counts this large are not exact in "
            "float64. Split the layer."
        )


def _parse(column: str, text: str) -> dict[str, int]:
    row: dict[str, int] = {}
    for token in text.replace(",", " ").split():
        match = _TOKEN.fullmatch(token)
        if match is None or match[1] not in DIMS + "N" or int(match[2]) < 1:
            raise ValueError(f"mapping: expected loops such as 'C3 P2' in {column}, got {token!r}.")
        if match[1] == "N":
            if int(match[2]) > 1:
                raise ValueError(f"mapping: batches are not modelled, got {token!r} in {column}.")
            continue
        if match[1] in row:
            raise ValueError(f"mapping: {match[1]} stands twice in {column}: {text!r}.")
        row[match[1]] = int(match[2])
    return row
