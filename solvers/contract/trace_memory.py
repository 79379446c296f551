"""How large a trace a run may keep."""

from __future__ import annotations

import os

from solvers.contract.record.trace import row_bytes

TRACE_LIMIT_GB = 2.0
"""The largest trace that a run may keep, unless the environment variable DANCE_TRACE_GB says otherwise.

While a trace grows and while it is saved, up to three times as much memory is in use.
"""


def check_memory(rows: int, num_choices: int) -> None:
    """Refuse a run whose trace could outgrow the limit, before anything is evaluated.

    Args:
        rows: The most rows of the trace.
        num_choices: Columns of a design.

    Raises:
        ValueError: If a trace of that many rows is larger than `TRACE_LIMIT_GB` (or DANCE_TRACE_GB).
    """
    if rows > (most := most_rows(num_choices)):
        raise ValueError(
            f"a run of {rows:,} evaluations keeps a trace of {rows * row_bytes(num_choices) / 1e9:.3g} GB "
            f"({row_bytes(num_choices)} bytes a row), and the limit is {_trace_limit_gb():g} GB. Give a budget of at most "
            f"{most:,}, or set DANCE_TRACE_GB to more if there is memory for "
            "three times the trace"
        )


def most_rows(num_choices: int) -> int:
    """Return the most rows that a trace may have, of designs with so many choices.

    Raises:
        ValueError: If DANCE_TRACE_GB is not a number above 0.
    """
    return int(_trace_limit_gb() * 1e9 // row_bytes(num_choices))


def _trace_limit_gb() -> float:
    text = os.environ.get("DANCE_TRACE_GB", "")
    try:
        limit = float(text) if text else TRACE_LIMIT_GB
    except ValueError:
        limit = 0.0
    if not limit > 0:
        raise ValueError(f"DANCE_TRACE_GB is a number of gigabytes above 0, not {text!r}")
    return limit
