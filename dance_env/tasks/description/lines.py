"""On which line of a TOML file a key stands. tomllib does not say; messages to people should."""

from __future__ import annotations

import re

Path = tuple[str | int, ...]

_HEADER = re.compile(r"\s*(\[\[?)\s*(.+?)\s*(\]\]?)\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")
_LONG = ('"""', "'''")


def line_numbers(text: str) -> dict[Path, int]:
    """Return the line (from 1) of each table and key of a TOML file that begins a line.

    Keys of inline tables have the line of the key that holds them: they are not listed.

    Args:
        text: A valid TOML document.
    """
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    inside: str | None = None  # the quotes of a string over several lines
    for number, line in enumerate(text.splitlines(), start=1):
        if inside is None:
            header, key = _HEADER.match(line), _KEY.match(line)
            if header is not None and len(header[1]) == len(header[3]):
                table = _table(_parts(header[2]), counts, is_array=header[1] == "[[")
                found.setdefault(table, number)
            elif key is not None:
                found.setdefault((*table, *_parts(key[1])), number)
        inside = _after(line, inside)
    return found


def line_of(path: Path, lines: dict[Path, int]) -> int | None:
    """Return the line of a path, or of the nearest table or key around it; None where there is none."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


def _parts(dotted: str) -> Path:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _table(parts: Path, counts: dict[Path, int], *, is_array: bool) -> Path:
    """Return a header's path with the index of every array of tables on the way."""
    path: Path = ()
    for position, part in enumerate(parts):
        path = (*path, part)
        if is_array and position == len(parts) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _after(line: str, inside: str | None) -> str | None:
    """Return the quotes of the long string that is open at the end of a line."""
    position = 0
    while True:
        if inside is None:
            starts = {quotes: line.find(quotes, position) for quotes in _LONG}
            starts = {quotes: start for quotes, start in starts.items() if start >= 0}
            if not starts:
                return None
            inside = min(starts, key=lambda quotes: starts[quotes])
            position = starts[inside] + 3
        end = line.find(inside, position)
        if end < 0:
            return inside
        position, inside = end + 3, None
