"""The report."""

from pathlib import Path


def write_page(records: Path, folder: Path) -> None:
    """Write it."""
