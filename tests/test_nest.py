"""The counts of one mapping: equal to the reference, to hand-worked layers, and to the nest walked step by step."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_points import reference_parameters
from simulated_nest import walk

from dance_env.cost.audit.audit import _recover_order
from dance_env.cost.audit.reference import ReferencePoint
from dance_env.cost.mapping import nest
from dance_env.cost.mapping.dataflow import get_dataflow
from dance_env.cost.mapping.loops import DIMS, LEVELS
from dance_env.cost.mapping.mapping import Mapping
from dance_env.cost.technology import EDGE_LPDDR4, TIMELOOP_45NM
from dance_env.space import DATAFLOWS

GOLDEN = json.loads((Path(__file__).parent / "golden" / "nest.json").read_text())
W, I, O = 0, 1, 2  # noqa: E741
DRAM, GLB, RF = 0, 1, 2
READ, WRITTEN = 0, 1


def mapping(dataflow: str = "OS", *, stride: int = 1, order: str = DIMS, **levels: dict[str, int]) -> Mapping:
    factors = tuple(tuple(levels.get(level, {}).get(d, 1) for d in DIMS) for level in LEVELS)
    return Mapping(get_dataflow(dataflow), factors, order, stride)


def words(m: Mapping, overlap: str = "timeloop") -> np.ndarray:
    return nest.evaluate(m, pe_x=16, pe_y=16, rf_words=16, overlap=overlap).words


# --- golden: the reference, point by point ---------------------------------------------------------------------------


@pytest.mark.parametrize("point", reference_parameters())
def test_given_mapping_equals_reference(point: ReferencePoint) -> None:
    """Every count at every level and the cycles to the digit; energy and area to the digits that are printed."""
    recovered, cost = _recover_order(point, TIMELOOP_45NM)
    counts = cost.columns()
    assert counts.pop("rf_cycles") == point.compute_cycles
    assert counts == point.counts
    assert cost.cycles == point.cycles
    assert cost.energy_pj == pytest.approx(point.energy_pj, rel=5e-6)
    assert cost.area_mm2 * 1e6 == pytest.approx(point.area_um2, rel=1e-6)
    accelerator = {"pe_x": point.pe_x, "pe_y": point.pe_y, "rf_words": point.rf_words}
    assert recovered.violations(**accelerator, glb_words=TIMELOOP_45NM.glb_words) == []


# --- golden: layers worked by hand -----------------------------------------------------------------------------------


def test_pointwise_weights_stay() -> None:
    """C = M = 2 on 2 x 2 PEs, four output columns one after the other."""
    found = words(mapping("WS", cols={"M": 2}, rows={"C": 2}, glb={"Q": 4}))
    # 16 multiply-adds. Each PE keeps its one weight: 4 words once through every level.
    assert found[:, W].tolist() == [[4, 0], [4, 4], [16, 4]]
    # Each of 4 steps needs 2 inputs, sent to both columns: 8 reads, 4 x 4 fills.
    assert found[:, I].tolist() == [[8, 0], [8, 8], [16, 16]]
    # Each step makes 2 outputs, summed over the rows; none comes twice, so no partial sum is ever read.
    assert found[:, O].tolist() == [[0, 8], [0, 8], [0, 16]]


def test_partial_sums_come_back() -> None:
    """C = 6 as 3 at DRAM x 2 in the register file, 4 outputs in between."""
    found = words(mapping("WS", dram={"C": 3}, glb={"Q": 4}, rf={"C": 2}))
    # 4 outputs reach the global buffer 3 times, where they stay; the first time nothing is there to be read.
    assert found[DRAM, O].tolist() == [0, 4]
    assert found[GLB, O].tolist() == [12 - 4, 12]
    # The PE updates at each of 24 MACs and is filled 8 times; the first read of each of 4 outputs is skipped.
    assert found[RF, O].tolist() == [24 - 4, 24 + 8]


def test_sliding_window_fetches_what_is_new() -> None:
    """One row, S = 3 kept in the register file, 4 outputs: 3 inputs, then 1 new one for each further output."""
    found = words(mapping(glb={"Q": 4}, rf={"S": 3}))
    assert found[GLB, I].tolist() == [3 + 3 * 1, 6]
    # A stride of 2 leaves one word in common: 3 + 3 x 2; a stride of 3 none: 4 x 3.
    assert words(mapping(glb={"Q": 4}, rf={"S": 3}, stride=2))[GLB, I, READ] == 9
    assert words(mapping(glb={"Q": 4}, rf={"S": 3}, stride=3))[GLB, I, READ] == 12


def test_two_simulated_iterations_stand_for_all() -> None:
    """Q = 3 outside S = 4, nothing kept: the reference sees S fall back from 1, not from 3."""
    m = mapping(glb={"Q": 3, "S": 4})
    # 1 + 3 for the first q; a step of q moves the input by 1 - 1 = 0 and fetches nothing, then 3 more: 4 + 2 x 3.
    assert words(m)[GLB, I, READ] == 10
    # In truth it moves by 1 - 3 = -2 and the word is long gone: 3 x 4.
    assert words(m, "physical")[GLB, I, READ] == 12


def test_rows_pass_inputs_to_their_neighbors() -> None:
    """P = 3 on the rows, R = 3 in time: each PE next needs the input row that the PE below it has now."""
    m = mapping(rows={"P": 3}, glb={"R": 3})
    found = words(m)
    # 3 at first, then one new row a step: P + R - 1 = 5. Two of three PEs are served by a neighbor in 2 steps.
    assert found[GLB, I, READ] == 3 + 1 + 1
    # 9 MACs; 4 words passed on over 3 PEs: each reads 3 + 4/3 (rounded: 4), is filled 5/3 + 4/3 = 3 times.
    assert found[RF, I].tolist() == [3 * 4, 3 * 3]
    # With stride 2 neighbors are 2 rows apart and the window moves by 1: no passing on, 3 x 3.
    assert words(mapping(rows={"P": 3}, glb={"R": 3}, stride=2))[GLB, I, READ] == 9
    # M between the neighbors, or a loop inside that does not move the input: none either.
    assert words(mapping(rows={"P": 3, "M": 2}, glb={"R": 3}))[GLB, I, READ] == 9
    assert words(mapping(rows={"P": 3}, cols={"G": 2}, glb={"R": 3}))[GLB, I, READ] == 2 * 5
    # An array without links between PEs reads what it needs new in each step: 3 rows each time.
    assert words(m, "physical")[GLB, I, READ] == 9


def test_columns_do_not_pass_inputs_on() -> None:
    """Q = 3 on the columns, S = 3 in time, the same picture turned: the reference counts 3 x 3."""
    assert words(mapping(cols={"Q": 3}, glb={"S": 3}))[GLB, I, READ] == 9


def test_diagonals_are_not_merged() -> None:
    """P = 2 on the columns, R = 3 on the rows: 6 PEs need 4 different input rows; the reference reads 6."""
    m = mapping("RS", cols={"P": 2}, rows={"R": 3})
    assert words(m)[GLB, I, READ] == 6
    assert words(m, "physical")[GLB, I, READ] == 4
    assert words(m)[RF, I, WRITTEN] == words(m, "physical")[RF, I, WRITTEN] == 6


def test_bandwidth_stalls() -> None:
    """A fully connected layer of 64 x 64 on 8 x 8 PEs: 64 steps, each with 64 new weights."""
    m = mapping("WS", cols={"M": 8}, rows={"C": 8}, glb={"C": 8, "M": 8})
    accelerator = {"pe_x": 8, "pe_y": 8, "rf_words": 16}
    free = dataclasses.replace(TIMELOOP_45NM, glb_read_words_per_cycle=math.inf, glb_write_words_per_cycle=math.inf)
    cost = nest.evaluate(m, **accelerator, technology=free)
    assert cost.cycles == cost.compute_cycles == 64
    # 4096 weights, 8 new inputs in each of 64 steps (C runs inside M); partial sums stay in the PEs while C runs.
    reads = cost.words[GLB, :, READ].sum()
    assert reads == 4096 + 8 * 64 + 0
    assert nest.evaluate(m, **accelerator).cycles == reads / 16
    # DRAM moves 4096 weights, 64 inputs and 64 outputs over 6.4 words a cycle.
    assert cost.words[DRAM].sum() == 4224
    assert nest.evaluate(m, **accelerator, technology=EDGE_LPDDR4).cycles == 4224 / 6.4


def test_energy_of_a_hand_worked_layer() -> None:
    cost = nest.evaluate(mapping("WS", cols={"M": 2}, rows={"C": 2}, glb={"Q": 4}), pe_x=2, pe_y=2, rf_words=4)
    assert cost.mac_pj == 16 * 4.27651
    # Reads 16 W + 16 I + 0 O; writes 4 W + 16 I + 16 O; four files leak for four cycles.
    assert cost.rf_pj == pytest.approx(32 * 0.171325 + 36 * 0.150368 + 4 * 4 * 0.000351015)
    assert cost.glb_pj == pytest.approx((4 + 8) * 29.5413 / 4 + (4 + 8 + 8) * 24.2473 / 4 + 4 * 0.0048)
    assert cost.dram_pj == (4 + 8 + 8) * 128
    assert cost.energy_pj == cost.mac_pj + cost.rf_pj + cost.glb_pj + cost.dram_pj
    assert cost.area_mm2 == pytest.approx((371720 + 4 * (946.956 + 3243.1)) * 1e-6)
    assert cost.leakage_pj == pytest.approx(4 * (0.0048 + 4 * (0.028 + 0.000351015)))
    assert cost.edp_pj_cycles == cost.energy_pj * 4


def test_memories_move_whole_rows() -> None:
    """Three outputs, one input, three weights: a row of four words each, at DRAM and in the global buffer."""
    cost = nest.evaluate(mapping("WS", glb={"M": 3}), pe_x=8, pe_y=8, rf_words=4)
    assert cost.words[DRAM].tolist() == [[3, 0], [1, 0], [0, 3]]
    assert cost.dram_pj == 3 * 4 * 128
    assert cost.words[GLB].tolist() == [[3, 3], [1, 1], [0, 3]]
    assert cost.glb_pj == pytest.approx(2 * 29.5413 + 3 * 24.2473 + 3 * 0.0048)


@pytest.mark.parametrize("row", GOLDEN, ids=[f"{i}-{row['layer']}" for i, row in enumerate(GOLDEN)])
def test_golden_counts(row: dict) -> None:
    """Legal mappings of small layers, counted by `simulated_nest.walk` when the file was made."""
    assert words(Mapping.from_dict(row["mapping"])).tolist() == row["words"]


# --- properties ------------------------------------------------------------------------------------------------------


@st.composite
def mappings(draw: st.DrawFn) -> Mapping:
    """Small mappings of every dataflow; places as its rules say, loops at GLB and DRAM in any number up to seven."""
    dataflow = draw(st.sampled_from(DATAFLOWS))
    few, some = st.sampled_from((1, 1, 1, 2)), st.sampled_from((1, 2, 3))
    levels = {
        level: {d: draw(some if level in ("cols", "rows") else few) for d in places}
        for level, places in get_dataflow(dataflow).places.items()
    }
    running = draw(st.lists(st.sampled_from([(level, d) for level in ("glb", "dram") for d in DIMS]), max_size=7))
    for level, d in running:
        levels.setdefault(level, {})[d] = draw(st.integers(2, 4))
    order = "".join(draw(st.permutations(DIMS)))
    return mapping(dataflow, stride=draw(st.sampled_from((1, 1, 2, 3))), order=order, **levels)


@settings(max_examples=80)
@given(mappings())
def test_closed_form_equals_walk(m: Mapping) -> None:
    """The closed form counts what a walk through the nest counts, PE by PE and step by step."""
    factors = [list(row) for row in m.factors]
    orders = [[DIMS.index(d) for d in order] for order in (m.glb_order, m.dram_order)]
    found, pes = words(m), math.prod(m.pes())
    macs, outputs = math.prod(m.dims.values()), math.prod(m.dims[d] for d in "MGPQ")
    walked = [walk(tensor, factors, m.stride, *orders) for tensor in "WIO"]
    for tensor in (W, I):
        way = walked[tensor]
        assert found[DRAM, tensor, READ] == way["dram"]
        assert found[GLB, tensor, READ] == pytest.approx(way["glb"], rel=1e-12)
        assert found[RF, tensor, READ] == pes * math.floor(macs // pes + way["passed"] + 0.5)
        assert found[RF, tensor, WRITTEN] == pes * math.floor(way["fills"] + way["passed"])
    assert found[DRAM, O, WRITTEN] == walked[O]["dram"]
    assert found[GLB, O, READ] == pytest.approx(walked[O]["glb"] - outputs, rel=1e-12)


@settings(max_examples=100)
@given(mappings(), st.sampled_from(nest.OVERLAPS))
def test_counts_are_at_least_the_tensors(m: Mapping, overlap: str) -> None:
    found, size = words(m, overlap), m.tile_words("dram")
    # Of the inputs, those that a stride wider than the filter does not step over.
    height, width = ((m.dims[p] - 1) * min(m.stride, m.dims[r]) + m.dims[r] for p, r in (("P", "R"), ("Q", "S")))
    assert (found >= 0).all()
    assert found[DRAM, W, READ] >= size["W"]
    assert found[DRAM, I, READ] >= m.dims["G"] * m.dims["C"] * height * width
    assert found[DRAM, O, WRITTEN] >= size["O"]
    assert found[GLB, W, WRITTEN] == found[DRAM, W, READ]
    assert found[GLB, I, WRITTEN] == found[DRAM, I, READ]
    assert found[GLB, O, WRITTEN] >= found[DRAM, O, WRITTEN]
    assert (found[RF, W, READ], found[RF, I, READ] >= found[RF, W, READ]) == (math.prod(m.dims.values()), True)


@settings(max_examples=50)
@given(mappings(), st.floats(0.1, 100.0))
def test_energy_and_cycles(m: Mapping, rate: float) -> None:
    """MAC energy is exact; a narrower DRAM channel never makes a layer faster, and only leakage grows with it."""
    narrow = dataclasses.replace(TIMELOOP_45NM, dram_words_per_cycle=rate)
    wide = nest.evaluate(m, pe_x=16, pe_y=16, rf_words=16)
    slow = nest.evaluate(m, pe_x=16, pe_y=16, rf_words=16, technology=narrow)
    assert wide.mac_pj == math.prod(m.dims.values()) * TIMELOOP_45NM.mac_pj
    assert slow.cycles >= wide.cycles >= wide.compute_cycles
    assert slow.cycles >= slow.words[DRAM].sum() / rate * (1 - 1e-12)
    leaking = (
        TIMELOOP_45NM.glb_leak_pj_per_cycle + math.prod(m.pes()) * TIMELOOP_45NM.register_file(16).leak_pj_per_cycle
    )
    assert slow.energy_pj - wide.energy_pj == pytest.approx(
        (slow.cycles - wide.cycles) * leaking, abs=1e-6 * slow.energy_pj
    )
    assert (slow.mac_pj, slow.dram_pj) == (wide.mac_pj, wide.dram_pj)


# --- bad input -------------------------------------------------------------------------------------------------------

ONES = np.ones((5, 7), dtype=np.int64)
ORDER = list(range(7))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"dims": [1, 1, 1, 1, 1, 0, 1]}, ValueError, "dims: expected values of at least 1, got 0"),
        ({"dims": [1, 1, 1, 1, 1, -3, 1]}, ValueError, "dims: expected values of at least 1, got -3"),
        ({"dims": [1.0] * 7}, TypeError, "dims: expected integers of shape"),
        ({"dims": [1] * 6}, TypeError, "dims: expected integers of shape"),
        ({"dims": [2, 1, 1, 1, 1, 1, 1]}, ValueError, "factors: expected products"),
        ({"stride": 0}, ValueError, "stride: expected values of at least 1"),
        ({"factors": ONES.astype(float)}, TypeError, "factors: expected integers of shape"),
        ({"factors": ONES * 0}, ValueError, "factors: expected values of at least 1"),
        ({"dram_order": [0, 1, 2, 3, 4, 5, 5]}, ValueError, "dram_order: expected each of 0..6"),
        ({"glb_order": [0, 1, 2]}, ValueError, "glb_order: expected each of 0..6"),
        ({"overlap": "none"}, ValueError, "overlap: expected one of timeloop, physical"),
        ({"dims": [2**20, 2**20, 2**10, 1, 1, 1, 1]}, OverflowError, "counts this large are not exact"),
        ({"dims": [1, 1, 1, 1, 1, 2**40, 2**40]}, OverflowError, "counts this large are not exact"),
    ],
)
def test_counts_refuse(change: dict, error: type[Exception], message: str) -> None:
    good = {"dims": [1] * 7, "stride": 1, "factors": ONES, "glb_order": ORDER, "dram_order": ORDER}
    with pytest.raises(error, match=message):
        nest.counts(**(good | change))


def test_refuses_two_dims_whose_windows_overlap_on_one_axis() -> None:
    with pytest.raises(ValueError, match="R and P cannot both be spread over the rows"):
        words(mapping(rows={"R": 3, "P": 2}))
    with pytest.raises(ValueError, match="S cannot be spread over the rows"):
        words(mapping(rows={"S": 3}))


@pytest.mark.parametrize("name", ["pe_x", "pe_y", "rf_words"])
def test_evaluate_refuses_empty_accelerators(name: str) -> None:
    sizes = {"pe_x": 8, "pe_y": 8, "rf_words": 16, name: 0}
    with pytest.raises(ValueError, match=f"{name}: expected values of at least 1"):
        nest.evaluate(mapping(), **sizes)


def test_evaluate_refuses_unknown_register_files() -> None:
    with pytest.raises(ValueError, match="knows register files of 4 to 64 words, got 128"):
        nest.evaluate(mapping(), pe_x=8, pe_y=8, rf_words=128)
