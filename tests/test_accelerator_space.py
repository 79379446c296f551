"""The accelerator space: 13,872 accelerators, counted in one order everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dance_env.space import DATAFLOWS, AcceleratorSpace, DesignSpace, Hardware, dance_accelerators


def small() -> AcceleratorSpace:
    return AcceleratorSpace(pe_x=(8, 16), pe_y=(4,), rf_words=(4, 64), dataflow=("RS", "WS"))


def test_dance_has_13872_accelerators() -> None:
    space = dance_accelerators()
    assert space.size == 17 * 17 * 16 * 3 == 13_872
    assert len(space.hardware()) == 13_872
    assert (space.pe_x[0], space.pe_x[-1], space.pe_y, space.rf_words[0], space.rf_words[-1]) == (
        8,
        24,
        space.pe_x,
        4,
        64,
    )
    assert space.dataflow == DATAFLOWS == ("WS", "OS", "RS")


def test_hardware_is_listed_with_pe_x_slowest_and_dataflow_fastest() -> None:
    hardware = small().hardware()
    assert hardware.pe_x.tolist() == [8, 8, 8, 8, 16, 16, 16, 16]
    assert hardware.pe_y.tolist() == [4] * 8
    assert hardware.rf_words.tolist() == [4, 4, 64, 64, 4, 4, 64, 64]
    assert [DATAFLOWS[flow] for flow in hardware.dataflow] == ["RS", "WS"] * 4


@given(st.integers(0, 13_871))
def test_index_options_and_hardware_agree(index: int) -> None:
    space = dance_accelerators()
    options = space.unindex([index])
    assert space.index(options).tolist() == [index]
    named = DesignSpace(space.choices()).decode(options)[0]
    hardware = space.hardware()
    found = {
        "pe_x": hardware.pe_x[index],
        "pe_y": hardware.pe_y[index],
        "rf_words": hardware.rf_words[index],
        "dataflow": DATAFLOWS[hardware.dataflow[index]],
    }
    assert named == found


def test_sizes_are_ordinal_and_the_dataflow_is_nominal() -> None:
    choices = dance_accelerators().choices()
    assert [(each.name, each.kind) for each in choices] == [
        ("pe_x", "ordinal"),
        ("pe_y", "ordinal"),
        ("rf_words", "ordinal"),
        ("dataflow", "nominal"),
    ]
    assert {each.group for each in choices} == {"hardware"}


def test_take_picks_accelerators() -> None:
    picked = small().hardware().take([7, 0])
    assert (picked.pe_x.tolist(), picked.rf_words.tolist(), picked.dataflow.tolist()) == ([16, 8], [64, 4], [0, 2])


def test_hardware_cannot_be_written_and_does_not_alias_what_it_was_given() -> None:
    columns = np.array([8, 16])
    hardware = Hardware(columns, np.array([8, 8]), np.array([4, 4]), np.array([0, 1]))
    columns[0] = 99
    assert hardware.pe_x.tolist() == [8, 16]
    with pytest.raises(ValueError, match="read-only"):
        hardware.pe_x[0] = 1


@pytest.mark.parametrize(
    ("arrays", "error", "message"),
    [
        (([8], [8, 8], [4], [0]), ValueError, r"pe_y must have shape \(1,\), as pe_x has, got \(2,\)"),
        ((8, 8, 4, 0), ValueError, r"pe_x must have shape \(H,\)"),
        (([8], [8.0], [4], [0]), TypeError, "pe_y must be whole numbers, got dtype float64"),
        (([8], [0], [4], [0]), ValueError, "pe_y must be at least 1, got 0"),
        (([8], [8], [-4], [0]), ValueError, "rf_words must be at least 1, got -4"),
        (([8], [8], [4], [3]), ValueError, r"dataflow must be in 0..2 \(WS, OS, RS\), got 3"),
    ],
)
def test_hardware_that_cannot_be_built(arrays: tuple, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Hardware(*(np.array(each) for each in arrays))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"pe_x": ()}, ValueError, "pe_x must be ascending"),
        ({"pe_x": (8, 8)}, ValueError, "pe_x must be ascending"),
        ({"pe_y": (0, 1)}, ValueError, "pe_y must be ascending sizes of at least 1"),
        ({"rf_words": (4, 8.0)}, TypeError, "rf_words must be whole numbers"),
        ({"dataflow": ("WS", "WSS")}, ValueError, "no dataflow 'WSS'. Did you mean 'WS'"),
        ({"dataflow": ("WS", "WS")}, ValueError, "different names"),
        ({"dataflow": ()}, ValueError, "one or more"),
    ],
)
def test_accelerator_spaces_that_make_no_sense(change: dict, error: type[Exception], message: str) -> None:
    settings = {"pe_x": (8,), "pe_y": (8,), "rf_words": (4,), "dataflow": ("WS",)} | change
    with pytest.raises(error, match=message):
        AcceleratorSpace(**settings)


def test_indices_out_of_range() -> None:
    with pytest.raises(ValueError, match=r"0..13871, got 13872"):
        dance_accelerators().unindex([13_872])
    with pytest.raises(ValueError, match=r"column 3 \('dataflow'\): option index must be in 0..2, got 3"):
        dance_accelerators().index([[0, 0, 0, 3]])
