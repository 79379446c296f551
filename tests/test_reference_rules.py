"""Mappings that our search finds on the reference's points obey the reference's rules, checked by independent code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from reference_rules import broken_rules

from dance_env.cost import TIMELOOP_45NM
from dance_env.cost.audit.columns import mapping_to_columns
from dance_env.cost.audit.reference import ReferencePoint, read_points
from dance_env.cost.mapping import nest
from dance_env.cost.mapping.mapping import Mapping
from dance_env.cost.search.search import best_mapping
from dance_env.space import DATAFLOWS

# A legal mapping of each dataflow: 8 channels to 8, 3 x 3, 4 x 4 outputs.
LAYER = {"C": 8, "M": 8, "G": 1, "R": 3, "S": 3, "P": 4, "Q": 4}
LEGAL = {
    "WS": {"dram": "P4", "glb": "R3 S3 Q4", "cols": "M8", "rows": "C8", "rf": ""},
    "OS": {"dram": "M8", "glb": "C8 R3 S3", "cols": "Q4", "rows": "P4", "rf": ""},
    "RS": {"dram": "C8 P4", "glb": "Q4", "cols": "M8", "rows": "R3", "rf": "S3"},
}


def check(dataflow: str, *, order: str = "", **changes: str) -> list[str]:
    one = {"layer": LAYER, "stride": 1, "dataflow": dataflow, "pe_x": 8, "pe_y": 8, "rf_words": 16}
    return broken_rules(LEGAL[dataflow] | changes, order, **one)


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_the_checker_sees_what_is_broken(dataflow: str) -> None:
    assert check(dataflow) == []
    assert "factors are perfect" in check(dataflow, dram="P3")
    assert "columns may hold" in check(dataflow, cols="C8")
    assert "rows may hold" in check(dataflow, rows="Q4" if dataflow != "OS" else "C8")
    assert "mesh X" in check(dataflow, cols="M16")
    assert "mesh Y" in check(dataflow, rows="M16")
    assert "capacity, shared by the three tensors: 16" in check(dataflow, rf="C8")
    assert "capacity, shared by the three tensors: 55296" in check(dataflow, glb="P200 Q200")
    if dataflow == "OS":
        assert check("OS", order="CM", dram="C8 M8", glb="R3 S3") == []
        assert check("OS", order="MC", dram="C8 M8", glb="R3 S3") == ["DRAM: variant A or B"]
        assert check("OS", order="C", dram="C8", glb="R3 S3 M8") == ["DRAM: variant A or B"]
    else:
        assert "RF loops over" in check(dataflow, rf="Q2")
    if dataflow == "RS":
        assert "R always whole on the rows" in check("RS", rows="", glb="Q4 R3")
        assert "S whole in the RF if 2 S + 1 <= RF, else S = 1" in check("RS", glb="Q4 S3", rf="")
        assert "R = S = 1 at DRAM" in check("RS", dram="S3", rf="")


def broken_by(mapping: Mapping, point: ReferencePoint) -> list[str]:
    """The rules that a mapping of a point's layer breaks on its accelerator."""
    return broken_rules(
        {name.removeprefix("map_"): text for name, text in mapping_to_columns(mapping).items()}, mapping.dram_order,
        layer=point.mapping.dims, stride=point.mapping.stride, dataflow=point.mapping.dataflow.name, pe_x=point.pe_x,
        pe_y=point.pe_y, rf_words=point.rf_words,
    )  # fmt: skip


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_our_mappings_obey_the_rules_of_the_reference(dataflow: str, shared_dir: Path) -> None:
    """Its own mappings do (OS apart, of which the file lists the loops at DRAM in another order), and ours do."""
    for point in read_points(shared_dir / "reference" / "timeloop" / "points.csv"):
        if point.mapping.dataflow.name != dataflow:
            continue
        assert [rule for rule in broken_by(point.mapping, point) if rule != "DRAM: variant A or B"] == []
        accelerator = {"pe_x": point.pe_x, "pe_y": point.pe_y, "rf_words": point.rf_words}
        technology = point.technology(TIMELOOP_45NM)
        ours = best_mapping(np.array(point.row), point.mapping.dataflow, technology=technology, **accelerator)
        assert ours is not None
        assert ours.glb_order == point.mapping.glb_order
        assert broken_by(ours, point) == []
        cost = nest.evaluate(ours, technology=technology, **accelerator)
        assert cost.edp_pj_cycles <= point.energy_pj * point.cycles * (1 + 1e-5)
