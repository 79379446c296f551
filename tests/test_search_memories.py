"""One pass of the mapping search over several memories: one search for each, brute force, and bounds that hold."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from brute_force import brute_force, goal
from hypothesis import given, settings
from hypothesis import strategies as st

from dance_env.cost import EDGE_LPDDR4, TIMELOOP_45NM, Technology
from dance_env.cost.mapping.dataflow import get_dataflow
from dance_env.cost.mapping.nest import OVERLAPS
from dance_env.cost.search import search
from dance_env.cost.search.search import FACTORS, search_layer, search_memories
from dance_env.cost.search.search_data import OBJECTIVES, Best
from dance_env.space import DATAFLOWS

ARRAYS = {"rf_words": np.array([4, 8, 16, 32]), "pe_x": np.array([1, 2, 4, 9]), "pe_y": np.array([1, 3, 7, 8])}
RATES = (0.3, 1.0, 3.2, 6.4, 12.8, math.inf)


def memory(words: int, read_pj: float, write_pj: float, leak_pj: float, rate: float) -> Technology:
    """A memory with figures of its own: nothing need grow with the capacity."""
    return dataclasses.replace(
        TIMELOOP_45NM, glb_words=words, glb_read_pj=read_pj, glb_write_pj=write_pj, glb_leak_pj_per_cycle=leak_pj,
        glb_area_um2=100.0 * words, dram_words_per_cycle=rate,
    )  # fmt: skip


memories = st.builds(
    memory, st.sampled_from([4, 20, 40, 100, 1_000, 55_296]), st.sampled_from([0.0, 1.1, 4.3, 17.1]),
    st.sampled_from([0.0, 1.3, 3.9, 12.9]), st.sampled_from([0.0, 0.0026, 1.5]), st.sampled_from(RATES),
)  # fmt: skip
layers = st.builds(
    lambda k, c, p, q, r, s, stride, kind: {
        "dense": (k, c, p, q, r, s, 1, stride),
        "depthwise": (k, k, p, q, r, s, k, stride),
        "grouped": (2 * k, 2 * c, p, q, r, s, 2, stride),
        "pointwise": (k, c, p, q, 1, 1, 1, 1),
    }[kind],
    *(st.integers(1, 13) for _ in range(4)), *(st.integers(1, 5) for _ in range(2)), st.integers(1, 3),
    st.sampled_from(["dense", "depthwise", "grouped", "pointwise"]),
)  # fmt: skip


@settings(max_examples=40)
@given(
    layers, st.lists(memories, min_size=1, max_size=6), st.sampled_from(DATAFLOWS), st.sampled_from(OBJECTIVES),
    st.sampled_from(OVERLAPS),
)  # fmt: skip
def test_every_memory_gets_the_bits_of_a_search_of_its_own(
    row: tuple[int, ...], technologies: list[Technology], dataflow: str, objective: str, overlap: str
) -> None:
    asked: dict[str, Any] = {**ARRAYS, "objective": objective, "overlap": overlap}
    flow = get_dataflow(dataflow)
    together = search_memories(np.array(row), flow, technologies=technologies, **asked)
    assert len(together) == len(technologies)
    for technology, found in zip(technologies, together, strict=True):
        alone = search_layer(np.array(row), flow, technology=technology, **asked)
        np.testing.assert_array_equal(found.energy_pj, alone.energy_pj)
        np.testing.assert_array_equal(found.cycles, alone.cycles)


@pytest.mark.parametrize("factors", FACTORS)
def test_more_memories_than_a_pass_holds(factors: str) -> None:
    """Every memory in the order in which it was asked for, each capacity and rate twice."""
    technologies = [
        EDGE_LPDDR4.with_memory(glb_words=512 * kib, dram_words_per_cycle=rate)
        for rate in (12.8, 0.5, 3.2)
        for kib in (512, 8, 108, 32, 8, 512)
    ]
    assert len(technologies) > search.MOST_MEMORIES
    row, flow = np.array([10, 6, 14, 14, 3, 3, 1, 1]), get_dataflow("RS")
    together = search_memories(row, flow, technologies=technologies, factors=factors, **ARRAYS)
    for technology, found in zip(technologies, together, strict=True):
        alone = search_layer(row, flow, technology=technology, factors=factors, **ARRAYS)
        np.testing.assert_array_equal(found.energy_pj, alone.energy_pj)
        np.testing.assert_array_equal(found.cycles, alone.cycles)


@pytest.mark.parametrize("overlap", OVERLAPS)
@pytest.mark.parametrize("dataflow", DATAFLOWS)
@pytest.mark.parametrize("row", [(3, 3, 2, 3, 3, 2, 3, 2), (2, 3, 3, 2, 2, 2, 1, 1), (6, 4, 3, 2, 1, 1, 1, 1)])
def test_every_memory_gets_the_optimum_of_brute_force(row: tuple[int, ...], dataflow: str, overlap: str) -> None:
    """Buffers so small that each holds other tiles; the larger are dearer, so that the smaller are not just worse."""
    arrays: dict[str, Any] = {"pe_x": [1, 4], "pe_y": [1, 3], "rf_words": [4, 16]}
    technologies = [
        memory(20, 1.1, 1.3, 0.0, 1.0),
        memory(40, 4.3, 3.9, 0.0026, 6.4),
        memory(100, 17.1, 12.9, 1.5, 2.0),
    ]
    objective = OBJECTIVES[DATAFLOWS.index(dataflow)]
    flow = get_dataflow(dataflow)
    together = search_memories(
        np.array(row), flow, technologies=technologies, objective=objective, overlap=overlap,
        **{name: np.array(sizes) for name, sizes in arrays.items()},
    )  # fmt: skip
    for technology, found in zip(technologies, together, strict=True):
        expected, _ = brute_force(row, flow, technology=technology, objective=objective, overlap=overlap, **arrays)
        for i, x in enumerate(arrays["pe_x"]):
            for j, y in enumerate(arrays["pe_y"]):
                for k, rf in enumerate(arrays["rf_words"]):
                    got = float(found.energy_pj[i, j, k]), float(found.cycles[i, j, k])
                    best = goal(objective, *expected.get((x, y, rf), (math.inf, math.inf)))
                    assert goal(objective, *got) == pytest.approx(best, rel=1e-12), (technology.glb_words, (x, y, rf))


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("dataflow", DATAFLOWS)
@pytest.mark.parametrize("row", [(64, 64, 56, 56, 5, 5, 64, 2), (24, 16, 14, 14, 3, 3, 1, 1)])
def test_no_bound_excludes_the_optimum(
    row: tuple[int, ...], dataflow: str, objective: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search that is told of a cost 1e-9 above the optimum still finds the optimum: no bound is above it.

    On the first layer a bound's rounding once counted a row of the buffer too many: 5e-8 of the optimum.
    """
    asked: dict[str, Any] = {
        "technology": EDGE_LPDDR4.with_memory(dram_words_per_cycle=3.2), "objective": objective,
        "rf_words": np.arange(4, 65, 4), "pe_x": np.array([8, 13, 24]), "pe_y": np.array([8, 13, 24]),
    }  # fmt: skip
    first = search_layer(np.array(row), get_dataflow(dataflow), **asked)
    value = {"edp": first.energy_pj * first.cycles, "energy": first.energy_pj, "latency": first.cycles}[objective]

    def told(nothing: np.ndarray, *others: np.ndarray) -> Best:
        return Best((value * (1 + 1e-9)).reshape(nothing.shape), *others)

    monkeypatch.setattr(search, "Best", told)
    again = search_layer(np.array(row), get_dataflow(dataflow), **asked)
    np.testing.assert_array_equal(again.energy_pj, first.energy_pj)
    np.testing.assert_array_equal(again.cycles, first.cycles)


def test_technologies_that_differ_in_more_than_their_memory_are_refused() -> None:
    other = dataclasses.replace(EDGE_LPDDR4, mac_pj=1.0)
    with pytest.raises(ValueError, match=r"technologies: expected them to differ in glb_words, .*glb_area_um2 only"):
        search_memories(np.array([4] * 6 + [1, 1]), get_dataflow("WS"), technologies=[EDGE_LPDDR4, other], **ARRAYS)
