"""Technologies: the reference's constants, interpolation between register files, refusal of nonsense."""

from __future__ import annotations

import csv
import dataclasses
import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dance_env.cost import AnalyticalCostModel
from dance_env.cost.technology import (
    EDGE_LPDDR4,
    HWCOMPONENTS_65NM,
    TECHNOLOGIES,
    TIMELOOP_45NM,
    Technology,
    get_technology,
)
from dance_env.space import Hardware

EVERY = pytest.mark.parametrize("technology", TECHNOLOGIES.values(), ids=list(TECHNOLOGIES))


def test_register_files_are_the_reference(shared_dir: Path) -> None:
    with open(shared_dir / "reference" / "timeloop" / "rf_energy.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    found = TIMELOOP_45NM.register_file([int(row["rf_words"]) for row in rows])
    for name in ("read_pj", "write_pj", "leak_pj_per_cycle", "area_um2"):
        assert getattr(found, name).tolist() == [float(row[name]) for row in rows]


def test_area_of_a_reference_row() -> None:
    """16 x 16 PEs of 16 words: area_um2 = 2153843.5 in the reference (371720 + 256 (3718.32 + 3243.1))."""
    assert TIMELOOP_45NM.area_mm2(256, 16) == pytest.approx(2.1538435, rel=1e-6)


def test_edge_bandwidth() -> None:
    """32 bits at 3,200 MT/s are 12.8 GB/s: 6.4 words of 2 bytes in each nanosecond."""
    assert EDGE_LPDDR4.dram_words_per_cycle == pytest.approx(12.8e9 / 2 / EDGE_LPDDR4.clock_hz)
    assert math.isinf(TIMELOOP_45NM.dram_words_per_cycle)


def test_sram_register_files_are_small() -> None:
    assert HWCOMPONENTS_65NM.register_file(16).area_um2 == pytest.approx(456, abs=1)
    assert TIMELOOP_45NM.register_file(16).area_um2 == pytest.approx(3718, abs=1)


def test_leakage_per_cycle() -> None:
    assert TIMELOOP_45NM.leakage_pj_per_cycle(4, 4) == pytest.approx(0.0048 + 4 * (0.028 + 0.000351015))
    # 35.48 uW for 5 ns (200 MHz) are 0.177 pJ.
    assert HWCOMPONENTS_65NM.glb_leak_pj_per_cycle == pytest.approx(35.48e-6 * 5e-9 * 1e12, rel=1e-3)


def test_interpolates_linearly() -> None:
    found = HWCOMPONENTS_65NM.register_file([16, 20, 24])
    assert found.read_pj[1] == pytest.approx((found.read_pj[0] + found.read_pj[2]) / 2)
    assert found.area_um2.shape == (3,)


@EVERY
@given(st.floats(4, 64), st.floats(4, 64))
def test_a_larger_file_costs_more(technology: Technology, a: float, b: float) -> None:
    low, high = technology.register_file(min(a, b)), technology.register_file(max(a, b))
    for name in ("read_pj", "write_pj", "leak_pj_per_cycle", "area_um2"):
        assert getattr(low, name) <= getattr(high, name)


@EVERY
@pytest.mark.parametrize("size", [0, 3.9, 65, -4, math.nan])
def test_refuses_sizes_outside_the_table(technology: Technology, size: float) -> None:
    with pytest.raises(ValueError, match="knows register files of 4 to 64 words"):
        technology.register_file([8, size])


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("mac_pj", -1.0, "mac_pj: expected a non-negative number"),
        ("mac_pj", math.nan, "mac_pj: expected a non-negative number"),
        ("dram_read_pj", math.inf, "dram_read_pj: expected a non-negative number, got inf"),
        ("glb_area_um2", math.inf, "glb_area_um2: expected a non-negative number, got inf"),
        ("clock_hz", 0.0, "clock_hz: expected a positive number"),
        ("clock_hz", math.inf, "clock_hz: expected a positive number, got inf"),
        ("dram_words_per_cycle", 0.0, "dram_words_per_cycle: expected a positive number, inf for no limit, got 0.0"),
        ("dram_words_per_cycle", -math.inf, "dram_words_per_cycle: expected a positive number"),
        ("row_words", 0, "row_words: expected a positive number"),
        ("rf_read_pj", (math.nan,) * 16, "rf_read_pj: expected finite non-negative numbers"),
        ("rf_words", (4,) * 16, "rf_words: expected increasing sizes of at least 1"),
        ("rf_words", tuple(range(16)), "rf_words: expected increasing sizes of at least 1"),
    ],
)
def test_refuses(field: str, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(TIMELOOP_45NM, **{field: value})


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", 3, "name: expected a text"),
        ("mac_pj", "4", "mac_pj: expected a number, got '4'"),
        ("mac_pj", True, "mac_pj: expected a number, got True"),
        ("row_words", 4.5, "row_words: expected a whole number, got 4.5"),
        ("glb_words", 55_296.0, "glb_words: expected a whole number"),
        ("rf_read_pj", (1.0,), "rf_read_pj: expected a tuple of one number per register file size"),
        ("rf_read_pj", [1.0] * 16, "rf_read_pj: expected a tuple of one number per register file size"),
        ("rf_read_pj", ("a",) * 16, "rf_read_pj: expected numbers"),
        ("rf_words", 8, "rf_words: expected a tuple of one number per register file size"),
        ("rf_words", (4.5, *range(5, 20)), "rf_words: expected whole numbers"),
    ],
)
def test_refuses_values_of_another_type(field: str, value: object, message: str) -> None:
    with pytest.raises(TypeError, match=re.escape(message)):
        dataclasses.replace(TIMELOOP_45NM, **{field: value})


def test_numbers_of_numpy_are_numbers() -> None:
    same = dataclasses.replace(
        TIMELOOP_45NM, row_words=np.int64(4), glb_words=np.int32(55_296), dram_read_pj=np.int64(128),
        mac_pj=np.float64(4.27651), rf_words=tuple(np.arange(4, 65, 4)),
    )  # fmt: skip
    assert same == TIMELOOP_45NM
    assert same.fingerprint() == TIMELOOP_45NM.fingerprint()
    assert type(same.row_words) is int


def test_the_width_of_a_word_is_no_setting() -> None:
    """Another width needs other figures: `word_bits=8` would change a fingerprint and not one cost."""
    with pytest.raises(TypeError, match="word_bits"):
        dataclasses.replace(TIMELOOP_45NM, word_bits=8)


def test_area_of_the_largest_array_is_finite() -> None:
    """2^32 x 2^31 PEs have more area than an int64 has numbers."""
    huge = Hardware.one(2**32, 2**31, rf_words=16, dataflow="OS")
    assert AnalyticalCostModel().area_mm2(huge)[0] == pytest.approx(2.0**63 * (3718.32 + 3243.1) * 1e-6)


def test_names() -> None:
    assert get_technology("edge-lpddr4") is EDGE_LPDDR4
    with pytest.raises(ValueError, match=r"unknown technology 'edge-lpdr4'\. Did you mean 'edge-lpddr4'"):
        get_technology("edge-lpdr4")


def test_fingerprint_follows_the_constants() -> None:
    renamed = dataclasses.replace(TIMELOOP_45NM, name="other")
    assert renamed.fingerprint() == TIMELOOP_45NM.fingerprint()
    assert EDGE_LPDDR4.fingerprint() != TIMELOOP_45NM.fingerprint()
    assert len({technology.fingerprint() for technology in TECHNOLOGIES.values()}) == 3


def test_arrays_broadcast() -> None:
    pes, sizes = np.array([64, 256, 576]), np.array([[4], [64]])
    assert TIMELOOP_45NM.area_mm2(pes, sizes).shape == (2, 3)
