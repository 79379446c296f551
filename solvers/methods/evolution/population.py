"""How large a population may be."""

from __future__ import annotations

LARGEST = 1_000_000
"""Designs that a solver holds at a time: more would fill the memory of most machines before anything is evaluated."""


def check_size(name: str, count: int) -> None:
    """Refuse a setting that is a number of designs held at a time.

    Raises:
        ValueError: If it is above `LARGEST`.
    """
    if count > LARGEST:
        raise ValueError(f"{name} is at most {LARGEST:,} designs, not {count:,}")
