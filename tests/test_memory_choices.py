"""Global buffer and DRAM bandwidth as choices: spaces, technologies, costs against one search per memory."""

from __future__ import annotations

import csv
import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from dance_env.cache import ArrayCache
from dance_env.cost import (
    EDGE_LPDDR4,
    HWCOMPONENTS_65NM,
    TIMELOOP_45NM,
    AnalyticalCostModel,
    GlobalBuffer,
)
from dance_env.cost.backends import make_cost_model
from dance_env.cost.layer_costs import layer_costs
from dance_env.space import AcceleratorSpace, Hardware, dance_accelerators, dance_buffers

REFERENCE = Path(__file__).parents[2] / "shared" / "reference" / "timeloop"
LAYERS = np.array(
    [
        [64, 32, 8, 8, 3, 3, 1, 1],
        [96, 96, 14, 14, 3, 3, 96, 2],  # depthwise
        [192, 48, 14, 14, 1, 1, 1, 1],
        [256, 512, 1, 1, 1, 1, 1, 1],  # every weight used once: DRAM is the limit
    ]
)
KIB = 512


def small() -> AcceleratorSpace:
    return AcceleratorSpace(
        pe_x=(8, 12, 16), pe_y=(8, 16), rf_words=(8, 32), dataflow=("WS", "OS", "RS"),
        glb_words=(16 * KIB, 32 * KIB, 108 * KIB, 512 * KIB), dram_words_per_cycle=(1.0, 3.2, 12.8),
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------------------- spaces
def test_dance_buffers_is_dances_space_under_each_memory() -> None:
    space = dance_buffers()
    assert space.size == len(space.hardware()) == 13_872 * 5 * 3 == 208_080
    assert [choice.name for choice in space.choices()][4:] == ["glb_words", "dram_words_per_cycle"]
    assert {choice.kind for choice in space.choices()[4:]} == {"ordinal"}
    assert space.dram_words_per_cycle == (3.2, 6.4, 12.8)
    every_memory = dance_accelerators().hardware()
    for name, column in every_memory.columns().items():
        np.testing.assert_array_equal(getattr(space.hardware(), name), np.repeat(column, 15))


def test_index_and_columns_agree_with_six_choices() -> None:
    space = small()
    options = space.unindex(np.arange(space.size))
    np.testing.assert_array_equal(space.index(options), np.arange(space.size))
    np.testing.assert_array_equal(space.hardware().glb_words, np.array(space.glb_words)[options[:, 4]])
    np.testing.assert_array_equal(
        space.hardware().dram_words_per_cycle, np.array(space.dram_words_per_cycle)[options[:, 5]]
    )
    taken = space.hardware().take([5])
    assert (taken.glb_words.tolist(), taken.dram_words_per_cycle.tolist()) == ([32 * KIB], [12.8])


def test_without_memory_choices_hardware_has_four_columns() -> None:
    hardware = dance_accelerators().hardware()
    assert list(hardware.columns()) == ["pe_x", "pe_y", "rf_words", "dataflow"]
    assert hardware.glb_words is None
    assert hardware.take([0, 1]).dram_words_per_cycle is None


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"glb_words": (0, 1)}, ValueError, "glb_words must be ascending sizes of at least 1"),
        ({"glb_words": (1.5,)}, TypeError, "glb_words must be whole numbers"),
        ({"dram_words_per_cycle": (0.0, 1.0)}, ValueError, "dram_words_per_cycle must be ascending, positive, finite"),
        ({"dram_words_per_cycle": (math.inf,)}, ValueError, "positive, finite"),
        ({"dram_words_per_cycle": (3.2, 3.2)}, ValueError, "ascending"),
        ({"dram_words_per_cycle": ()}, ValueError, "ascending"),
        ({"dram_words_per_cycle": "6.4"}, TypeError, "must be real numbers, got '6.4'"),
    ],
)
def test_memory_that_makes_no_sense(change: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        dataclasses.replace(small(), **change)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"glb_words": np.array([0])}, ValueError, "glb_words must be at least 1, got 0"),
        ({"glb_words": np.array([1.0])}, TypeError, "glb_words must be whole numbers"),
        ({"dram_words_per_cycle": np.array([0.0])}, ValueError, "must be positive and finite, got 0"),
        ({"dram_words_per_cycle": np.array([math.nan])}, ValueError, "must be positive and finite"),
        ({"dram_words_per_cycle": np.array(["6"])}, TypeError, "must be real numbers"),
        ({"glb_words": np.array([1, 2])}, ValueError, r"glb_words must have shape \(1,\)"),
    ],
)
def test_hardware_with_memory_that_cannot_be(change: dict, error: type[Exception], message: str) -> None:
    one = dict.fromkeys(("pe_x", "pe_y", "rf_words"), np.array([8])) | {"dataflow": np.array([0])}
    with pytest.raises(error, match=message):
        Hardware(**one, **change)


# -------------------------------------------------------------------------------------------------------- technologies
@pytest.mark.skipif(not REFERENCE.is_dir(), reason="needs the reference tables of global buffers")
@pytest.mark.parametrize(("file", "capacities"), [("glb_energy.csv", 12), ("glb_energy_fine.csv", 65)])
def test_the_table_of_buffers_is_the_references(file: str, capacities: int) -> None:
    with open(REFERENCE / file, newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    ours = {buffer.words: buffer for buffer in TIMELOOP_45NM.glb_table}
    assert len(rows) == capacities
    for row in rows:
        buffer = ours[int(row["glb_words"])]
        assert buffer.read_pj == pytest.approx(float(row["read_pj_per_word"]), rel=1e-5)
        assert buffer.write_pj == pytest.approx(float(row["write_pj_per_word"]), rel=1e-5)
        assert buffer.leak_pj_per_cycle == pytest.approx(float(row["leak_pj_per_cycle"]), rel=1e-5)
        assert buffer.area_um2 == pytest.approx(float(row["area_um2"]), rel=1e-5)


def test_the_technologys_own_memory_changes_nothing() -> None:
    assert EDGE_LPDDR4.with_memory() is EDGE_LPDDR4
    assert EDGE_LPDDR4.with_memory(glb_words=55_296, dram_words_per_cycle=6.4) == EDGE_LPDDR4


@pytest.mark.parametrize(
    ("technology", "words", "message"),
    [
        (EDGE_LPDDR4, 60_000, r"no global buffer of 60,000 words; .* 59,392 \(116 KiB\) and 61,440 \(120 KiB\)"),
        (EDGE_LPDDR4, 100, r"no global buffer of 100 words; the nearest that it has: 4,096 \(8 KiB\)"),
        (EDGE_LPDDR4, 10**9, r"the nearest that it has: 524,288 \(1024 KiB\)"),
        (HWCOMPONENTS_65NM, 16_384, r"the nearest that it has: 55,296 \(108 KiB\)"),
    ],
)
def test_a_buffer_outside_the_table(technology: object, words: int, message: str) -> None:
    hardware = Hardware.one(8, 8, rf_words=8, dataflow="OS", glb_words=words)
    model = AnalyticalCostModel(technology=technology)
    for asked in (lambda: model.evaluate_layers(LAYERS[:1], hardware), lambda: model.area_mm2(hardware)):
        with pytest.raises(ValueError, match=message):
            asked()


def test_a_bandwidth_of_zero_is_refused_by_the_technology() -> None:
    with pytest.raises(ValueError, match="dram_words_per_cycle"):
        EDGE_LPDDR4.with_memory(dram_words_per_cycle=0.0)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"words": 1.5}, TypeError, "GlobalBuffer.words: expected a number"),
        ({"words": 0}, ValueError, "GlobalBuffer.words: expected a finite number of at least 1, got 0"),
        ({"read_pj": -1.0}, ValueError, "GlobalBuffer.read_pj: expected a finite number of at least 0"),
        ({"area_um2": math.nan}, ValueError, "GlobalBuffer.area_um2: expected a finite number"),
    ],
)
def test_buffers_that_make_no_sense(change: dict, error: type[Exception], message: str) -> None:
    figures = {"words": 8, "read_pj": 1.0, "write_pj": 1.0, "leak_pj_per_cycle": 0.1, "area_um2": 10.0}
    with pytest.raises(error, match=message):
        GlobalBuffer(**figures | change)


# --------------------------------------------------------------------------------------------------------------- costs
@pytest.mark.parametrize("objective", ["edp", "energy", "latency"])
def test_costs_equal_one_search_for_each_memory(objective: str) -> None:
    space = small()
    hardware = space.hardware()
    model = AnalyticalCostModel(technology=EDGE_LPDDR4, objective=objective)
    found = model.evaluate_layers(LAYERS, hardware)
    plain = dataclasses.replace(space, glb_words=None, dram_words_per_cycle=None).hardware()
    for words in space.glb_words:
        for rate in space.dram_words_per_cycle:
            here = (hardware.glb_words == words) & (hardware.dram_words_per_cycle == rate)
            technology = EDGE_LPDDR4.with_memory(glb_words=words, dram_words_per_cycle=rate)
            alone = AnalyticalCostModel(technology=technology, objective=objective).evaluate_layers(LAYERS, plain)
            np.testing.assert_array_equal(found.latency_s[:, here], alone.latency_s)
            np.testing.assert_array_equal(found.energy_j[:, here], alone.energy_j)


def test_more_bandwidth_never_costs_time_or_energy_under_edp() -> None:
    space = small()
    cost = AnalyticalCostModel(technology=EDGE_LPDDR4).evaluate_layers(LAYERS, space.hardware())
    edp = (cost.latency_s * cost.energy_j).reshape(len(LAYERS), -1, 3)
    assert (edp[..., 1:] <= edp[..., :-1]).all()
    assert (edp[3, :, 1] < edp[3, :, 0]).any()  # and helps where DRAM is the limit


def test_area_counts_the_buffer_and_an_interface_that_is_chosen() -> None:
    model = AnalyticalCostModel(technology=EDGE_LPDDR4)
    plain = model.area_mm2(Hardware.one(16, 16, rf_words=16, dataflow="OS"))
    large = model.area_mm2(Hardware.one(16, 16, rf_words=16, dataflow="OS", glb_words=512 * KIB))
    wide = model.area_mm2(Hardware.one(16, 16, rf_words=16, dataflow="OS", dram_words_per_cycle=6.4))
    assert large - plain == pytest.approx((1_644_910 - 371_720) * 1e-6)
    assert wide - plain == pytest.approx(2 * 1.3)  # 32 bits


def test_a_mapping_uses_the_buffer_that_is_chosen() -> None:
    model = AnalyticalCostModel(technology=EDGE_LPDDR4)
    hardware = Hardware.one(16, 16, rf_words=16, dataflow="OS", glb_words=16 * KIB, dram_words_per_cycle=1.0)
    mapping = model.mapping(LAYERS[0], hardware)
    assert mapping.violations(pe_x=16, pe_y=16, rf_words=16, glb_words=16 * KIB) == []
    cost = model.evaluate_layers(LAYERS[:1], hardware)
    assert model.breakdown(LAYERS[0], hardware).energy_pj * 1e-12 == pytest.approx(cost.energy_j[0, 0], rel=1e-12)


def test_the_cache_tells_memories_apart(tmp_path: Path) -> None:
    model, cache = AnalyticalCostModel(technology=EDGE_LPDDR4), ArrayCache.open(tmp_path)
    row = tuple(int(n) for n in LAYERS[3])
    both = [
        layer_costs([row], Hardware.one(8, 8, rf_words=8, dataflow="OS", **memory), model=model, cache=cache)[row]
        for memory in ({}, {"glb_words": 16 * KIB}, {"dram_words_per_cycle": 1.0}, {"glb_words": 512 * KIB})
    ]
    assert len({array.tobytes() for array in both}) == 4


def test_back_ends_refuse_accelerators_that_choose_their_memory() -> None:
    backend = make_cost_model("zigzag")
    with pytest.raises(ValueError, match="these choose their glb_words; cost each memory by itself"):
        backend.area_mm2(Hardware.one(8, 8, rf_words=8, dataflow="OS", glb_words=16 * KIB))
