"""Short names for people."""

from __future__ import annotations

import re

DATAFLOW_NAMES = {"WS": "weight stationary", "OS": "output stationary", "RS": "row stationary"}


def operator_lines(operator: str | None) -> tuple[str, str]:
    """Two short lines for a block: "mb6_k5" is ("MB6", "5×5")."""
    if operator is None:
        return ("?", "")
    found = re.fullmatch(r"mb(\d+)_k(\d+)", operator)
    if found:
        return (f"MB{found[1]}", f"{found[2]}×{found[2]}")
    return ({"identity": "id"}.get(operator, operator), "")
