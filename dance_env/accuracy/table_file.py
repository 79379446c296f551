"""Tables in files: CSV, JSON or Parquet, read into columns. Nothing in a file is run."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_FORMATS = ".csv, .json or .parquet"


def read_columns(path: Path) -> dict[str, list[Any]]:
    """Return the columns of a table by name, all equally long.

    Args:
        path: `.csv` with a header; `.json`, a list of objects (a row each) or an object of lists (a column each);
            `.parquet`, which needs pyarrow.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such table; the message names the file.
        ImportError: If pyarrow is needed and not installed.
    """
    readers = {".csv": _csv, ".json": _json, ".parquet": _parquet}
    ending = path.suffix.lower()
    if ending not in readers:
        raise ValueError(f"{path.name}: a table is a file that ends in {_FORMATS}")
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    columns = readers[ending](path)
    if not columns or not next(iter(columns.values())):
        raise ValueError(f"{path.name} has no rows")
    return columns


def _csv(path: Path) -> dict[str, list[Any]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file, strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} is no CSV file in UTF-8: {error}") from error
    rows = [row for row in rows if row]
    header = [name.strip() for name in rows[0]] if rows else []
    _check_header(path, header)
    for number, row in enumerate(rows[1:], start=1):
        if len(row) != len(header):
            raise ValueError(
                f"{path.name}, row {number}: expected {len(header)} cells, as in the header, got {len(row)}"
            )
    return {name: [row[column].strip() for row in rows[1:]] for column, name in enumerate(header)}


def _json(path: Path) -> dict[str, list[Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path.name} is no JSON file: {error}") from error
    if isinstance(content, list) and all(isinstance(row, dict) for row in content):
        names = list(content[0]) if content else []
        for number, row in enumerate(content, start=1):
            if set(row) != set(names):
                raise ValueError(f"{path.name}, row {number}: expected the keys {names}, as in row 1, got {list(row)}")
        return {name: [row[name] for row in content] for name in names}
    if isinstance(content, dict) and all(isinstance(column, list) for column in content.values()):
        lengths = {name: len(column) for name, column in content.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"{path.name}: columns must be equally long, got {lengths}")
        return content
    raise ValueError(f"{path.name}: expected a list of objects, a row each, or an object of lists, a column each")


def _parquet(path: Path) -> dict[str, list[Any]]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise ImportError(
            f"{path.name}: reading Parquet needs the package pyarrow: pip install 'dance-env[parquet]'. Or save the table as "
            "CSV"
        ) from error
    try:
        table = parquet.ParquetFile(path).read()
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{path.name} is no Parquet file: {error}") from error
    _check_header(path, table.column_names)
    return {name: table.column(name).to_pylist() for name in table.column_names}


def _check_header(path: Path, names: Sequence[str]) -> None:
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise ValueError(f"{path.name}: the column {twice[0]!r} is there twice")
