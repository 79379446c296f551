"""The audit: passes on points that are right, finds each thing that is wrong, refuses files that are no points."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dance_env.cost.audit.audit import audit
from dance_env.cost.audit.columns import mapping_to_columns
from dance_env.cost.audit.command import main
from dance_env.cost.audit.ranks import spearman
from dance_env.cost.audit.reference import COLUMNS, read_points
from dance_env.cost.mapping import nest
from dance_env.cost.mapping.dataflow import get_dataflow
from dance_env.cost.mapping.mapping import Mapping
from dance_env.graph import layer_row, matrix_product

GOLDEN = json.loads((Path(__file__).parent / "golden" / "nest.json").read_text())
PE_X, PE_Y, RF_WORDS = 16, 16, 24
Rows = list[dict[str, str]]


def point(layer: str, m: Mapping) -> dict[str, str]:
    cost = nest.evaluate(m, pe_x=PE_X, pe_y=PE_Y, rf_words=RF_WORDS)
    values = {
        **{"layer": layer, "N": 1, **m.dims, "stride": m.stride, "pex": PE_X, "pey": PE_Y, "rf": RF_WORDS},
        **{"dataflow": m.dataflow.name, "cycles": cost.cycles, "e_total_pJ": cost.energy_pj, "glb_bw": 16},
        **{"area_um2": cost.area_mm2 * 1e6, **cost.columns(), **mapping_to_columns(m)},
    }
    return {name: str(value) for name, value in values.items()}


@pytest.fixture
def rows() -> Rows:
    return [point(row["layer"], Mapping.from_dict(row["mapping"])) for row in GOLDEN[::6]]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Rows], Path]:
    def to_file(rows: Rows) -> Path:
        path = tmp_path / "points.csv"
        with open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return path

    return to_file


def test_reference_passes(shared_dir: Path) -> None:
    report = audit(shared_dir / "reference" / "timeloop" / "points.csv")
    assert report.ok, "\n".join(report.deviations)
    assert report.counts_equal == report.points == 420
    assert np.abs(report.energy_error).max() < 1e-3
    assert report.edp_gain.min() > 1 - 1e-3
    assert report.deviations == ()
    assert report.left_out == 0
    assert len(report.spearman_given) == len(report.spearman_own) == 10
    assert min(report.spearman_given.values()) > 1 - 1e-12
    assert "i_dw5s1: given mapping 1.0000, own search 0.96" in report.summary()


def test_ranks_differ_only_where_the_search_of_the_reference_stopped_short(shared_dir: Path) -> None:
    """Where both searches find the same optimum (to the digits that are printed), accelerators rank alike.

    The others are better mappings (`test_reference_rules`: legal ones), not other prices: with the reference's mapping
    all points rank alike. A few thousandths of a per cent suffice to tell apart what is equal in truth, such as
    arrays of which the best mapping uses the same part.
    """
    path = shared_dir / "reference" / "timeloop" / "points.csv"
    points, report = read_points(path), audit(path)
    theirs = np.array([point.energy_pj * point.cycles for point in points])
    for layer in report.spearman_own:
        same = np.array([point.layer == layer for point in points]) & (report.edp_gain <= 1 + 1e-5)
        ours = theirs[same] / report.edp_gain[same]
        rho = spearman(ours, theirs[same])
        assert rho is not None
        assert rho > 0.999


def test_own_points_pass(rows: Rows, write: Callable[[Rows], Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--points", str(write(rows))]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "points: 8"
    assert "counts and cycles equal on 8 of 8" in out[1]
    assert "EDP worse on 0 of 8" in out[2]
    assert out[-1] == "audit: passed"


@pytest.mark.parametrize(
    ("column", "factor", "message"),
    [
        ("dram_I_rd", 2.0, "dram_I_rd"),
        ("glb_O_wr", 1.5, "glb_O_wr"),
        ("rf_I_wr", 2.0, "rf_I_wr"),
        ("rf_cycles", 2.0, "rf_cycles"),
        ("area_um2", 1.01, "area"),
        ("e_total_pJ", 2.0, "energy"),
        ("e_total_pJ", 1e-3, "own search: EDP"),
        ("cycles", 1e-3, "own search: EDP"),
    ],
)
def test_finds_what_is_wrong(
    rows: Rows,
    write: Callable[[Rows], Path],
    capsys: pytest.CaptureFixture[str],
    column: str,
    factor: float,
    message: str,
) -> None:
    rows[2][column] = str(float(rows[2][column]) * factor)
    path = write(rows)
    assert main(["--points", str(path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert any(f"{path}, line 4 (" in line and message in line for line in lines)
    assert lines[-1] == "audit: FAILED"


def test_register_file_counts_may_deviate_where_windows_overlap(rows: Rows, write: Callable[[Rows], Path]) -> None:
    """Layer 0 is a 3 x 3 convolution; layer 4 is pointwise, where windows do not overlap."""
    assert (rows[0]["layer"], rows[4]["layer"]) == ("conv3", "pointwise")
    for row, ok in ((0, True), (4, False)):
        before = rows[row]["rf_I_wr"]
        rows[row]["rf_I_wr"] = str(round(float(before) * 1.03) + 1)
        report = audit(write(rows))
        rows[row]["rf_I_wr"] = before
        assert report.ok is ok
        assert report.counts_equal == len(rows) - 1
        assert len(report.deviations) == 1
        assert ("within tolerance" in report.deviations[0]) is ok


def test_finds_illegal_mappings(rows: Rows, write: Callable[[Rows], Path]) -> None:
    rows[0]["pex"] = "1"
    report = audit(write(rows))
    assert not report.ok
    assert any("given mapping is not legal here: needs" in line for line in report.deviations)


def test_recovers_the_order_at_dram(write: Callable[[Rows], Path]) -> None:
    """The file lists the loops in one order, whatever order they run in."""
    factors = np.ones((5, 7), dtype=np.int64)
    factors[0, [0, 1, 5]] = 2, 3, 4  # C, M, P at DRAM
    orders = ("CMPGRSQ", "PMCGRSQ", "MPCGRSQ")
    made = [point("small", Mapping(get_dataflow("WS"), tuple(map(tuple, factors.tolist())), order)) for order in orders]
    assert len({row["dram_O_wr"] + row["dram_W_rd"] + row["dram_I_rd"] for row in made}) == 3
    assert {row["map_dram"] for row in made} == {"C2 M3 P4"}
    assert audit(write(made)).counts_equal == 3


def test_bandwidth_column_is_optional(rows: Rows, write: Callable[[Rows], Path]) -> None:
    for row in rows:
        del row["glb_bw"]
    assert audit(write(rows)).ok


@pytest.mark.parametrize("missing", ["cycles", "map_rf", "glb_I_rd", "dataflow"])
def test_names_missing_columns(rows: Rows, write: Callable[[Rows], Path], missing: str) -> None:
    for row in rows:
        del row[missing]
    with pytest.raises(ValueError, match=f"missing: {missing}"):
        audit(write(rows))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("cycles", "soon", r"line 3: expected a number in column cycles, got 'soon'"),
        ("cycles", "-1", r"line 3: expected a non-negative number in column cycles"),
        ("cycles", "0", r"line 3: expected a positive number in column cycles"),
        ("glb_bw", "0", r"line 3: expected a positive number in column glb_bw"),
        ("e_total_pJ", "inf", r"line 3: expected a non-negative number in column e_total_pJ"),
        ("dram_W_rd", "-4", r"line 3: expected a non-negative number in column dram_W_rd"),
        ("C", "0", r"line 3: expected a whole number of at least 1 in column C"),
        ("C", "2.5", r"line 3: expected a whole number of at least 1 in column C"),
        ("C", "977", r"line 3: the map columns multiply to"),
        ("N", "2", r"line 3: batches are not modeled, N = 2"),
        ("dataflow", "XS", r"line 3: dataflow: expected one of WS, OS, RS, got 'XS'"),
        ("map_rf", "C3 ?", r"line 3: mapping: expected loops such as 'C3 P2' in map_rf, got '\?'"),
        ("rf", "72", r"line 3: technology 'timeloop-45nm' knows register files of 4 to 64 words, got 72"),
        ("map_rows", "S3", r"line 3: "),
    ],
)
def test_leaves_out_garbled_lines_and_fails(
    rows: Rows, write: Callable[[Rows], Path], column: str, value: str, message: str
) -> None:
    rows[1][column] = value
    report = audit(write(rows))
    assert not report.ok
    assert (report.points, report.left_out, report.counts_equal) == (7, 1, 7)
    assert re.search(message, report.deviations[0])


def test_refuses_a_file_of_which_no_line_can_be_used(rows: Rows, write: Callable[[Rows], Path]) -> None:
    for column, value, message in (("N", "2", "line 2: batches"), ("rf", "72", "line 2: technology 'timeloop-45nm'")):
        with pytest.raises(ValueError, match=message):
            audit(write([{**row, column: value} for row in rows]))


@pytest.mark.parametrize("cycles", ["", "inf", "nan"])
def test_a_point_without_a_reference_mapping_is_no_failure(
    rows: Rows, write: Callable[[Rows], Path], capsys: pytest.CaptureFixture[str], cycles: str
) -> None:
    for name in rows[1]:
        if name in ("cycles", "e_total_pJ") or name.startswith(("map_", "rf_", "glb_", "dram_")):
            rows[1][name] = ""
    rows[1]["cycles"] = cycles
    assert main(["--points", str(write(rows))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(f"line 3: the reference has no mapping here, its cycles are {cycles!r}.")
    assert lines[1] == "points: 7, lines left out: 1"


def test_columns_in_any_order_and_others_besides(rows: Rows, write: Callable[[Rows], Path]) -> None:
    other = [{"note": "x, y", **dict(sorted(row.items(), reverse=True)), "seed": "1"} for row in rows]
    report = audit(write(other))
    assert report.ok
    assert report.counts_equal == report.points == len(rows)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "missing: layer"),
        (b"\x00\xff\xfe\x89PNG", "missing: layer"),
        (b"a" * 200_000, "expected a CSV file, field larger than field limit"),
        (",".join(COLUMNS).encode(), "expected at least one point"),
        (",".join(COLUMNS).encode() + b"\nconv3,1", "line 2: expected a number in column M"),
    ],
)
def test_refuses_files_that_are_no_points(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "points.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_points(path)


def test_missing_file_and_unknown_technology(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        main(["--points", str(tmp_path / "none.csv")])
    with pytest.raises(ValueError, match="unknown technology '7nm'"):
        main(["--points", "points.csv", "--technology", "7nm"])


# ------------------------------------------------------------------------------------------------------ matrix products
GEMM_POINTS = Path(__file__).parent / "golden" / "gemm_timeloop.csv"


def test_timeloops_matrix_products_are_reproduced_and_searched_as_well() -> None:
    """Five products (projection, decode, attention, 197 and 196 tokens) by three dataflows on 24 x 8, 32 words."""
    report = audit(GEMM_POINTS)
    assert report.ok, "\n".join(report.deviations)
    assert report.counts_equal == report.points == 15
    assert report.edp_gain.min() > 1 - 1e-6
    assert report.edp_gain.max() < 1.16


BUFFER_POINTS = Path(__file__).parent / "golden" / "buffers_timeloop.csv"


def test_timeloops_points_of_other_global_buffers_are_reproduced_each_with_its_own() -> None:
    """Depthwise and pointwise layers and two products with buffers of 32, 64, 256 and 512 KiB, three dataflows."""
    report = audit(BUFFER_POINTS)
    assert report.ok, "\n".join(report.deviations)
    assert report.counts_equal == report.points == 57
    assert np.abs(report.energy_error).max() < 1e-5
    assert report.edp_gain.min() > 1 - 1e-6


def test_a_points_energy_leakage_area_and_capacity_are_of_its_own_buffer(tmp_path: Path) -> None:
    header, *lines = BUFFER_POINTS.read_text().splitlines()
    lines = [line.rpartition(",")[0] + ",55296" for line in lines]  # as if all were of the default buffer
    path = tmp_path / "points.csv"
    path.write_text("\n".join([header, *lines]))
    report = audit(path)
    failed = "\n".join(report.deviations)
    assert not report.ok
    assert report.counts_equal == 57  # what moves depends on the mapping alone
    assert failed.count("area ") == 57
    assert failed.count("energy ") > 50
    assert "not legal here" in failed  # a tile of a larger buffer


def test_a_point_of_a_global_buffer_outside_the_table_is_a_failure_with_its_line(tmp_path: Path) -> None:
    header, *lines = GEMM_POINTS.read_text().splitlines()
    lines[0] = lines[0].removesuffix("55296") + "60000"
    path = tmp_path / "points.csv"
    path.write_text("\n".join([header, *lines]))
    report = audit(path)
    assert not report.ok
    assert (report.points, report.left_out, report.failures) == (14, 1, 1)
    assert (
        "line 2: technology 'timeloop-45nm' has no global buffer of 60,000 words; the nearest" in report.deviations[0]
    )


@pytest.mark.parametrize(
    ("layer", "macs"), [("g_proj", 128 * 768 * 768), ("g_qk", 128 * 64 * 128), ("g_vit", 197 * 192 * 576)]
)
def test_our_layers_of_matrix_products_have_the_references_dimensions(layer: str, macs: int) -> None:
    point = next(point for point in read_points(GEMM_POINTS) if point.layer == layer)
    k, c, p, q, *_ = point.row
    product = matrix_product(layer, rows=p * q, inner=c, columns=k)
    assert layer_row(product) == point.row
    assert product.macs == macs


def test_all_matrix_products_of_the_reference_agree(shared_dir: Path) -> None:
    report = audit(shared_dir / "reference" / "timeloop" / "points_gemm_glb.csv")
    assert report.ok, "\n".join(report.deviations)
    assert report.counts_equal == report.points >= 99
    assert report.left_out == 0
