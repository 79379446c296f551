"""The accelerators that can be built: an array of processing elements with register files, and its memory."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from dance_env.space.choice import Choice
from dance_env.space.design_space import DesignSpace
from dance_env.suggest import nearest

DATAFLOWS = ("WS", "OS", "RS")
"""Weight, output and row stationary; `Hardware.dataflow` holds indices into this tuple."""

LPDDR4_WORDS_PER_CYCLE = (3.2, 6.4, 12.8)
"""LPDDR4-3200 (JEDEC JESD209-4) 16, 32 and 64 bits wide: words of 16 bits a cycle of 1 GHz, both directions together."""

_SIZES = ("pe_x", "pe_y", "rf_words", "glb_words")


@dataclass(frozen=True, eq=False)
class Hardware:
    """A batch of `H` accelerators, as arrays; all that is fixed stands in the cost model's technology.

    Attributes:
        pe_x: `(H,)` int64: columns of the array of processing elements.
        pe_y: `(H,)` int64: rows.
        rf_words: `(H,)` int64: words of one processing element's register file.
        dataflow: `(H,)` int64: index into `DATAFLOWS`.
        glb_words: `(H,)` int64: words of the global buffer; None where the technology's own capacity holds.
        dram_words_per_cycle: `(H,)` float64: words that cross the DRAM interface a cycle, both directions together;
            None where the technology's own bandwidth holds.

    Raises:
        TypeError: If a size or dataflow is not a whole number, or a bandwidth not a real number.
        ValueError: If the arrays are not one-dimensional and equally long, a size is below 1, a bandwidth is not
            positive and finite, or a dataflow is unknown.
    """

    pe_x: np.ndarray
    pe_y: np.ndarray
    rf_words: np.ndarray
    dataflow: np.ndarray
    glb_words: np.ndarray | None = None
    dram_words_per_cycle: np.ndarray | None = None

    def __post_init__(self) -> None:
        for name, value in self.columns().items():
            given = np.asarray(value)
            if given.ndim != 1 or given.shape != np.shape(self.pe_x):
                raise ValueError(
                    f"hardware {name} must have shape {np.shape(self.pe_x)[:1] or '(H,)'}, as pe_x has, "
                    f"got {given.shape}"
                )
            copy = _checked_rates(given) if name == "dram_words_per_cycle" else _checked_whole(name, given)
            copy.setflags(write=False)
            object.__setattr__(self, name, copy)

    def __len__(self) -> int:
        return len(self.pe_x)

    @classmethod
    def one(
        cls,
        pe_x: int,
        pe_y: int,
        *,
        rf_words: int,
        dataflow: str,
        glb_words: int | None = None,
        dram_words_per_cycle: float | None = None,
    ) -> Hardware:
        """A single accelerator, a batch of one: `Hardware.one(16, 16, rf_words=8, dataflow="OS")`.

        Raises:
            TypeError, ValueError: As `AcceleratorSpace`.
        """
        buffers = None if glb_words is None else (glb_words,)
        rates = None if dram_words_per_cycle is None else (dram_words_per_cycle,)
        return AcceleratorSpace((pe_x,), (pe_y,), (rf_words,), (dataflow,), buffers, rates).hardware()

    def columns(self) -> dict[str, np.ndarray]:
        """Return the columns `(H,)` by name, in the order of the choices; without those that are missing."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: column for name, column in columns.items() if column is not None}

    def take(self, indices: ArrayLike) -> Hardware:
        """The accelerators at these positions, `(n,)`."""
        return Hardware(**{name: column[np.asarray(indices)] for name, column in self.columns().items()})


@dataclass(frozen=True)
class AcceleratorSpace:
    """All accelerators of a grid: every `pe_x` with every `pe_y`, `rf_words` and `dataflow`, and what of memory is offered.

    An accelerator's index counts them in C order: `pe_x` slowest, the last choice fastest.

    Attributes:
        pe_x: Columns of the array, ascending; anything that lists whole numbers, or a single one.
        pe_y: Rows of the array, likewise.
        rf_words: Words of one register file, likewise.
        dataflow: Names out of `DATAFLOWS`, in index order.
        glb_words: Words of the global buffer, as the sizes; None: no choice, the technology's own capacity holds.
        dram_words_per_cycle: Words that cross the DRAM interface a cycle, ascending; None: no choice, the technology's
            own bandwidth holds.

    Raises:
        TypeError: If a size is not a whole number, a bandwidth not a real number, or the dataflow a single word.
        ValueError: If a size is below 1, a bandwidth is not positive and finite, either does not ascend, or a dataflow
            is unknown or repeated.
    """

    pe_x: tuple[int, ...]
    pe_y: tuple[int, ...]
    rf_words: tuple[int, ...]
    dataflow: tuple[str, ...]
    glb_words: tuple[int, ...] | None = None
    dram_words_per_cycle: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        for name in _SIZES:
            given = getattr(self, name)
            if given is None and name == "glb_words":
                continue
            options = tuple(given) if isinstance(given, Iterable) else (given,)
            if any(isinstance(option, bool) or not isinstance(option, int | np.integer) for option in options):
                raise TypeError(f"accelerator {name} must be whole numbers, got {given!r}")
            options = tuple(int(option) for option in options)
            if not options or options[0] < 1 or any(a >= b for a, b in pairwise(options)):
                raise ValueError(f"accelerator {name} must be ascending sizes of at least 1, got {options}")
            object.__setattr__(self, name, options)
        if self.dram_words_per_cycle is not None:
            object.__setattr__(self, "dram_words_per_cycle", _ascending_rates(self.dram_words_per_cycle))
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
        return math.prod(len(options) for options in self._axes.values())

    def choices(self) -> tuple[Choice, ...]:
        """The four hardware choices, and those of memory that are offered; all are ordinal but the dataflow."""
        return tuple(
            Choice(name, options, "hardware", "nominal" if name == "dataflow" else "ordinal")
            for name, options in self._axes.items()
        )

    def hardware(self) -> Hardware:
        """All `H` accelerators, in index order."""
        return self._hardware

    def index(self, options: ArrayLike, *, trusted: bool = False) -> np.ndarray:
        """Return the accelerators' indices, `(B,)` int64, from `(B, choices)` option indices; see `DesignSpace.rank`."""
        return self._space.rank(options, trusted=trusted)

    def unindex(self, indices: ArrayLike) -> np.ndarray:
        """`(B, choices)` int64 option indices, from the accelerators' indices `(B,)`."""
        return self._space.unrank(indices)

    @property
    def _axes(self) -> dict[str, tuple]:
        axes = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: options for name, options in axes.items() if options is not None}

    @cached_property
    def _space(self) -> DesignSpace:
        return DesignSpace(self.choices())

    @cached_property
    def _hardware(self) -> Hardware:
        axes = self._axes | {"dataflow": [DATAFLOWS.index(flow) for flow in self.dataflow]}
        grids = np.meshgrid(*axes.values(), indexing="ij")
        return Hardware(**{name: grid.ravel() for name, grid in zip(axes, grids, strict=True)})


def dance_accelerators() -> AcceleratorSpace:
    """DANCE's accelerator space: 17 x 17 array sizes x 16 register files x 3 dataflows = 13,872 accelerators."""
    sizes = tuple(range(8, 25))
    return AcceleratorSpace(pe_x=sizes, pe_y=sizes, rf_words=tuple(range(4, 65, 4)), dataflow=DATAFLOWS)


def dance_buffers() -> AcceleratorSpace:
    """DANCE's accelerators with five global buffers (32 to 512 KiB) and three LPDDR4 widths: 208,080 accelerators."""
    kib = 512  # words of 16 bits in 1 KiB
    return replace(
        dance_accelerators(),
        glb_words=tuple(size * kib for size in (32, 64, 108, 256, 512)),
        dram_words_per_cycle=LPDDR4_WORDS_PER_CYCLE,
    )


def _checked_whole(name: str, given: np.ndarray) -> np.ndarray:
    if given.dtype.kind not in "iu":
        raise TypeError(f"hardware {name} must be whole numbers, got dtype {given.dtype}")
    low, high = (0, len(DATAFLOWS) - 1) if name == "dataflow" else (1, np.iinfo(np.int64).max)
    wrong = (given < low) | (given > high)
    if wrong.any():
        limits = f"in {low}..{high} ({', '.join(DATAFLOWS)})" if name == "dataflow" else "at least 1"
        raise ValueError(f"hardware {name} must be {limits}, got {given[wrong][0]}")
    return given.astype(np.int64)


def _checked_rates(given: np.ndarray) -> np.ndarray:
    if given.dtype.kind not in "iuf":
        raise TypeError(f"hardware dram_words_per_cycle must be real numbers, got dtype {given.dtype}")
    wrong = ~((given > 0) & np.isfinite(given))
    if wrong.any():
        raise ValueError(f"hardware dram_words_per_cycle must be positive and finite, got {given[wrong][0]:g}")
    return given.astype(np.float64)


def _ascending_rates(given: object) -> tuple[float, ...]:
    options = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
    if any(isinstance(option, bool) or not isinstance(option, int | float | np.number) for option in options):
        raise TypeError(f"accelerator dram_words_per_cycle must be real numbers, got {given!r}")
    rates = tuple(float(option) for option in options)
    if not rates or not all(0 < rate < math.inf for rate in rates) or any(a >= b for a, b in pairwise(rates)):
        raise ValueError(
            "accelerator dram_words_per_cycle must be ascending, positive, finite words per cycle (an LPDDR4-3200 "
            f"channel of 32 bits has 6.4 at 1 GHz), got {rates}"
        )
    return rates
