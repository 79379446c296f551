"""The five `map_*` columns in which a file of reference points writes a mapping."""

from __future__ import annotations

import re
from collections.abc import Mapping as Dict

from dance_env.cost.mapping.dataflow import Dataflow
from dance_env.cost.mapping.loops import DIMS, LEVELS
from dance_env.cost.mapping.mapping import Mapping

_LISTED = "CMRSPQG"  # the order in which the reference lists the loops of a level, whatever order they run in
_TOKEN = re.compile(r"([A-Z])(\d+)")


def mapping_from_columns(columns: Dict[str, str], *, dataflow: Dataflow, stride: int) -> Mapping:
    """Return the mapping in the five `map_*` columns of a row, such as `"C3 P2"`.

    The reference lists the loops of a level in the fixed order C M R S P Q G. The order at DRAM is set to that of the
    listing, innermost first, and is the caller's to change.

    Raises:
        ValueError: If a column is missing or holds something else.
    """
    factors, listed = [], ""
    for level in LEVELS:
        text = columns.get(f"map_{level}")
        if text is None:
            raise ValueError(f"mapping: column map_{level} is missing.")
        row = _trips(f"map_{level}", text)
        listed = "".join(row) if level == "dram" else listed
        factors.append(tuple(row.get(d, 1) for d in DIMS))
    order = listed + "".join(d for d in DIMS if d not in listed)
    return Mapping(dataflow, tuple(factors), order, stride)


def mapping_to_columns(mapping: Mapping) -> dict[str, str]:
    """Return the five `map_*` columns of a mapping, as `mapping_from_columns` reads them."""
    return {
        f"map_{level}": " ".join(f"{d}{mapping.at(level, d)}" for d in _LISTED if mapping.at(level, d) > 1)
        for level in LEVELS
    }


def _trips(column: str, text: str) -> dict[str, int]:
    row: dict[str, int] = {}
    for token in text.replace(",", " ").split():
        match = _TOKEN.fullmatch(token)
        if match is None or match[1] not in DIMS + "N" or int(match[2]) < 1:
            raise ValueError(f"mapping: expected loops such as 'C3 P2' in {column}, got {token!r}.")
        if match[1] == "N":
            if int(match[2]) > 1:
                raise ValueError(f"mapping: batches are not modeled, got {token!r} in {column}.")
            continue
        if match[1] in row:
            raise ValueError(f"mapping: {match[1]} stands twice in {column}: {text!r}.")
        row[match[1]] = int(match[2])
    return row
