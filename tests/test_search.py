"""The mapping search: optimal by brute force, its figures those of the mapping it names, never worse than Timeloop."""

from __future__ import annotations

import dataclasses
import math
import tracemalloc
from typing import Any

import numpy as np
import pytest
from brute_force import brute_force, dram_orders, goal
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_points import reference_parameters

from dance_env.cost import (
    TIMELOOP_45NM,
    AnalyticalCostModel,
    Technology,
)
from dance_env.cost.audit.reference import ReferencePoint
from dance_env.cost.mapping import nest, nest_kernel
from dance_env.cost.mapping.dataflow import Above, Dataflow, Pin, get_dataflow
from dance_env.cost.mapping.loops import DIMS
from dance_env.cost.mapping.mapping import Mapping
from dance_env.cost.mapping.nest import OVERLAPS
from dance_env.cost.search import outer, outer_kernel, search
from dance_env.cost.search.mapspace import padded_rows
from dance_env.cost.search.outer import permutations
from dance_env.cost.search.search import FACTORS, LayerOptimum
from dance_env.cost.search.search_data import OBJECTIVES
from dance_env.graph import Layer
from dance_env.source_digest import digested_modules
from dance_env.space import DATAFLOWS, Hardware

SIZES = np.arange(8, 25)
RF_WORDS = np.arange(4, 65, 4)
ROW = (16, 8, 8, 8, 3, 3, 1, 1)
# K, C, P, Q, R, S, groups, stride: layers of MobileNets, a stem, a head, a classifier, and odd ones.
REAL_LAYERS = [
    (32, 3, 32, 32, 3, 3, 1, 1),
    (96, 16, 32, 32, 1, 1, 1, 1),
    (96, 96, 16, 16, 3, 3, 96, 2),
    (144, 144, 14, 14, 7, 7, 144, 1),
    (64, 64, 14, 14, 3, 3, 1, 1),
    (1280, 320, 7, 7, 1, 1, 1, 1),
    (10, 1280, 1, 1, 1, 1, 1, 1),
    (24, 16, 28, 28, 1, 1, 1, 2),
    (12, 12, 7, 9, 5, 3, 3, 1),
]

# Fully connected, depthwise 7 x 7 at stride 2, grouped with more outputs than inputs, primes at stride 3, one row of
# filters, filters larger than their outputs.
ODD_LAYERS = [
    (7, 10, 1, 1, 1, 1, 1, 1),
    (3, 3, 2, 1, 7, 7, 3, 2),
    (4, 2, 3, 2, 2, 1, 2, 1),
    (5, 3, 5, 7, 1, 1, 1, 3),
    (2, 3, 1, 6, 1, 7, 1, 1),
    (2, 2, 1, 1, 3, 4, 1, 4),
]


def hardware(pe_x: int, pe_y: int, rf_words: int, dataflow: str) -> Hardware:
    return Hardware(*(np.array([n]) for n in (pe_x, pe_y, rf_words, DATAFLOWS.index(dataflow))))


def search_layer(row: np.ndarray, dataflow: str, **settings: Any) -> LayerOptimum:
    """`search.search_layer` by the name of a dataflow."""
    return search.search_layer(row, get_dataflow(dataflow), **settings)


def best_mapping(row: np.ndarray, dataflow: str, **settings: Any) -> Mapping | None:
    """`search.best_mapping` by the name of a dataflow."""
    return search.best_mapping(row, get_dataflow(dataflow), **settings)


def small_layer(rng: np.random.Generator) -> tuple[int, ...]:
    kind = rng.integers(3)
    stride = int(rng.integers(1, 3))
    size = [int(rng.choice([1, 2, 3, 4])) for _ in range(2)]
    taps = [int(rng.choice([1, 2, 3])) for _ in range(2)]
    if kind == 0:
        groups = int(rng.choice([2, 3, 4]))
        return (groups, groups, *size, *taps, groups, stride)
    if kind == 1:
        return (int(rng.choice([1, 2, 4])), int(rng.choice([1, 2, 3])), *size, *taps, 1, stride)
    return (int(rng.choice([4, 6, 8])), int(rng.choice([2, 3, 4])), *size, 1, 1, 1, stride)


def small_technology(rng: np.random.Generator) -> Technology:
    rate = float(rng.choice([1, 4, 16]))
    return dataclasses.replace(
        TIMELOOP_45NM,
        glb_words=int(rng.choice([20, 40, 100, 55_296])),
        dram_words_per_cycle=float(rng.choice([1, 2, 6.4, math.inf])),
        glb_read_words_per_cycle=rate,
        glb_write_words_per_cycle=rate,
        dram_read_pj=float(rng.choice([1, 10, 128])),
        dram_write_pj=float(rng.choice([1, 10, 128])),
    )


# --- optimal ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("overlap", OVERLAPS)
@pytest.mark.parametrize("dataflow", DATAFLOWS)
@pytest.mark.parametrize("seed", range(12))
def test_optimum_equals_brute_force(seed: int, dataflow: str, overlap: str) -> None:
    """Every mapping of a small layer, every order at DRAM, on buffers so small that all rules come into play."""
    rng = np.random.default_rng([seed, DATAFLOWS.index(dataflow)])
    row, technology = small_layer(rng), small_technology(rng)
    check_optimum(row, get_dataflow(dataflow), technology, objective=OBJECTIVES[seed % 3], overlap=overlap)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("dataflow", DATAFLOWS)
@pytest.mark.parametrize("row", ODD_LAYERS, ids=lambda row: "x".join(map(str, row)))
def test_optimum_of_odd_layers_equals_brute_force(row: tuple[int, ...], dataflow: str, objective: str) -> None:
    """RS: rows of 7 do not fit register files of 4 and 8 words, whole filters not arrays of 1 and 3 rows."""
    technology = dataclasses.replace(TIMELOOP_45NM, glb_words=60, dram_words_per_cycle=2.0)
    check_optimum(row, get_dataflow(dataflow), technology, objective=objective)


def check_optimum(
    row: tuple[int, ...], dataflow: Dataflow, technology: Technology, *, objective: str, overlap: str = "timeloop"
) -> None:
    """Holds the search against brute force on 27 accelerators."""
    pe_x, pe_y, rf_words = [1, 2, 4], [1, 3, 7], [4, 8, 16]
    expected, costed = brute_force(
        row, dataflow, pe_x=pe_x, pe_y=pe_y, rf_words=rf_words, technology=technology, objective=objective,
        overlap=overlap,
    )  # fmt: skip
    found = search.search_layer(
        np.array(row), dataflow, pe_x=np.array(pe_x), pe_y=np.array(pe_y), rf_words=np.array(rf_words),
        technology=technology, objective=objective, overlap=overlap,
    )  # fmt: skip
    for i, x in enumerate(pe_x):
        for j, y in enumerate(pe_y):
            for k, rf in enumerate(rf_words):
                got = float(found.energy_pj[i, j, k]), float(found.cycles[i, j, k])
                assert goal(objective, *got) == pytest.approx(
                    goal(objective, *expected.get((x, y, rf), (math.inf, math.inf))), rel=1e-12
                ), (row, dataflow.name, objective, technology.glb_words, (x, y, rf))
    assert found.costed <= max(4 * costed, 100)  # the bounds exclude, and nothing is looked at over and over


# Dataflows that the library does not have. Each combines rules as none of its three does.
INPUT_STATIONARY = Dataflow(
    name="IS",
    title="input stationary",
    why="A tile of inputs stays in the register files while the output channels run.",
    stationary="I",
    columns="QCG",
    rows="PMG",
    registers="CPQRSG",
    glb_order="MSRPCQG",  # P and Q apart: the plane of a 1 x 1 layer is not merged
    above=(Above(dram="CMGPQ"),),
)
PINNED = Dataflow(
    name="PIN",
    title="input channels whole in the registers, filter columns whole on the columns",
    why="Two pins with another threshold than row stationary's.",
    stationary="WIO",
    columns="SMG",
    rows="PMG",
    registers="CMQRG",
    glb_order="QPSRCMG",
    above=(Above(glb="MGPQRC", dram="MGPQ"), Above(glb="CR", reduction_innermost=True)),
    pins=(Pin("S", "cols"),),
)
CHANNELS = Dataflow(
    name="CH",
    title="all input channels in the registers where they fit twice",
    why="A pin that splits the sizes of register files.",
    stationary="W",
    columns="QMG",
    rows="RMG",
    registers="CPG",
    glb_order="SRCQPMG",
    pins=(Pin("C", "rf", words_per_trip=2, words_besides=1),),
)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("dataflow", [INPUT_STATIONARY, PINNED, CHANNELS], ids=lambda flow: flow.name)
def test_a_new_dataflow_is_one_value(dataflow: Dataflow, seed: int) -> None:
    """Nothing but the value is given to the search, and its optimum is that of brute force."""
    rng = np.random.default_rng([7, seed])
    row = (small_layer(rng), *ODD_LAYERS)[seed % 4]
    check_optimum(row, dataflow, small_technology(rng), objective=OBJECTIVES[seed % 3], overlap=OVERLAPS[seed % 2])


@pytest.mark.parametrize("dataflow", [INPUT_STATIONARY, PINNED, CHANNELS], ids=lambda flow: flow.name)
def test_the_mapping_of_a_new_dataflow_obeys_its_rules(dataflow: Dataflow) -> None:
    for row in ((16, 8, 6, 4, 1, 1, 1, 1), (6, 4, 4, 6, 3, 3, 1, 1), (8, 8, 4, 4, 3, 3, 8, 2)):
        one = {"rf_words": 16, "pe_x": 6, "pe_y": 6}
        found = search.best_mapping(np.array(row), dataflow, technology=TIMELOOP_45NM, **one)
        assert found is not None
        assert found.violations(**one, glb_words=TIMELOOP_45NM.glb_words) == []
        optimum = search.search_layer(
            np.array(row), dataflow, technology=TIMELOOP_45NM, **{name: np.array([n]) for name, n in one.items()}
        )
        cost = nest.evaluate(found, **one)
        assert (cost.cycles, pytest.approx(cost.energy_pj, rel=1e-12)) == (
            optimum.cycles.item(),
            optimum.energy_pj.item(),
        )


def test_arrays_of_any_size_take_little_memory() -> None:
    """A billion columns: what the search holds depends on the layer and on how many sizes are asked for."""
    row = np.array([64, 32, 8, 8, 3, 3, 1, 1])
    sizes = {"rf_words": np.array([16]), "pe_x": np.array([64, 10**9]), "pe_y": np.array([8, 10**9])}
    tracemalloc.start()
    found = search_layer(row, "OS", technology=TIMELOOP_45NM, **sizes)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200e6
    assert (np.diff(found.energy_pj * found.cycles, axis=0) <= 0).all()
    largest = AnalyticalCostModel().evaluate_layers(row[None], hardware(10**9, 10**9, 16, "OS"))
    assert largest.latency_s.item() == found.cycles[1, 1, 0] * 1e-9


@pytest.mark.parametrize("overlap", OVERLAPS)
@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_orders_that_are_left_out_count_as_one_that_is_listed(dataflow: str, overlap: str) -> None:
    """Every order of five or six loops at DRAM, over tiles and arrays in which rows may pass inputs on."""
    rng = np.random.default_rng(3)
    listed = np.empty((outer_kernel.MOST_ORDERS, 7), dtype=np.int64)
    glb_order = np.array([DIMS.index(d) for d in get_dataflow(dataflow).glb_order])
    rows = {"WS": "C", "OS": "P", "RS": "R"}[dataflow]
    for _ in range(4):
        factors = rng.choice([1, 2], size=(5, 7), p=[0.6, 0.4])
        factors[2:4] = 1
        factors[3, DIMS.index(rows)] = 2
        factors[0] = rng.permutation([1, 2, 2, 2, 2, 3, rng.choice([1, 3])])
        n = outer_kernel._all_orders.py_func(factors[0], False, permutations(), listed)
        out = np.empty((3, 3, 2))

        def counts(order: np.ndarray, factors: np.ndarray = factors, out: np.ndarray = out) -> tuple[float, ...]:
            nest_kernel.count_words(factors, 1, glb_order, order, True if overlap == "physical" else None, out)
            return tuple(out.ravel())

        every = {counts(np.array([DIMS.index(d) for d in order])) for order in dram_orders(factors)}
        assert {counts(order) for order in listed[:n]} == every
        assert n < math.factorial(int((factors[0] > 1).sum()))


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_outer_parts_come_in_tables_of_limited_size(
    dataflow: str, objective: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search for latency alone would otherwise hold all orders of all tiles at once; in parts it finds the same."""
    row, settings = np.array([16, 8, 8, 12, 3, 3, 1, 1]), {"technology": TIMELOOP_45NM, "objective": objective}
    grid = {"rf_words": RF_WORDS[::5], "pe_x": SIZES[::8], "pe_y": SIZES[::8]}
    whole = search_layer(row, dataflow, **grid, **settings)
    named = best_mapping(row, dataflow, rf_words=16, pe_x=8, pe_y=8, **settings)
    sizes = []
    table = outer_kernel.outer_table

    def outer_table(*arguments: object) -> tuple:
        found = table(*arguments)
        sizes.append(len(found[0]))
        return found

    monkeypatch.setattr(outer_kernel, "outer_table", outer_table)
    monkeypatch.setattr(outer, "_ROOM", 100)
    parts = search_layer(row, dataflow, **grid, **settings)
    assert (parts.energy_pj == whole.energy_pj).all()
    assert (parts.cycles == whole.cycles).all()
    assert max(sizes) < 100 + outer_kernel.MOST_ORDERS
    assert len(sizes) > 10
    again = best_mapping(row, dataflow, rf_words=16, pe_x=8, pe_y=8, **settings)
    assert named is not None
    assert again is not None
    one = {"pe_x": 8, "pe_y": 8, "rf_words": 16}
    assert nest.evaluate(again, **one).energy_pj == nest.evaluate(named, **one).energy_pj
    assert nest.evaluate(again, **one).cycles == nest.evaluate(named, **one).cycles


@pytest.mark.parametrize("point", reference_parameters())
def test_never_worse_than_the_reference(point: ReferencePoint, timeloop_optima: dict) -> None:
    """EDP at most Timeloop's own search's, on every reference point."""
    technology = point.technology(TIMELOOP_45NM)
    key = (point.row, point.mapping.dataflow.name, technology.glb_read_words_per_cycle)
    if key not in timeloop_optima:
        timeloop_optima[key] = search_layer(
            np.array(point.row), point.mapping.dataflow.name, rf_words=RF_WORDS, pe_x=SIZES, pe_y=SIZES,
            technology=technology,
        )  # fmt: skip
    found = timeloop_optima[key]
    where = point.pe_x - 8, point.pe_y - 8, point.rf_words // 4 - 1
    assert found.energy_pj[where] * found.cycles[where] <= point.energy_pj * point.cycles * (1 + 1e-5)


@pytest.fixture(scope="module")
def timeloop_optima() -> dict:
    return {}


# --- the mapping that is named ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("overlap", OVERLAPS)
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_the_named_mapping_has_the_figures_of_the_search(dataflow: str, objective: str, overlap: str) -> None:
    rng = np.random.default_rng(5)
    for row in REAL_LAYERS:
        x, y, rf = (int(n) for n in (rng.choice(SIZES), rng.choice(SIZES), rng.choice(RF_WORDS)))
        settings = {"technology": TIMELOOP_45NM, "objective": objective, "overlap": overlap}
        one = {"rf_words": np.array([rf]), "pe_x": np.array([x]), "pe_y": np.array([y])}
        found = search_layer(np.array(row), dataflow, **one, **settings)
        mapping = best_mapping(np.array(row), dataflow, rf_words=rf, pe_x=x, pe_y=y, **settings)
        assert mapping is not None
        k, c, p, q, r, s, groups, stride = row
        assert mapping.dims == dict(zip("CMGRSPQ", (c // groups, k // groups, groups, r, s, p, q), strict=True))
        assert mapping.stride == stride
        assert mapping.violations(pe_x=x, pe_y=y, rf_words=rf, glb_words=TIMELOOP_45NM.glb_words) == []
        cost = nest.evaluate(mapping, pe_x=x, pe_y=y, rf_words=rf, overlap=overlap)
        assert cost.cycles == found.cycles.item()
        assert cost.energy_pj == pytest.approx(found.energy_pj.item(), rel=1e-12)


def test_a_layer_worked_by_hand() -> None:
    """One multiply-add: each word crosses DRAM once, is written to and read from the buffer once (the output not read).

    pJ: MAC 4.27651; DRAM 3 rows of 512; buffer reads 2 rows of 29.5413 (W, I), writes 3 rows of 24.2473 (W, I, O);
    registers of 4 words: reads W and I 2 x 0.171325 (the first partial sum is not read), writes W, I, O 3 x 0.150368;
    one cycle's leakage of buffer and registers 0.0048 + 0.000351015.
    """
    found = search_layer(
        np.array([1] * 8), "OS", rf_words=np.array([4]), pe_x=np.array([1]), pe_y=np.array([1]),
        technology=TIMELOOP_45NM,
    )  # fmt: skip
    assert found.cycles.item() == 1.0
    by_hand = 4.27651 + 3 * 512 + 2 * 29.5413 + 3 * 24.2473 + 2 * 0.171325 + 3 * 0.150368 + 0.0048 + 0.000351015
    assert found.energy_pj.item() == pytest.approx(by_hand, rel=1e-12)


def test_a_pointwise_layer_fills_the_array() -> None:
    """16 x 16 channels on 64 pixels, 16 x 16 PEs, no port a limit: 16,384 / 256 = 64 cycles, each word once from DRAM.

    WS holds the 256 weights; inputs and outputs pass once. Words at DRAM: 256 + 1,024 + 1,024.
    """
    row = np.array([16, 16, 8, 8, 1, 1, 1, 1])
    mapping = best_mapping(row, "WS", rf_words=4, pe_x=16, pe_y=16, technology=TIMELOOP_45NM, objective="edp")
    assert mapping is not None
    cost = nest.evaluate(mapping, pe_x=16, pe_y=16, rf_words=4)
    assert mapping.pes() == (16, 16)
    assert cost.compute_cycles == 64
    assert cost.words[0].sum() == 256 + 1024 + 1024


# --- properties ------------------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(
    st.sampled_from(DATAFLOWS), st.sampled_from(OBJECTIVES), st.sampled_from([1, 2, 4, 6, 12]),
    st.sampled_from([1, 3, 8]), st.sampled_from([1, 5, 8]), st.sampled_from([1, 3]), st.sampled_from([1, 2]),
    st.booleans(),
)  # fmt: skip
def test_larger_arrays_and_register_files_are_never_worse(
    dataflow: str, objective: str, k: int, c: int, p: int, taps: int, stride: int, depthwise: bool
) -> None:
    """With access energies held fixed; RS holds a whole filter row as soon as it fits, so only sizes alike compare."""
    technology = dataclasses.replace(
        TIMELOOP_45NM, rf_read_pj=(0.5,) * 16, rf_write_pj=(0.4,) * 16, rf_leak_pj_per_cycle=(0.001,) * 16,
        dram_words_per_cycle=6.4,
    )  # fmt: skip
    row = np.array([k, k, p, p, taps, taps, k, stride] if depthwise else [k, c, p, p, taps, taps, 1, stride])
    found = search_layer(
        row, dataflow, rf_words=RF_WORDS, pe_x=np.arange(1, 13), pe_y=np.arange(3, 13), technology=technology,
        objective=objective,
    )  # fmt: skip
    value = {"edp": found.energy_pj * found.cycles, "energy": found.energy_pj, "latency": found.cycles}[objective]
    assert np.isfinite(value).all()
    assert (np.diff(value, axis=0) <= 0).all()
    assert (np.diff(value, axis=1) <= 0).all()
    alike = value[..., 2 * taps + 1 <= RF_WORDS] if dataflow == "RS" else value
    assert (np.diff(alike, axis=2) <= 0).all()


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_multiply_adds_cost_their_energy_exactly(dataflow: str) -> None:
    free = ("glb_read_pj", "glb_write_pj", "glb_leak_pj_per_cycle", "dram_read_pj", "dram_write_pj")
    free_files = ("rf_read_pj", "rf_write_pj", "rf_leak_pj_per_cycle")
    technology = dataclasses.replace(
        TIMELOOP_45NM, mac_pj=3.0, **dict.fromkeys(free, 0.0), **dict.fromkeys(free_files, (0.0,) * 16)
    )
    for k, c, p, q, r, s, groups, stride in REAL_LAYERS:
        found = search_layer(
            np.array([k, c, p, q, r, s, groups, stride]), dataflow, rf_words=RF_WORDS, pe_x=SIZES, pe_y=SIZES,
            technology=technology,
        )  # fmt: skip
        assert (found.energy_pj == 3.0 * k * (c // groups) * p * q * r * s).all()


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_one_accelerator_alone_gets_the_same_bits(dataflow: str) -> None:
    rng = np.random.default_rng(2)
    for row in REAL_LAYERS:
        whole = search_layer(
            np.array(row), dataflow, rf_words=RF_WORDS, pe_x=SIZES, pe_y=SIZES, technology=TIMELOOP_45NM
        )
        for _ in range(3):
            i, j, k = (int(rng.integers(len(each))) for each in (SIZES, SIZES, RF_WORDS))
            alone = search_layer(
                np.array(row), dataflow, rf_words=RF_WORDS[[k]], pe_x=SIZES[[i]], pe_y=SIZES[[j]],
                technology=TIMELOOP_45NM,
            )  # fmt: skip
            assert alone.cycles.item() == whole.cycles[i, j, k]
            assert alone.energy_pj.item() == whole.energy_pj[i, j, k]


def test_objectives_reach_their_goals() -> None:
    found = {
        objective: search_layer(
            np.array(REAL_LAYERS[2]), "OS", rf_words=RF_WORDS, pe_x=SIZES, pe_y=SIZES, technology=TIMELOOP_45NM,
            objective=objective,
        )
        for objective in OBJECTIVES
    }  # fmt: skip
    edp = {name: one.energy_pj * one.cycles for name, one in found.items()}
    for other in OBJECTIVES:
        assert (found["energy"].energy_pj <= found[other].energy_pj).all()
        assert (found["latency"].cycles <= found[other].cycles).all()
        assert (edp["edp"] <= edp[other]).all()


def test_physical_overlap_is_another_rule() -> None:
    row = np.array(REAL_LAYERS[3])
    one = {"rf_words": RF_WORDS, "pe_x": SIZES, "pe_y": SIZES, "technology": TIMELOOP_45NM}
    assert (
        search_layer(row, "OS", **one, overlap="physical").energy_pj != search_layer(row, "OS", **one).energy_pj
    ).any()


# --- padded dimensions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_padding_is_never_worse_and_its_mapping_says_what_is_computed(dataflow: str) -> None:
    """11 x 13 channels are primes: perfect factors use one column, padding 12 or more."""
    row = np.array([13, 11, 6, 7, 1, 1, 1, 1])
    one = {"rf_words": np.array([16]), "pe_x": np.array([8]), "pe_y": np.array([8]), "technology": TIMELOOP_45NM}
    perfect = search_layer(row, dataflow, **one)
    padded = search_layer(row, dataflow, **one, factors="ceil")
    assert padded.energy_pj * padded.cycles < perfect.energy_pj * perfect.cycles
    mapping = best_mapping(row, dataflow, rf_words=16, pe_x=8, pe_y=8, technology=TIMELOOP_45NM, factors="ceil")
    assert mapping is not None
    own = {"C": 11, "M": 13, "G": 1, "R": 1, "S": 1, "P": 6, "Q": 7}
    assert all(mapping.dims[d] >= n for d, n in own.items())
    assert mapping.dims != own
    cost = nest.evaluate(mapping, pe_x=8, pe_y=8, rf_words=16)
    assert cost.cycles == padded.cycles.item()
    assert cost.energy_pj == pytest.approx(padded.energy_pj.item(), rel=1e-12)


def test_padded_rows_by_hand() -> None:
    """WS spreads 5 input channels over up to 3 rows: 5 = 3 + 2 pads to 6 (2 passes); 2 wide pads to 6 (3 passes)."""
    rows = padded_rows(np.array([1, 5, 4, 4, 1, 1, 1, 1]), get_dataflow("WS"), max_x=4, max_y=3)
    assert [row.tolist() for row in rows] == [[1, 6, 4, 4, 1, 1, 1, 1]]


# --- what cannot be mapped, what is no layer -------------------------------------------------------------------------


def test_a_filter_taller_than_the_array_cannot_be_mapped_row_stationary() -> None:
    row = np.array([8, 8, 4, 4, 7, 7, 8, 1])
    found = search_layer(
        row, "RS", rf_words=np.array([16]), pe_x=np.array([8]), pe_y=np.array([5, 7]), technology=TIMELOOP_45NM
    )
    assert np.isinf(found.cycles[0, 0, 0])
    assert np.isfinite(found.cycles[0, 1, 0])
    model = AnalyticalCostModel()
    assert model.why_unmappable(row, hardware(8, 7, 16, "RS")) is None
    reason = model.why_unmappable(row, hardware(8, 5, 16, "RS"))
    assert reason == "RS keeps all 7 filter rows on the rows of the array, which has 5."
    with pytest.raises(ValueError, match="no mapping: RS keeps all 7 filter rows"):
        model.mapping(row, hardware(8, 5, 16, "RS"))


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_a_buffer_too_small_is_the_reason(dataflow: str) -> None:
    model = AnalyticalCostModel(technology=dataclasses.replace(TIMELOOP_45NM, glb_words=2))
    reason = model.why_unmappable(np.array(ROW), hardware(8, 8, 16, dataflow))
    assert reason == f"the smallest tile that {dataflow} allows does not fit the global buffer of 2 words."


def test_a_register_file_too_small_is_the_reason() -> None:
    tiny = dataclasses.replace(
        TIMELOOP_45NM, rf_words=(2, 4), rf_read_pj=(0.1, 0.2), rf_write_pj=(0.1, 0.2), rf_leak_pj_per_cycle=(0.0, 0.0),
        rf_area_um2=(1.0, 2.0),
    )  # fmt: skip
    reason = AnalyticalCostModel(technology=tiny).why_unmappable(np.array(ROW), hardware(8, 8, 2, "WS"))
    assert reason == "the smallest tile of WS holds 3 words in a register file, which has 2."


def test_model_names_mapping_and_breakdown() -> None:
    model = AnalyticalCostModel()
    layer = Layer("block.expand", "pointwise", k=96, c=16, p=32, q=32, r=1, s=1)
    where = hardware(16, 12, 16, "WS")
    cost = model.breakdown(layer, where)
    single = model.evaluate_layers(np.array([[96, 16, 32, 32, 1, 1, 1, 1]]), where)
    assert cost.cycles / model.technology.clock_hz == single.latency_s.item()
    assert cost.energy_pj * 1e-12 == pytest.approx(single.energy_j.item(), rel=1e-12)
    assert model.mapping(layer, where).dims["M"] == 96
    with pytest.raises(ValueError, match="expected one accelerator, got 2"):
        model.mapping(layer, Hardware(*(np.array([8, 8]) for _ in range(3)), np.array([0, 1])))


@pytest.mark.parametrize(
    ("row", "error", "message"),
    [
        (np.array([0, 1, 1, 1, 1, 1, 1, 1]), ValueError, "every number must be at least 1"),
        (np.array([8, 8, 4, -4, 1, 1, 1, 1]), ValueError, "every number must be at least 1"),
        (np.array([8, 9, 4, 4, 1, 1, 8, 1]), ValueError, "groups = 8 must divide K = 8 and C = 9"),
        (np.array([8.0] * 8), TypeError, "expected 8 integers"),
        (np.array([8, 8, 4, 4, 1, 1, 1]), TypeError, "of shape \\(7,\\)"),
        (np.array([10**6, 10**6, 10**4, 10**4, 3, 3, 1, 1]), OverflowError, "not exact in float64"),
        (np.array([2**40, 2**40, 2**40, 2**40, 3, 3, 1, 1]), OverflowError, "Split the layer"),
    ],
)
def test_what_is_no_layer_is_refused(row: np.ndarray, error: type[Exception], message: str) -> None:
    one = {"rf_words": np.array([16]), "pe_x": np.array([8]), "pe_y": np.array([8]), "technology": TIMELOOP_45NM}
    with pytest.raises(error, match=message):
        search_layer(row, "WS", **one)
    if row.shape == (8,):
        with pytest.raises(error, match=message):
            AnalyticalCostModel().evaluate_layers(row[None], hardware(8, 8, 16, "OS"))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"dataflow": "NS"}, TypeError, r"dataflow: expected a Dataflow, got 'NS'; get_dataflow\(name\) gives one"),
        ({"objective": "speed"}, ValueError, "objective: expected one of edp, energy, latency, got 'speed'"),
        ({"factors": "any"}, ValueError, "factors: expected one of perfect, ceil, got 'any'"),
        ({"overlap": "none"}, ValueError, "overlap: expected one of timeloop, physical, got 'none'"),
        ({"rf_words": np.array([16, 8])}, ValueError, "rf_words: expected ascending sizes"),
        ({"pe_x": np.array([0, 8])}, ValueError, "pe_x: expected ascending sizes of at least 1"),
        ({"pe_y": np.array([8.5])}, TypeError, "pe_y: expected integers in one dimension"),
        ({"rf_words": np.array([128])}, ValueError, "knows register files of 4 to 64 words"),
    ],
)
def test_what_is_no_question_is_refused(change: dict, error: type[Exception], message: str) -> None:
    given = {
        "dataflow": get_dataflow("WS"), "rf_words": np.array([16]), "pe_x": np.array([8]), "pe_y": np.array([8]),
        "technology": TIMELOOP_45NM, **change,
    }  # fmt: skip
    with pytest.raises(error, match=message):
        search.search_layer(np.array(ROW), **given)


def test_model_refuses_unknown_modes() -> None:
    for name, known in (("objective", OBJECTIVES), ("factors", FACTORS), ("overlap", OVERLAPS)):
        with pytest.raises(ValueError, match=f"{name}: expected one of {', '.join(known)}, got 'best'"):
            AnalyticalCostModel(**{name: "best"})
    with pytest.raises(TypeError, match=r"technology: expected a Technology, got 'edge-lpddr4'; get_technology"):
        AnalyticalCostModel("edge-lpddr4")


def test_the_fingerprint_covers_the_code_behind_the_figures() -> None:
    """A change of any of these may change a figure; `tests/test_source_digest.py` shows that an edit is a new digest."""
    room = "dance_env.cost"
    expected = {
        *(f"{room}.{name}" for name in ("analytical", "technology", "compiled")),
        *(f"{room}.mapping.{name}" for name in ("dataflow", "loops", "mapping", "input_kernel", "nest_kernel")),
        *(
            f"{room}.search.{name}"
            for name in ("search", "search_data", "outer", "mapspace", "cases_kernel", "pairs_kernel")
        ),
        "numba",
    }
    assert expected <= set(digested_modules("dance_env.cost.analytical"))


def test_a_grouped_convolution_moves_each_word_at_least_once() -> None:
    """4 channels a group, 3 groups: cycles no less than the MACs over the PEs, DRAM no less than every word once."""
    row = np.array([12, 12, 4, 4, 3, 3, 3, 1])
    found = search_layer(
        row, "WS", rf_words=np.array([16]), pe_x=np.array([24]), pe_y=np.array([24]), technology=TIMELOOP_45NM
    )
    macs = 12 * 4 * 16 * 9
    words = 12 * 4 * 9 + 12 * 36 + 12 * 16
    assert found.cycles.item() >= macs / (24 * 24)
    assert found.energy_pj.item() >= macs * TIMELOOP_45NM.mac_pj + words * 128
