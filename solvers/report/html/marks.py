"""The markers of `solvers.report.palette` as SVG paths around the origin, of about equal area."""

from __future__ import annotations

import math

_RADIUS = 5.0


def _polygon(corners: int, *, radius: float = _RADIUS, turn: float = -90.0, inner: float | None = None) -> str:
    points = []
    count = corners if inner is None else 2 * corners
    for index in range(count):
        length = radius if inner is None or index % 2 == 0 else inner
        angle = math.radians(turn + 360.0 * index / count)
        points.append(f"{length * math.cos(angle):.1f} {length * math.sin(angle):.1f}")
    return f"M{'L'.join(points)}Z"


_PLUS = "M-1.8-5.2H1.8V-1.8H5.2V1.8H1.8V5.2H-1.8V1.8H-5.2V-1.8H-1.8Z"
_CROSS = "M-4.9-2.4L-2.4-4.9L0-2.5L2.4-4.9L4.9-2.4L2.5 0L4.9 2.4L2.4 4.9L0 2.5L-2.4 4.9L-4.9 2.4L-2.5 0Z"

PATHS = {
    "o": "M-4.7 0A4.7 4.7 0 1 1 4.7 0A4.7 4.7 0 1 1-4.7 0Z",
    "s": "M-4.2-4.2H4.2V4.2H-4.2Z",
    "^": _polygon(3, radius=6.0),
    "v": _polygon(3, radius=6.0, turn=90.0),
    "<": _polygon(3, radius=6.0, turn=180.0),
    ">": _polygon(3, radius=6.0, turn=0.0),
    "D": _polygon(4, radius=5.8),
    "P": _PLUS,
    "X": _CROSS,
    "p": _polygon(5, radius=5.4),
    "h": _polygon(6, radius=5.2),
    "*": _polygon(5, radius=6.6, inner=2.9),
}
"""By marker."""
