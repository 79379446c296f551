"""Mappings as values: read, written, printed, drawn, and held against the rules of their dataflow."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dance_env.cost.audit.columns import mapping_from_columns, mapping_to_columns
from dance_env.cost.mapping.dataflow import Above, Dataflow, Pin, get_dataflow
from dance_env.cost.mapping.loops import DIMS, LEVELS
from dance_env.cost.mapping.mapping import Mapping
from dance_env.drawing.mapping import draw_mapping
from dance_env.space import DATAFLOWS

COLUMNS = {"map_dram": "C2 P2", "map_glb": "Q4", "map_cols": "M8", "map_rows": "P4", "map_rf": "R3 S3"}
OS = mapping_from_columns(COLUMNS, dataflow=get_dataflow("OS"), stride=2)
BIG = {"pe_x": 16, "pe_y": 16, "rf_words": 64, "glb_words": 55_296}


@st.composite
def mappings(draw: st.DrawFn) -> Mapping:
    row = st.tuples(*[st.integers(1, 5)] * 7)
    factors = draw(st.tuples(*[row] * 5))
    order = "".join(draw(st.permutations(DIMS)))
    return Mapping(get_dataflow(draw(st.sampled_from(DATAFLOWS))), factors, order, draw(st.integers(1, 3)))


def test_reads_columns() -> None:
    assert OS.dims == {"C": 2, "M": 8, "G": 1, "R": 3, "S": 3, "P": 8, "Q": 4}
    assert OS.pes() == (8, 4)
    assert OS.at("glb", "Q") == 4
    assert OS.dram_order.startswith("CP")  # in the order of the listing, innermost first
    # One PE holds 3 x 3 weights, the 3 x 3 inputs of one output, and that output.
    assert OS.tile_words("rf") == {"W": 9, "I": 9, "O": 1}
    # The array and its buffer: 8 x 9 weights, (4 - 1) 2 + 3 rows of (4 - 1) 2 + 3 inputs, 8 x 4 x 4 outputs.
    assert OS.tile_words("glb") == {"W": 72, "I": 81, "O": 128}


def test_prints_a_loop_nest() -> None:
    text = OS.loop_nest()
    assert text.splitlines()[0] == "dram for p in 2"
    assert text.splitlines()[1] == "dram   for c in 2"
    assert "cols       parallel m in 8" in text
    assert text.endswith("O[g,m,p,q] += W[g,m,c,r,s] * I[g,c,2*p+r,2*q+s]")
    assert len(text.splitlines()) == 8


@given(mappings())
def test_export_is_exact(m: Mapping) -> None:
    assert Mapping.from_dict(json.loads(json.dumps(m.to_dict()))) == m
    again = mapping_from_columns(mapping_to_columns(m), dataflow=m.dataflow, stride=m.stride)
    assert again.factors == m.factors


def test_legal_mapping_breaks_nothing() -> None:
    good = dataclasses.replace(OS, factors=(*OS.factors[:1], (1,) * 7, *OS.factors[2:]))
    assert good.violations(**BIG) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"pe_x": 7}, "needs 8 columns, the array has 7"),
        ({"pe_y": 3}, "needs 4 rows, the array has 3"),
        ({"rf_words": 18}, "holds 19 words at rf, which has 18"),
        ({"glb_words": 200}, "holds 281 words at glb, which has 200"),
    ],
)
def test_capacity(change: dict, expected: str) -> None:
    assert expected in OS.violations(**(BIG | change))


@pytest.mark.parametrize(
    ("dataflow", "columns", "expected"),
    [
        ("WS", {"map_cols": "Q4"}, "WS does not loop over Q at cols"),
        ("WS", {"map_rf": "P2"}, "WS does not loop over P at rf"),
        ("OS", {"map_rows": "C4"}, "OS does not loop over C at rows"),
        ("OS", {"map_dram": "C2", "map_glb": "Q4"}, "loops over nothing else at the global buffer"),
        ("RS", {"map_glb": "R3"}, "RS keeps all of R on the rows"),
        ("RS", {"map_rows": "R3", "map_glb": "S3"}, "RS loops over 3 of S in a register file of 64 words"),
        ("RS", {"map_dram": "S3", "map_rows": "R3"}, "RS does not loop over R or S at DRAM"),
    ],
)
def test_rules_of_dataflows(dataflow: str, columns: dict, expected: str) -> None:
    empty = {f"map_{level}": "" for level in LEVELS}
    broken = mapping_from_columns(empty | columns, dataflow=get_dataflow(dataflow), stride=1).violations(**BIG)
    assert any(expected in text for text in broken)


def test_order_at_dram_matters_to_os() -> None:
    empty = {f"map_{level}": "" for level in LEVELS}
    m = mapping_from_columns(empty | {"map_dram": "C2 P2"}, dataflow=get_dataflow("OS"), stride=1)
    assert dataclasses.replace(m, dram_order="CPMGRSQ").violations(**BIG) == []
    assert dataclasses.replace(m, dram_order="PCMGRSQ").violations(**BIG) == [
        "OS with C, R or S at DRAM runs them innermost"
    ]


def test_draws(tmp_path: Path) -> None:
    good = dataclasses.replace(OS, factors=((1,) * 7, *OS.factors[1:]))
    figure = draw_mapping(good, pe_x=16, pe_y=16, rf_words=64)
    assert "32 of 256 PEs work" in [text.get_text() for text in figure.axes[0].texts]
    figure.savefig(tmp_path / "mapping.png")
    assert (tmp_path / "mapping.png").stat().st_size > 1000
    with pytest.raises(ValueError, match="needs 8 columns, the array has 4"):
        draw_mapping(good, pe_x=4, pe_y=16, rf_words=64)


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"dataflow": "WS"}, TypeError, r"dataflow: expected a Dataflow, got 'WS'; get_dataflow\(name\)"),
        ({"factors": ((1,) * 7,) * 4}, TypeError, "factors: expected 5 x 7 integers"),
        ({"factors": ((1.0,) * 7,) * 5}, TypeError, "factors: expected 5 x 7 integers"),
        ({"factors": ((0,) * 7,) * 5}, ValueError, "trip counts of at least 1, got 0"),
        ({"dram_order": "CMG"}, ValueError, "dram_order: expected each of CMGRSPQ once"),
        ({"stride": 0}, ValueError, "stride: expected an integer of at least 1"),
        ({"stride": 1.5}, ValueError, "stride: expected an integer of at least 1"),
    ],
)
def test_refuses(fields: dict, error: type[Exception], message: str) -> None:
    good = {"dataflow": get_dataflow("WS"), "factors": ((1,) * 7,) * 5}
    with pytest.raises(error, match=message):
        Mapping(**(good | fields))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"map_dram": None}, "column map_dram is missing"),
        ({"map_rf": "C3 banana"}, "expected loops such as 'C3 P2' in map_rf, got 'banana'"),
        ({"map_rf": "C0"}, "expected loops such as"),
        ({"map_rf": "Z3"}, "expected loops such as"),
        ({"map_rf": "C3 C2"}, "C stands twice in map_rf"),
        ({"map_dram": "N2"}, "batches are not modeled"),
    ],
)
def test_refuses_columns(columns: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mapping_from_columns(COLUMNS | columns, dataflow=get_dataflow("OS"), stride=1)


@pytest.mark.parametrize("data", [{}, {"dataflow": "WS"}, {"factors": 3}, {"factors": {level: [] for level in LEVELS}}])
def test_refuses_dicts(data: dict) -> None:
    with pytest.raises(ValueError, match=r"expected the keys that Mapping\.to_dict writes"):
        Mapping.from_dict(data)


def test_refuses_unknown_dims_in_dicts() -> None:
    data = OS.to_dict()
    data["factors"]["rf"] = {"Z": 2}
    with pytest.raises(ValueError, match="unknown dimension 'Z'"):
        Mapping.from_dict(data)


def test_refuses_unknown_dataflows_in_dicts() -> None:
    with pytest.raises(ValueError, match="dataflow: expected one of WS, OS, RS, got 'XS'"):
        Mapping.from_dict(OS.to_dict() | {"dataflow": "XS"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": "CX"}, "loops must be out of CMGRSPQ"),
        ({"above": (Above(dram="N"),)}, "loops must be out of CMGRSPQ"),
        ({"above": ()}, "at least one rule for the loops above the array"),
        ({"glb_order": "QPSRCM"}, "glb_order must have each of CMGRSPQ once"),
        ({"columns": "RPG"}, "R and P cannot both be spread over the columns"),
        ({"rows": "Q"}, "S and Q cannot be spread over the rows"),
        ({"pins": (Pin("C", "rows"),)}, "C is pinned to rows, so that must be its only place"),
    ],
)
def test_a_dataflow_that_cannot_be_is_refused(change: dict, message: str) -> None:
    """WS holds C on the rows and in the register file."""
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(get_dataflow("WS"), **change)


def test_a_dataflow_says_why_an_array_is_too_small() -> None:
    flow = Dataflow(
        name="CC", title="", why="", stationary="W", columns="CM", rows="PG", registers="S", glb_order="QPSRCMG",
        pins=(Pin("C", "cols"), Pin("S", "rf", words_per_trip=3)),
    )  # fmt: skip
    sizes = dict.fromkeys(DIMS, 2) | {"C": 5, "S": 3}
    array = {"pe_x": 5, "pe_y": 1, "rf_words": 9}
    assert flow.why_unmappable(sizes, 1, **array) is None
    assert flow.why_unmappable(sizes, 1, **array | {"pe_x": 4}) == (
        "CC keeps all 5 input channels on the columns of the array, which has 4."
    )
    # A whole row of 3 takes 3 weights, 3 inputs and a sum; with fewer than 9 words it is not asked for.
    assert flow.why_unmappable(sizes, 1, **array | {"rf_words": 3}) is None
    assert flow.why_unmappable(sizes, 1, **array | {"rf_words": 2}) == (
        "the smallest tile of CC holds 3 words in a register file, which has 2."
    )
