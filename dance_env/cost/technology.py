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
from dataclasses import dataclass
from typing import Any

import numpy as np

from dance_env.suggest import nearest


@dataclass(frozen=True, eq=False)
class RegisterFile:
    """Figures of register files of given sizes; every leaf has the shape of the sizes asked for."""

    read_pj: np.ndarray
    write_pj: np.ndarray
    leak_pj_per_cycle: np.ndarray
    area_um2: np.ndarray


@dataclass(frozen=True)
class Technology:
    """The constants of one process and memory system. Energies are per 16-bit (``word_bits``) word, in pJ.

    Register files come as a table over ``rf_words``. A size between two rows is interpolated linearly (the rows that
    Accelergy gives are linear in the size to 2 % over any 8 words); a size outside the table is refused, not
    extrapolated.

    What of the leakage counts as energy, and what is only reported, `dance_env.cost.mapping.nest_kernel.energy` says.

    Attributes:
        row_words: words in a row of the global buffer and of DRAM; both are read and written by the row.
        dram_words_per_cycle: words that cross the DRAM interface a cycle, both directions together (one channel);
            ``inf`` for no limit.
        glb_read_words_per_cycle, glb_write_words_per_cycle: the two ports of the global buffer; fills from DRAM count
            as writes, drains to DRAM as reads.
    """

    name: str
    source: str
    word_bits: int
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

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name in ("name", "source"):
                continue
            if field.name.startswith("rf_"):
                _check_table(field.name, value, self.rf_words)
            elif isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value) or value < 0:
                raise ValueError(f"Technology.{field.name}: expected a non-negative number, got {value!r}.")
        for positive in (
            "word_bits",
            "row_words",
            "clock_hz",
            "glb_words",
            "glb_read_words_per_cycle",
            "glb_write_words_per_cycle",
            "dram_words_per_cycle",
        ):
            if getattr(self, positive) <= 0:
                raise ValueError(f"Technology.{positive}: expected a positive number, got {getattr(self, positive)!r}.")

    def register_file(self, rf_words: Any) -> RegisterFile:
        """Energies, leakage and area of register files.

        Args:
            rf_words: sizes in words, any shape, within the table's range.

        Returns:
            Arrays of the shape of ``rf_words``: the table's row, or the line between its two neighbours.

        Raises:
            ValueError: for a size outside the table.
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

    def area_mm2(self, pes: Any, rf_words: Any) -> np.ndarray:
        """Area of accelerators with ``pes`` processing elements of ``rf_words`` words each, mm2 (broadcast shape)."""
        per_pe = self.register_file(rf_words).area_um2 + self.mac_area_um2
        return np.asarray((self.glb_area_um2 + np.asarray(pes, dtype=np.float64) * per_pe) * 1e-6)

    def leakage_pj_per_cycle(self, pes: Any, rf_words: Any) -> np.ndarray:
        """What the whole accelerator leaks in one cycle, pJ (broadcast shape); DRAM is left out."""
        per_pe = self.register_file(rf_words).leak_pj_per_cycle + self.mac_leak_pj_per_cycle
        return np.asarray(self.glb_leak_pj_per_cycle + np.asarray(pes, dtype=np.float64) * per_pe)

    def fingerprint(self) -> str:
        """SHA-256 over every constant (not the name or the source), stable across processes."""
        values = dataclasses.asdict(self)
        values.pop("name")
        values.pop("source")
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _check_table(field: str, values: Any, rf_words: tuple[int, ...]) -> None:
    if not isinstance(values, tuple) or len(values) == 0 or len(values) != len(rf_words):
        raise ValueError(f"Technology.{field}: expected a tuple of one number per register file size, got {values!r}.")
    if any(not math.isfinite(value) or value < 0 for value in values):
        raise ValueError(f"Technology.{field}: expected finite non-negative numbers, got {values!r}.")
    if field == "rf_words" and any(b <= a for a, b in itertools.pairwise(values)):
        raise ValueError(f"Technology.rf_words: expected increasing sizes, got {values!r}.")


# Timeloop 4cf6d4c with Accelergy 0.4 (CACTI 1ffd8df, Aladdin 5e2e126), 45 nm; component classes smartbuffer_SRAM,
# smartbuffer_RF, regfile and intmac of timeloop-accelergy-exercises 2d55108.
TIMELOOP_45NM = Technology(
    name="timeloop-45nm",
    source="Timeloop 4cf6d4c + Accelergy 0.4, 45 nm, DRAM bandwidth unlimited",
    word_bits=16,
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
)

# The default of the tasks: the same chip behind one 32-bit LPDDR4-3200 channel (JEDEC JESD209-4: 3,200 MT/s x 32 bit =
# 12.8 GB/s), which is 6.4 words of 16 bits a cycle at 1 GHz, both directions together.
EDGE_LPDDR4 = dataclasses.replace(
    TIMELOOP_45NM,
    name="edge-lpddr4",
    source="timeloop-45nm behind one 32-bit LPDDR4-3200 channel (JEDEC JESD209-4): 12.8 GB/s = 6.4 words/cycle",
    dram_words_per_cycle=3200e6 * 32 / 16 / 1e9,
)

# hwcomponents 1.0.114 (-cacti 1.0.40, -library 1.0.58), 65 nm: `SmartBufferSRAM` buffers and register files,
# `IntMAC` with a 16-bit adder, LPDDR4 at 8 pJ/bit. Register files are SRAM: 456 um2 for 16 words where flip-flops at
# 45 nm take 3,718. 200 MHz as Eyeriss; leakage converted from uW at that clock (1 uW / 200 MHz = 0.005 pJ a cycle).
_UW_TO_PJ_PER_CYCLE = 1e-6 / 200e6 * 1e12
HWCOMPONENTS_65NM = Technology(
    name="hwcomponents-65nm",
    source="hwcomponents 1.0.114, 65 nm, SRAM register files, 200 MHz, DRAM bandwidth unlimited",
    word_bits=16,
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
    """The technology called ``name``; an unknown name is a ValueError that offers the nearest."""
    if name not in TECHNOLOGIES:
        raise ValueError(f"unknown technology {name!r}. {nearest(name, TECHNOLOGIES)}")
    return TECHNOLOGIES[name]
