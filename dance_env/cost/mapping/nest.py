"""What one given mapping costs: words moved at every level, cycles, energy, leakage, area.

`counts` answers how often each word moves, by the rules that `dance_env.cost.mapping.nest_kernel` states, which are
Timeloop's; `evaluate` prices them with a `Technology`. Both check their input. Code that prices mappings itself, such
as the mapping search, has to add up what `nest_kernel.energy` adds up: rows of the global buffer and of DRAM are whole,
and the global buffer and the register files of working PEs leak ``cycles * (glb_leak + pes * rf_leak)``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from dance_env.cost.mapping.loops import DIMS, LEVELS
from dance_env.cost.mapping.mapping import Mapping, check_countable
from dance_env.cost.technology import TIMELOOP_45NM, Technology

OVERLAPS = ("timeloop", "physical")
"""How overlapping input windows are counted: as the reference does, or as an array with word multicast would."""
MEMORIES = ("dram", "glb", "rf")
TENSORS = ("W", "I", "O")


@dataclass(frozen=True, eq=False)
class NestCost:
    """Cost of one layer under one mapping.

    Attributes:
        words: (3, 3, 2) float64, `MEMORIES` x `TENSORS` x (read, written), summed over instances; written counts fills
            and updates.
        compute_cycles: with no stall at all.
        cycles: compute cycles, stretched where a port of the global buffer or the DRAM channel is the bottleneck.
        mac_pj, rf_pj, glb_pj, dram_pj: energy; as in the reference, with the leakage of the global buffer and of the
            register files of working PEs, and without that of MACs and idle PEs.
        leakage_pj: what the whole accelerator leaks over these cycles, MACs and idle PEs too; to be reported.
        area_mm2: of the accelerator.
    """

    words: np.ndarray
    compute_cycles: float
    cycles: float
    mac_pj: float
    rf_pj: float
    glb_pj: float
    dram_pj: float
    leakage_pj: float
    area_mm2: float

    @property
    def energy_pj(self) -> float:
        """Energy, all levels."""
        return self.mac_pj + self.rf_pj + self.glb_pj + self.dram_pj

    @property
    def edp_pj_cycles(self) -> float:
        """Energy-delay product."""
        return self.energy_pj * self.cycles

    def columns(self) -> dict[str, float]:
        """The counts under the names of the reference's columns: ``rf_W_rd`` ... ``dram_O_wr``, ``rf_cycles``."""
        named = {
            f"{memory}_{tensor}_{way}": float(self.words[i, j, k])
            for i, memory in enumerate(MEMORIES)
            for j, tensor in enumerate(TENSORS)
            for k, way in enumerate(("rd", "wr"))
        }
        return {**named, "rf_cycles": self.compute_cycles}


def counts(
    dims: Any, stride: int, factors: Any, glb_order: Any, dram_order: Any, *, overlap: str = "timeloop"
) -> np.ndarray:
    """Words moved by one mapping.

    Args:
        dims: seven integers, C, M (per group), G, R, S, P, Q.
        stride: of the layer, both ways.
        factors: (5, 7) integers, trip counts at DRAM, GLB, columns, rows, RF; their product is ``dims``.
        glb_order, dram_order: each of the dims 0..6 once, innermost first.
        overlap: "timeloop" or "physical", see `nest_kernel`.

    Returns:
        (3, 3, 2) float64: `MEMORIES` x `TENSORS` x (read, written).

    Raises:
        TypeError, ValueError: when an argument is not of that form, or the array holds two dims whose windows
            overlap on one axis (R and P, or S and Q, both on the columns or both on the rows; S or Q on the rows).
        OverflowError: when counts would no longer be exact.
    """
    from dance_env.cost.mapping import nest_kernel  # numba

    size = _integers("dims", dims, (7,))
    trips = _integers("factors", factors, (5, 7))
    step = int(_integers("stride", [stride], (1,))[0])
    orders = [_order(name, order) for name, order in (("glb_order", glb_order), ("dram_order", dram_order))]
    if overlap not in OVERLAPS:
        raise ValueError(f"overlap: expected one of {', '.join(OVERLAPS)}, got {overlap!r}.")
    _check_size(size, step)
    product = [math.prod(int(n) for n in column) for column in trips.T]
    if product != [int(n) for n in size]:
        raise ValueError(f"factors: expected products {dict(zip(DIMS, size.tolist(), strict=True))}, got {product}.")
    _check_spread(trips)
    out = np.zeros((3, 3, 2))
    nest_kernel.count_words(trips, step, orders[0], orders[1], True if overlap == "physical" else None, out)
    return out


def evaluate(
    mapping: Mapping,
    *,
    pe_x: int,
    pe_y: int,
    rf_words: int,
    technology: Technology = TIMELOOP_45NM,
    overlap: str = "timeloop",
) -> NestCost:
    """Cost of a layer under a mapping on an accelerator.

    Whether the mapping fits and obeys its dataflow is `Mapping.violations`' to say; here it is only priced.

    Args:
        mapping: the mapping, which knows the layer.
        pe_x, pe_y: columns and rows of the array.
        rf_words: size of a register file.
        technology: energies, bandwidths, areas.
        overlap: "timeloop" or "physical".

    Raises:
        ValueError: for sizes below 1, a register file that the technology does not know, or as `counts`.
        OverflowError: as `counts`.
    """
    from dance_env.cost.mapping import nest_kernel  # numba

    for name, value in (("pe_x", pe_x), ("pe_y", pe_y), ("rf_words", rf_words)):
        _integers(name, [value], (1,))
    words = counts(
        list(mapping.dims.values()),
        mapping.stride,
        mapping.array,
        [DIMS.index(d) for d in mapping.glb_order],
        [DIMS.index(d) for d in mapping.dram_order],
        overlap=overlap,
    )
    macs = math.prod(mapping.dims.values())
    compute = macs // math.prod(mapping.pes())
    dram, glb = words[0], words[1]
    ports = (
        (glb[:, 0], technology.glb_read_words_per_cycle),
        (glb[:, 1], technology.glb_write_words_per_cycle),
        (dram.sum(axis=1), technology.dram_words_per_cycle),
    )
    cycles = max(nest_kernel.limited_cycles(compute, w[0], w[1], w[2], rate) for w, rate in ports)
    levels = np.zeros(4)
    prices = _prices(technology, rf_words)
    nest_kernel.energy(words, float(macs), float(math.prod(mapping.pes())), cycles, prices, levels)
    mac_pj, rf_pj, glb_pj, dram_pj = levels.tolist()
    return NestCost(
        words=words,
        compute_cycles=float(compute),
        cycles=float(cycles),
        mac_pj=mac_pj,
        rf_pj=rf_pj,
        glb_pj=glb_pj,
        dram_pj=dram_pj,
        leakage_pj=float(technology.leakage_pj_per_cycle(pe_x * pe_y, rf_words) * cycles),
        area_mm2=float(technology.area_mm2(pe_x * pe_y, rf_words)),
    )


def _prices(technology: Technology, rf_words: int) -> tuple[float, ...]:
    """What `nest_kernel.energy` needs of a technology, in its order."""
    file = technology.register_file(rf_words)
    return (
        technology.mac_pj,
        *(float(file.read_pj), float(file.write_pj), float(file.leak_pj_per_cycle)),
        *(technology.glb_read_pj, technology.glb_write_pj, technology.glb_leak_pj_per_cycle),
        *(technology.dram_read_pj, technology.dram_write_pj, float(technology.row_words)),
    )


def _integers(name: str, values: Any, shape: tuple[int, ...]) -> np.ndarray:
    array = np.asarray(values)
    if array.shape != shape or array.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected integers of shape {shape}, got {array.dtype} of shape {array.shape}.")
    if (array < 1).any():
        raise ValueError(f"{name}: expected values of at least 1, got {array.min()}.")
    return np.ascontiguousarray(array, dtype=np.int64)


def _order(name: str, values: Any) -> np.ndarray:
    order = np.asarray(values)
    if order.shape != (7,) or order.dtype.kind not in "iu" or sorted(order.tolist()) != list(range(7)):
        raise ValueError(f"{name}: expected each of 0..6 ({', '.join(DIMS)}) once, innermost first, got {values!r}.")
    return np.ascontiguousarray(order, dtype=np.int64)


def _check_size(size: np.ndarray, stride: int) -> None:
    c, _, g, r, s, p, q = (int(n) for n in size)
    check_countable(math.prod(int(n) for n in size), c * g * ((p - 1) * stride + r) * ((q - 1) * stride + s), stride)


def _check_spread(trips: np.ndarray) -> None:
    for level in ("cols", "rows"):
        spread = {d for d, n in zip(DIMS, trips[LEVELS.index(level)], strict=True) if n > 1}
        for pair in ("RP", "SQ"):
            if spread >= set(pair):
                raise ValueError(f"factors: {' and '.join(pair)} cannot both be spread over the {level}.")
        if level == "rows" and spread & set("SQ"):
            raise ValueError(f"factors: {' and '.join(sorted(spread & set('SQ')))} cannot be spread over the rows.")
