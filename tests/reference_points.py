"""The reference points beside the repository, as parameters of tests; where absent, one that says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from dance_env.cost.audit.reference import ReferencePoint, read_points

POINTS_CSV = Path(__file__).resolve().parents[1].parent / "shared" / "reference" / "timeloop" / "points.csv"


def reference_parameters() -> list:
    if not POINTS_CSV.is_file():
        reason = "needs the reference points in the folder shared/ beside the repository, which is not here"
        return [pytest.param(None, marks=pytest.mark.skip(reason=reason), id="absent")]
    return [pytest.param(point, id=_name(i, point)) for i, point in enumerate(read_points(POINTS_CSV))]


def _name(i: int, point: ReferencePoint) -> str:
    return f"{i}-{point.layer}-{point.mapping.dataflow}-{point.pe_x}x{point.pe_y}-{point.rf_words}"
