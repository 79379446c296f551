"""Everything about the accelerator that a design does not choose: energies, areas, bandwidths, clock; with sources.

The hardware is one template: DRAM, one global buffer (GLB), a grid of processing elements (PEs), each a multiply-add
unit (MAC) and one register file (RF) that weights, inputs and partial sums share. A `Technology` holds the constants
of that template for one process; the grid, the register file size and the dataflow are the design's.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import math
import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np

from dance_env.cost.global_buffers import CACTI_45NM, GlobalBuffer
from dance_env.suggest import nearest


@dataclass(frozen=True, eq=False)
class RegisterFile:
    """Figures of register files of given sizes; every leaf has the shape of the sizes asked for."""

    read_pj: np.ndarray
    write_pj: np.ndarray
    leak_pj_per_cycle: np.ndarray
    area_um2: np.ndarray


WORD_BITS = 16
"""Width of every operand and partial sum. The figures of a `Technology` are per word of this width; another width
would need other figures."""

_NAMES = ("name", "source")
_WHOLE = ("row_words", "glb_words")
_RATES = ("glb_read_words_per_cycle", "glb_write_words_per_cycle", "dram_words_per_cycle")
_POSITIVE = (*_WHOLE, *_RATES, "clock_hz")


@dataclass(frozen=True)
class Technology:
    """The constants of one process and memory system. Energies are in pJ per word of `WORD_BITS` bits.

    Register files come as a table over `rf_words`. A size between two rows is interpolated linearly (the rows that
    Accelergy gives are linear in the size to 2 % over any 8 words); a size outside the table is refused, not
    extrapolated.

    What of the leakage counts as energy, and what is only reported, `dance_env.cost.mapping.nest_kernel.energy` says.

    Attributes:
        row_words: Words in a row of the global buffer and of DRAM; both are read and written by the row.
        dram_words_per_cycle: Words that cross the DRAM interface a cycle, both directions together (one channel);
            `inf` for no limit.
        glb_read_words_per_cycle, glb_write_words_per_cycle: The two ports of the global buffer, `inf` for no limit.
            Fills from DRAM count as writes. Draining finished outputs to DRAM is not counted as reads, as in the
            reference.
        glb_table: Global buffers of other capacities, for accelerators that choose theirs (see `with_memory`); empty
            where none are known.
        dram_interface_um2: Area of the DRAM interface for each word per cycle. It counts only for accelerators that
            choose their bandwidth: a constant part of the chip is left out, as in the reference.

    Raises:
        TypeError: If a field is not of its type.
        ValueError: If a figure is negative or not finite, or one that has to be positive is zero.
    """

    name: str
    source: str
    row_words: int
    clock_hz: float
    mac_pj: float
    mac_leak_pj_per_cycle: float
    mac_area_um2: float
    glb_words: int
    glb_read_pj: float
    glb_write_pj: float
    glb_leak_pj_per_cycle: float
    glb_area_um2: float
    glb_read_words_per_cycle: float
    glb_write_words_per_cycle: float
    dram_read_pj: float
    dram_write_pj: float
    dram_words_per_cycle: float
    rf_words: tuple[int, ...]
    rf_read_pj: tuple[float, ...]
    rf_write_pj: tuple[float, ...]
    rf_leak_pj_per_cycle: tuple[float, ...]
    rf_area_um2: tuple[float, ...]
    glb_table: tuple[GlobalBuffer, ...] = ()
    dram_interface_um2: float = 0.0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name in _NAMES:
                if not isinstance(value, str):
                    raise TypeError(f"Technology.{field.name}: expected a text, got {value!r}.")
            elif field.name == "glb_table":
                if not isinstance(value, tuple) or not all(isinstance(each, GlobalBuffer) for each in value):
                    raise TypeError(f"Technology.glb_table: expected a tuple of GlobalBuffer, got {value!r}.")
            elif field.name.startswith("rf_"):
                object.__setattr__(self, field.name, _checked_table(field.name, value, self.rf_words))
            else:
                object.__setattr__(self, field.name, _checked(field.name, value))

    def register_file(self, rf_words: Any) -> RegisterFile:
        """Return energies, leakage and area of register files.

        Args:
            rf_words: Sizes in words, any shape, within the table's range.

        Returns:
            Arrays of the shape of `rf_words`: the table's row, or the line between its two neighbors.

        Raises:
            ValueError: If a size is outside the table.
        """
        sizes = np.asarray(rf_words, dtype=np.float64)
        low, high = self.rf_words[0], self.rf_words[-1]
        outside = ~((sizes >= low) & (sizes <= high))
        if outside.any():
            raise ValueError(
                f"technology {self.name!r} knows register files of {low} to {high} words, "
                f"got {sizes[outside].ravel()[0]:g}; choose a size in that range or a technology that holds it."
            )
        columns = (self.rf_read_pj, self.rf_write_pj, self.rf_leak_pj_per_cycle, self.rf_area_um2)
        return RegisterFile(*(np.interp(sizes, self.rf_words, column) for column in columns))

    def with_memory(self, *, glb_words: int | None = None, dram_words_per_cycle: float | None = None) -> Technology:
        """Return the technology with a global buffer of another capacity, behind another DRAM bandwidth.

        Args:
            glb_words: Words of the global buffer: this technology's own, or one of `glb_table`; None for its own. There
                is no interpolation: CACTI's figures are not monotone between neighboring capacities, and a line between
                two of them errs by up to 21 % (read energy).
            dram_words_per_cycle: Words per cycle; None for this technology's own.

        Raises:
            ValueError: If there are no figures for the capacity, or the bandwidth is not positive.
        """
        changes: dict[str, Any] = {}
        if glb_words is not None and glb_words != self.glb_words:
            buffer = next((each for each in self.glb_table if each.words == glb_words), None)
            if buffer is None:
                raise ValueError(self._unknown_buffer(glb_words))
            changes = {
                "glb_words": buffer.words,
                "glb_read_pj": buffer.read_pj,
                "glb_write_pj": buffer.write_pj,
                "glb_leak_pj_per_cycle": buffer.leak_pj_per_cycle,
                "glb_area_um2": buffer.area_um2,
            }
        if dram_words_per_cycle is not None:
            changes["dram_words_per_cycle"] = dram_words_per_cycle
        return dataclasses.replace(self, **changes) if changes else self

    def _unknown_buffer(self, glb_words: int) -> str:
        known = sorted({self.glb_words, *(each.words for each in self.glb_table)})
        below = [words for words in known if words < glb_words][-1:]
        above = [words for words in known if words > glb_words][:1]
        near = " and ".join(f"{words:,} ({words * WORD_BITS / 8192:g} KiB)" for words in below + above)
        return (
            f"technology {self.name!r} has no global buffer of {glb_words:,} words; the nearest that it has: {near}. "
            "Capacities are not interpolated: choose one of these, or a technology with another `glb_table`."
        )

    def area_mm2(self, pes: Any, rf_words: Any) -> np.ndarray:
        """Return the area of accelerators with `pes` processing elements of `rf_words` words each, mm2 (broadcast shape)."""
        per_pe = self.register_file(rf_words).area_um2 + self.mac_area_um2
        return np.asarray((self.glb_area_um2 + np.asarray(pes, dtype=np.float64) * per_pe) * 1e-6)

    def leakage_pj_per_cycle(self, pes: Any, rf_words: Any) -> np.ndarray:
        """Return what the whole accelerator leaks in one cycle, pJ (broadcast shape); DRAM is left out."""
        per_pe = self.register_file(rf_words).leak_pj_per_cycle + self.mac_leak_pj_per_cycle
        return np.asarray(self.glb_leak_pj_per_cycle + np.asarray(pes, dtype=np.float64) * per_pe)

    def fingerprint(self) -> str:
        """Return a SHA-256 over every constant (not the name or the source), stable across processes."""
        values = dataclasses.asdict(self)
        values.pop("name")
        values.pop("source")
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _checked(field: str, value: Any) -> int | float:
    """Return a figure as a plain number, so that equal technologies have equal fingerprints."""
    # numpy's numbers are registered as `numbers.Real`; its booleans are not, Python's are.
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"Technology.{field}: expected a number, got {value!r}.")
    if field in _WHOLE and not isinstance(value, numbers.Integral):
        raise TypeError(f"Technology.{field}: expected a whole number, got {value!r}.")
    number: Any = value
    unlimited = field in _RATES and number == math.inf
    if not (math.isfinite(number) or unlimited) or number < 0 or (number == 0 and field in _POSITIVE):
        kind = "positive" if field in _POSITIVE else "non-negative"
        raise ValueError(
            f"Technology.{field}: expected a {kind} number{', inf for no limit' if field in _RATES else ''}, "
            f"got {value!r}."
        )
    return int(number) if field in _WHOLE else float(number)


def _checked_table(field: str, values: Any, rf_words: Any) -> tuple[int | float, ...]:
    if not isinstance(values, tuple) or not isinstance(rf_words, tuple) or not len(values) == len(rf_words) > 0:
        raise TypeError(f"Technology.{field}: expected a tuple of one number per register file size, got {values!r}.")
    kind = numbers.Integral if field == "rf_words" else numbers.Real
    if any(isinstance(value, bool) or not isinstance(value, kind) for value in values):
        wanted = "whole numbers" if field == "rf_words" else "numbers"
        raise TypeError(f"Technology.{field}: expected {wanted}, got {values!r}.")
    if any(not math.isfinite(value) or value < 0 for value in values):
        raise ValueError(f"Technology.{field}: expected finite non-negative numbers, got {values!r}.")
    if field == "rf_words":
        if values[0] < 1 or any(b <= a for a, b in itertools.pairwise(values)):
            raise ValueError(f"Technology.rf_words: expected increasing sizes of at least 1, got {values!r}.")
        return tuple(int(value) for value in values)
    return tuple(float(value) for value in values)


# Timeloop 4cf6d4c with Accelergy 0.4 (CACTI 1ffd8df, Aladdin 5e2e126), 45 nm; component classes smartbuffer_SRAM,
# smartbuffer_RF, regfile and intmac of timeloop-accelergy-exercises 2d55108.
TIMELOOP_45NM = Technology(
    name="timeloop-45nm",
    source="Timeloop 4cf6d4c + Accelergy 0.4, 45 nm, DRAM bandwidth unlimited",
    row_words=4,  # rows of 64 bits
    clock_hz=1e9,
    mac_pj=4.27651,  # Aladdin: 16x16 multiplier + 32-bit adder
    mac_leak_pj_per_cycle=0.028,
    mac_area_um2=3243.1,
    glb_words=55_296,  # 108 KiB, as Eyeriss (Chen et al., JSSC 2017)
    glb_read_pj=29.5413 / 4,  # CACTI: one 64-bit row of 13,824; four words a row
    glb_write_pj=24.2473 / 4,
    glb_leak_pj_per_cycle=0.0048,
    glb_area_um2=371_720.0,
    glb_read_words_per_cycle=16.0,
    glb_write_words_per_cycle=16.0,
    dram_read_pj=128.0,  # LPDDR4, 8 pJ/bit (Accelergy's CACTI plug-in)
    dram_write_pj=128.0,
    dram_words_per_cycle=math.inf,
    # Accelergy's regfile (flip-flops) for every size of the design space.
    rf_words=(4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 64),
    rf_read_pj=(
        *(0.171325, 0.291337, 0.39895, 0.492707, 0.587952, 0.672788, 0.754554, 0.833781),
        *(0.917415, 0.992621, 1.06619, 1.1383, 1.20909, 1.2787, 1.34722, 1.41474),
    ),
    rf_write_pj=(
        *(0.150368, 0.255351, 0.349579, 0.430916, 0.514412, 0.58801, 0.658945, 0.727677),
        *(0.801101, 0.866345, 0.930167, 0.992722, 1.05414, 1.11453, 1.17397, 1.23255),
    ),
    rf_leak_pj_per_cycle=(
        *(0.000351015, 0.00055828, 0.000765545, 0.00082906, 0.00103633, 0.00109984, 0.00116336, 0.00122687),
        *(0.00143414, 0.00149765, 0.00156117, 0.00162468, 0.0016882, 0.00175171, 0.00181523, 0.00187874),
    ),
    rf_area_um2=(
        *(946.956, 1876.54, 2806.12, 3718.32, 4647.9, 5560.11, 6472.31, 7384.52),
        *(8314.1, 9226.31, 10138.5, 11050.7, 11962.9, 12875.1, 13787.3, 14699.5),
    ),
    glb_table=CACTI_45NM,
    # A 16-bit DDR3-2133 PHY with its I/O takes 1.3 mm2 at 40 nm (Synopsys DesignWare, as McPAT 1.3 quotes it in
    # memoryctrl.cc). The same area is assumed for 16 bits of LPDDR4-3200 (3.2 words/cycle) at 45 nm: pads hardly shrink.
    dram_interface_um2=1.3e6 / 3.2,
)

# The default of the tasks: the same chip behind one 32-bit LPDDR4-3200 channel (JEDEC JESD209-4: 3,200 MT/s x 32 bit =
# 12.8 GB/s), which is 6.4 words of 16 bits a cycle at 1 GHz, both directions together.
EDGE_LPDDR4 = dataclasses.replace(
    TIMELOOP_45NM,
    name="edge-lpddr4",
    source="timeloop-45nm behind one 32-bit LPDDR4-3200 channel (JEDEC JESD209-4): 12.8 GB/s = 6.4 words/cycle",
    dram_words_per_cycle=3200e6 * 32 / WORD_BITS / 1e9,
)

# hwcomponents 1.0.114 (-cacti 1.0.40, -library 1.0.58), 65 nm: `SmartBufferSRAM` buffers and register files,
# `IntMAC` with a 16-bit adder, LPDDR4 at 8 pJ/bit. Register files are SRAM: 456 um2 for 16 words where flip-flops at
# 45 nm take 3,718. 200 MHz as Eyeriss; leakage converted from uW at that clock (1 uW / 200 MHz = 0.005 pJ a cycle).
_UW_TO_PJ_PER_CYCLE = 1e-6 / 200e6 * 1e12
HWCOMPONENTS_65NM = Technology(
    name="hwcomponents-65nm",
    source="hwcomponents 1.0.114, 65 nm, SRAM register files, 200 MHz, DRAM bandwidth unlimited",
    row_words=4,  # rows of 64 bits
    clock_hz=200e6,
    mac_pj=4.6757865788545985,
    mac_leak_pj_per_cycle=30.267687166936636 * _UW_TO_PJ_PER_CYCLE,
    mac_area_um2=3785.0192307692305,
    glb_words=55_296,
    glb_read_pj=49.82385759077973 / 4,  # 108 KiB, 64 bits wide, 32 banks
    glb_write_pj=51.19475759077974 / 4,
    glb_leak_pj_per_cycle=35.47990714741903 * _UW_TO_PJ_PER_CYCLE,
    glb_area_um2=974853.7194230767,
    glb_read_words_per_cycle=16.0,
    glb_write_words_per_cycle=16.0,
    dram_read_pj=128.0,
    dram_write_pj=128.0,
    dram_words_per_cycle=math.inf,
    rf_words=(4, 8, 12, 16, 24, 32, 48, 64),
    rf_read_pj=(
        *(0.16499221471354214, 0.2680843613500335, 0.3637423021517655, 0.41995843726050996),
        *(0.5590670088168097, 0.6555974699657755, 0.8693164610366578, 1.0350718960484566),
    ),
    rf_write_pj=(
        *(0.2248993638673579, 0.37095277666800835, 0.5048768160154384, 0.5965969690467844),
        *(0.8014134398003988, 0.9589089462353889, 1.2854569996097722, 1.5558973960484568),
    ),
    rf_leak_pj_per_cycle=tuple(
        leak * _UW_TO_PJ_PER_CYCLE
        for leak in (
            *(0.21743885141700448, 0.3277986208755067, 0.43815839033400894, 0.441439077834009),
            *(0.5550795347925112, 0.5616409097925112, 0.6818427417510134, 0.6949654917510134),
        )
    ),
    rf_area_um2=(
        *(159.29915865384612, 273.3326442307692, 387.36612980769223, 456.1339423076922),
        *(638.9352403846152, 776.4708653846152, 1096.8077884615384, 1371.8790384615381),
    ),
)

TECHNOLOGIES: dict[str, Technology] = {t.name: t for t in (TIMELOOP_45NM, EDGE_LPDDR4, HWCOMPONENTS_65NM)}


def get_technology(name: str) -> Technology:
    """Return the technology called `name`.

    Raises:
        ValueError: If there is none; the message offers the nearest names.
    """
    if name not in TECHNOLOGIES:
        raise ValueError(f"unknown technology {name!r}. {nearest(name, TECHNOLOGIES)}")
    return TECHNOLOGIES[name]
