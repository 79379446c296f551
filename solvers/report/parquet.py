"""The long table as Parquet, where pyarrow is installed: typed columns, read at once by pandas, polars and DuckDB."""

from __future__ import annotations

import io
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dance_env.atomic import write_whole
from solvers.comparison.table import RunRow


def write_parquet(path: Path, rows: Sequence[RunRow]) -> bool:
    """Write one row per run, and return whether it was written: without pyarrow, an older file of that name is removed.

    Args:
        path: The file.
        rows: The runs; a column that some of them lack is null there.

    Raises:
        OSError: If the file cannot be written.
    """
    if find_spec("pyarrow") is None or not rows:
        path.unlink(missing_ok=True)  # it would be another comparison's
        return False
    import pyarrow
    from pyarrow import parquet

    flat = [row.flat() for row in rows]
    names = list(dict.fromkeys(name for row in flat for name in row))
    table = pyarrow.table({name: pyarrow.array([_value(row.get(name)) for row in flat]) for name in names})
    buffer = io.BytesIO()
    parquet.write_table(table, buffer)
    write_whole(path, buffer.getvalue())
    return True


def _value(value: Any) -> Any:
    """A value that Parquet can hold: whole numbers above 64 bits and text that is no Unicode are written as text."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
        return str(value)
    return value
