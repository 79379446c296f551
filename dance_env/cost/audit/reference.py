"""Reads a file of reference points: layers, accelerators, mappings, and what another tool counted for them."""

from __future__ import annotations

import csv
import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path

from dance_env.cost.audit.columns import mapping_from_columns
from dance_env.cost.mapping.dataflow import get_dataflow
from dance_env.cost.mapping.loops import DIMS
from dance_env.cost.mapping.mapping import Mapping
from dance_env.cost.mapping.nest import MEMORIES, TENSORS
from dance_env.cost.technology import Technology

COUNT_COLUMNS = tuple(f"{m}_{t}_{way}" for m in MEMORIES for t in TENSORS for way in ("rd", "wr"))
COLUMNS = (
    *("layer", *DIMS, "stride", "pex", "pey", "rf", "dataflow", "cycles", "e_total_pJ", "area_um2", "rf_cycles"),
    *COUNT_COLUMNS,
    *("map_dram", "map_glb", "map_cols", "map_rows", "map_rf"),
)
"""Columns that a file must have; ``N`` (must be 1), ``glb_bw`` (words a cycle each way) and ``glb_words`` may be there."""
_POSITIVE = ("cycles", "e_total_pJ", "area_um2", "glb_bw")


class NothingToCompare(ValueError):
    """A line that is no failure of the model: the reference found no mapping."""


@dataclass(frozen=True, eq=False)
class ReferencePoint:
    """One row.

    Attributes:
        where: "file, line n", for messages.
        mapping: with the loops at DRAM in the order of the listing, which is not the order they run in: the file does
            not record that.
        counts: words moved, by `COUNT_COLUMNS`.
        glb_words_per_cycle: each port of the global buffer; None where the file does not say.
        glb_words: capacity of the global buffer; None where the file does not say.
    """

    where: str
    layer: str
    mapping: Mapping
    pe_x: int
    pe_y: int
    rf_words: int
    counts: dict[str, float]
    compute_cycles: float
    cycles: float
    energy_pj: float
    area_um2: float
    glb_words_per_cycle: float | None
    glb_words: int | None

    @property
    def row(self) -> tuple[int, ...]:
        """The layer as K, C, P, Q, R, S, groups, stride (total channels)."""
        d = self.mapping.dims
        return d["M"] * d["G"], d["C"] * d["G"], d["P"], d["Q"], d["R"], d["S"], d["G"], self.mapping.stride

    @property
    def windows_overlap(self) -> bool:
        """Whether neighboring outputs need common inputs: the filter is wider than the stride."""
        return max(self.mapping.dims["R"], self.mapping.dims["S"]) > self.mapping.stride

    def technology(self, base: Technology) -> Technology:
        """Return ``base`` with this row's global buffer (capacity, energies, leakage, area) and its bandwidth.

        Raises:
            ValueError: If the technology has no global buffer of this row's capacity.
        """
        buffer = base.with_memory(glb_words=self.glb_words)
        if self.glb_words_per_cycle is None:
            return buffer
        rate = self.glb_words_per_cycle
        return dataclasses.replace(buffer, glb_read_words_per_cycle=rate, glb_write_words_per_cycle=rate)


def read_points(path: str | Path, *, refused: list[ValueError] | None = None) -> list[ReferencePoint]:
    """Read a CSV file of reference points; columns in any order, others besides are ignored.

    Args:
        path: the file.
        refused: Where to put the errors of lines that hold no point; None to raise the first.

    Raises:
        OSError: when the file cannot be read.
        ValueError: when columns are missing, there is no point, or a value is not what its column needs.
    """
    wrong: list[ValueError] = []
    try:
        with open(path, newline="", encoding="utf-8", errors="replace") as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise ValueError(f"{path}: expected the columns of a points file, missing: {', '.join(missing)}.")
            points = []
            for row in reader:
                try:
                    points.append(_point(f"{path}, line {reader.line_num}", row))
                except ValueError as error:
                    if refused is None:
                        raise
                    wrong.append(error)
    except csv.Error as error:
        raise ValueError(f"{path}: expected a CSV file, {error}.") from error
    if not points:
        raise wrong[0] if wrong else ValueError(f"{path}: expected at least one point, the file has none.")
    if refused is not None:
        refused += wrong
    return points


def _point(where: str, row: dict[str, str]) -> ReferencePoint:
    if not _is_finite(row["cycles"]):
        raise NothingToCompare(f"{where}: the reference has no mapping here, its cycles are {row['cycles']!r}.")
    sizes = {d: _whole(where, row, d) for d in DIMS}
    try:
        dataflow = get_dataflow(row["dataflow"])
        mapping = mapping_from_columns(row, dataflow=dataflow, stride=_whole(where, row, "stride"))
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    if row.get("N") and _whole(where, row, "N") != 1:
        raise ValueError(f"{where}: batches are not modeled, N = {row['N']}.")
    if mapping.dims != sizes:
        raise ValueError(f"{where}: the map columns multiply to {mapping.dims}, the layer is {sizes}.")
    rate = row.get("glb_bw")
    return ReferencePoint(
        where=where,
        layer=row["layer"],
        mapping=mapping,
        pe_x=_whole(where, row, "pex"),
        pe_y=_whole(where, row, "pey"),
        rf_words=_whole(where, row, "rf"),
        counts={name: _number(where, row, name) for name in COUNT_COLUMNS},
        compute_cycles=_number(where, row, "rf_cycles"),
        cycles=_number(where, row, "cycles"),
        energy_pj=_number(where, row, "e_total_pJ"),
        area_um2=_number(where, row, "area_um2"),
        glb_words_per_cycle=_number(where, row, "glb_bw", finite=False) if rate else None,
        glb_words=_whole(where, row, "glb_words") if row.get("glb_words") else None,
    )


def _is_finite(text: str | None) -> bool:
    """False for what a tool writes where it found nothing: "", inf, nan; anything else is `_number`'s to judge."""
    try:
        return text != "" and math.isfinite(float(text or 0))
    except ValueError:
        return True


def _number(where: str, row: dict[str, str], name: str, *, finite: bool = True) -> float:
    try:
        value = float(row[name])
    except (TypeError, ValueError):
        raise ValueError(f"{where}: expected a number in column {name}, got {row[name]!r}.") from None
    if math.isnan(value) or value < 0 or (finite and math.isinf(value)):
        raise ValueError(f"{where}: expected a non-negative number in column {name}, got {row[name]!r}.")
    if value == 0 and name in _POSITIVE:
        raise ValueError(f"{where}: expected a positive number in column {name}, got {row[name]!r}.")
    return value


def _whole(where: str, row: dict[str, str], name: str) -> int:
    value = _number(where, row, name)
    if value < 1 or value != int(value):
        raise ValueError(f"{where}: expected a whole number of at least 1 in column {name}, got {row[name]!r}.")
    return int(value)
