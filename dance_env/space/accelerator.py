"""The accelerators that can be built: an array of processing elements, each with a register file."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from dance_env.space.choice import Choice
from dance_env.space.design_space import DesignSpace
from dance_env.suggest import nearest

DATAFLOWS = ("WS", "OS", "RS")
"""Weight, output and row stationary; `Hardware.dataflow` holds indices into this tuple."""


@dataclass(frozen=True, eq=False)
class Hardware:
    """A batch of `H` accelerators, as arrays; all that is fixed stands in the cost model's technology.

    Attributes:
        pe_x: `(H,)` int64: columns of the array of processing elements.
        pe_y: `(H,)` int64: rows.
        rf_words: `(H,)` int64: words of one processing element's register file.
        dataflow: `(H,)` int64: index into `DATAFLOWS`.

    Raises:
        TypeError: If an array does not hold whole numbers.
        ValueError: If the arrays are not one-dimensional and equally long, a size is below 1, or a dataflow is unknown.
    """

    pe_x: np.ndarray
    pe_y: np.ndarray
    rf_words: np.ndarray
    dataflow: np.ndarray

    def __post_init__(self) -> None:
        for name in ("pe_x", "pe_y", "rf_words", "dataflow"):
            given = np.asarray(getattr(self, name))
            if given.ndim != 1 or given.shape != np.shape(self.pe_x):
                raise ValueError(
                    f"hardware {name} must have shape {np.shape(self.pe_x)[:1] or '(H,)'}, as pe_x has, "
                    f"got {given.shape}"
                )
            if given.dtype.kind not in "iu":
                raise TypeError(f"hardware {name} must be whole numbers, got dtype {given.dtype}")
            low, high = (0, len(DATAFLOWS) - 1) if name == "dataflow" else (1, np.iinfo(np.int64).max)
            wrong = (given < low) | (given > high)
            if wrong.any():
                limits = f"in {low}..{high} ({', '.join(DATAFLOWS)})" if name == "dataflow" else "at least 1"
                raise ValueError(f"hardware {name} must be {limits}, got {given[wrong][0]}")
            copy = given.astype(np.int64)
            copy.setflags(write=False)
            object.__setattr__(self, name, copy)

    def __len__(self) -> int:
        return len(self.pe_x)

    @classmethod
    def one(cls, pe_x: int, pe_y: int, *, rf_words: int, dataflow: str) -> Hardware:
        """A single accelerator, a batch of one: `Hardware.one(16, 16, rf_words=8, dataflow="OS")`.

        Raises:
            TypeError, ValueError: As `AcceleratorSpace`.
        """
        return AcceleratorSpace((pe_x,), (pe_y,), (rf_words,), (dataflow,)).hardware()

    def take(self, indices: ArrayLike) -> Hardware:
        """The accelerators at these positions, `(n,)`."""
        return Hardware(*(array[np.asarray(indices)] for array in (self.pe_x, self.pe_y, self.rf_words, self.dataflow)))


@dataclass(frozen=True)
class AcceleratorSpace:
    """All accelerators of a grid: every `pe_x` with every `pe_y`, `rf_words` and `dataflow`.

    An accelerator's index counts them in C order: `pe_x` slowest, `dataflow` fastest.

    Attributes:
        pe_x: Columns of the array, ascending; anything that lists whole numbers, or a single one.
        pe_y: Rows of the array, likewise.
        rf_words: Words of one register file, likewise.
        dataflow: Names out of `DATAFLOWS`, in index order.

    Raises:
        TypeError: If a size is not a whole number, or the dataflow a single word.
        ValueError: If a size is below 1, sizes do not ascend, or a dataflow is unknown or repeated.
    """

    pe_x: tuple[int, ...]
    pe_y: tuple[int, ...]
    rf_words: tuple[int, ...]
    dataflow: tuple[str, ...]

    def __post_init__(self) -> None:
        for name in ("pe_x", "pe_y", "rf_words"):
            given = getattr(self, name)
            options = tuple(given) if isinstance(given, Iterable) else (given,)
            if any(isinstance(option, bool) or not isinstance(option, int | np.integer) for option in options):
                raise TypeError(f"accelerator {name} must be whole numbers, got {given!r}")
            options = tuple(int(option) for option in options)
            if not options or options[0] < 1 or any(a >= b for a, b in pairwise(options)):
                raise ValueError(f"accelerator {name} must be ascending sizes of at least 1, got {options}")
            object.__setattr__(self, name, options)
        if isinstance(self.dataflow, str):
            raise TypeError(f"accelerator dataflow must be a tuple of names, such as ('WS',); got {self.dataflow!r}")
        for flow in self.dataflow:
            if flow not in DATAFLOWS:
                raise ValueError(f"there is no dataflow {flow!r}. {nearest(flow, DATAFLOWS)}")
        if not self.dataflow or len(set(self.dataflow)) != len(self.dataflow):
            raise ValueError(f"accelerator dataflow must be one or more different names, got {self.dataflow}")
        object.__setattr__(self, "dataflow", tuple(self.dataflow))

    @property
    def size(self) -> int:
        """The number of accelerators, `H`."""
        return math.prod(self._shape)

    def choices(self) -> tuple[Choice, ...]:
        """The four hardware choices; sizes are ordinal, the dataflow is nominal."""
        return (
            Choice("pe_x", self.pe_x, "hardware", "ordinal"),
            Choice("pe_y", self.pe_y, "hardware", "ordinal"),
            Choice("rf_words", self.rf_words, "hardware", "ordinal"),
            Choice("dataflow", self.dataflow, "hardware", "nominal"),
        )

    def hardware(self) -> Hardware:
        """All `H` accelerators, in index order."""
        return self._hardware

    def index(self, options: ArrayLike, *, trusted: bool = False) -> np.ndarray:
        """Return the accelerators' indices, `(B,)` int64, from their `(B, 4)` option indices; see `DesignSpace.rank`."""
        return self._space.rank(options, trusted=trusted)

    def unindex(self, indices: ArrayLike) -> np.ndarray:
        """`(B, 4)` int64 option indices, from the accelerators' indices `(B,)`."""
        return self._space.unrank(indices)

    @property
    def _shape(self) -> tuple[int, int, int, int]:
        return len(self.pe_x), len(self.pe_y), len(self.rf_words), len(self.dataflow)

    @cached_property
    def _space(self) -> DesignSpace:
        return DesignSpace(self.choices())

    @cached_property
    def _hardware(self) -> Hardware:
        flows = [DATAFLOWS.index(flow) for flow in self.dataflow]
        grids = np.meshgrid(self.pe_x, self.pe_y, self.rf_words, flows, indexing="ij")
        return Hardware(*(grid.ravel() for grid in grids))


def dance_accelerators() -> AcceleratorSpace:
    """DANCE's accelerator space: 17 x 17 array sizes x 16 register files x 3 dataflows = 13,872 accelerators."""
    sizes = tuple(range(8, 25))
    return AcceleratorSpace(pe_x=sizes, pe_y=sizes, rf_words=tuple(range(4, 65, 4)), dataflow=DATAFLOWS)
