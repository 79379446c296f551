"""Sizes of the charts on a page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Layout:
    """Size of a chart and of the margins around its frame, pixels; a page has a wide and a narrow one of each chart.

    Attributes:
        name: `wide` or `narrow`.
        width, height: Of the whole chart.
        left, right, top, bottom: Margins.
    """

    name: str
    width: int
    height: int
    left: int
    right: int
    top: int = 12
    bottom: int = 46

    @property
    def inner(self) -> tuple[int, int]:
        """Width and height of the frame."""
        return self.width - self.left - self.right, self.height - self.top - self.bottom

    def place(self, at: tuple[float, float]) -> tuple[float, float]:
        """Return pixels of a place in the frame, 0 to 1 from the lower left corner."""
        width, height = self.inner
        return self.left + at[0] * width, self.top + (1.0 - at[1]) * height


CURVE_LAYOUTS = (Layout("wide", 1000, 420, 58, 24), Layout("narrow", 350, 330, 44, 18))
PLANE_LAYOUTS = (Layout("wide", 760, 470, 50, 18), Layout("narrow", 350, 350, 36, 14))
