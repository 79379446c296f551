"""An axis of a chart: where a value lies, and which values are labeled."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

_ZERO, _ABOVE_ZERO = 0.045, 0.13  # where zero lies on a logarithmic axis, and where the least positive value does
_FEW = 4  # more labels than these would touch on a phone


class Tick(NamedTuple):
    """A labeled place.

    Attributes:
        at: From 0 (low end) to 1.
        text: Its label.
        minor: Whether it is left out where there is little room.
    """

    at: float
    text: str
    minor: bool


@dataclass(frozen=True)
class Scale:
    """A linear or logarithmic axis from `low` to `high`.

    Attributes:
        low: At 0; on a logarithmic axis with a zero, at a place somewhat above it.
        high: At 1.
        logarithmic: Whether it is.
        with_zero: Whether a logarithmic axis has a place for zero, below everything positive.
    """

    low: float
    high: float
    logarithmic: bool = True
    with_zero: bool = False

    def at(self, value: np.ndarray) -> np.ndarray:
        """Return places, 0 to 1 and beyond for values outside; infinity is at 1."""
        value = np.asarray(value, dtype=float)
        if not self.logarithmic:
            place = (value - self.low) / ((self.high - self.low) or 1.0)
        else:
            start = _ABOVE_ZERO if self.with_zero else 0.0
            span = math.log(self.high / self.low) or 1.0
            place = start + (1.0 - start) * np.log(np.maximum(value, 1e-300) / self.low) / span
            if self.with_zero:
                place = np.where(value <= 0, _ZERO, np.maximum(place, _ZERO))
        return np.where(np.isposinf(value), 1.0, place)

    def ticks(self) -> tuple[Tick, ...]:
        """Return labeled places, at most about ten."""
        values = self._log_values() if self.logarithmic else self._round_values()
        every = max(1, math.ceil(len(values) / _FEW))
        found = [
            Tick(float(self.at(np.array(value))), text(value), index % every > 0) for index, value in enumerate(values)
        ]
        return (Tick(_ZERO, "0", minor=False), *found) if self.with_zero else tuple(found)

    def _log_values(self) -> list[float]:
        decades = math.log10(self.high / self.low)
        digits = (1, 1.5, 2, 3, 4, 5, 7) if decades <= 1 else (1, 2, 5) if decades <= 3 else (1,)
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        step = max(1, math.ceil((last - first) / 9))
        values = [float(f"{digit}e{power}") for power in range(first, last + 1, step) for digit in digits]
        inside = [value for value in values if self.low * 0.999 <= value <= self.high * 1.001]
        return inside if len(inside) > 1 else self._round_values()

    def _round_values(self) -> list[float]:
        span = self.high - self.low
        if not span > 0:
            return [self.low]
        rough = span / 5
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(digit * power for digit in (1, 2, 5, 10) if digit * power >= rough * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        return [round(index * step, 12) for index in range(first, math.floor(self.high / step + 1e-9) + 1)]


def text(value: float) -> str:
    """Return a short label: 0.02, 500, 20k, 3M, or a power of ten."""
    size = abs(value)
    if size and (size < 1e-3 or size >= 1e9):
        mantissa, _, power = f"{value:.3g}".partition("e") if "e" in f"{value:.3g}" else f"{value:.2e}".partition("e")
        raised = str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        mantissa = f"{float(mantissa):g}"
        return f"10{raised}" if mantissa == "1" else f"{mantissa}·10{raised}"
    for scale, unit in ((1e6, "M"), (1e4, "k")):
        if size >= scale:
            return f"{value / (1e3 if unit == 'k' else scale):g}{unit}"
    return f"{value:,.6g}"
