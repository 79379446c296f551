"""What a setting of a solver may be when a comparison tunes it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TunableRange:
    """A number between two others.

    Attributes:
        low, high: The least and the greatest; whole numbers only, where both are ints.
        log: Whether it is searched on a logarithmic scale.

    Raises:
        ValueError: If the range is empty, or logarithmic and not above 0.
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high < math.inf or (self.log and self.low <= 0):
            raise ValueError(f"a range goes from a lower to a higher number (above 0 on a log scale); got {self}")

    @property
    def whole(self) -> bool:
        """Whether it holds whole numbers only."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def holds(self, value: Any) -> bool:
        """Whether a value lies in it."""
        number = isinstance(value, int if self.whole else int | float) and not isinstance(value, bool)
        return number and self.low <= value <= self.high


@dataclass(frozen=True)
class TunableValues:
    """One of several values.

    Attributes:
        values: At least two texts, numbers or truth values.
    """

    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        if len(self.values) < 2:
            raise ValueError(f"there are at least two values to choose from; got {self.values}")

    def holds(self, value: Any) -> bool:
        """Whether a value is one of them."""
        return value in self.values


Tunable = TunableRange | TunableValues
