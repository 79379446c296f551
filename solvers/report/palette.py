"""One style for each solver, the same in every figure, whatever else is compared: color, marker and dashes.

A solver is told from another without its color, too: by its marker and its dashes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

DASHES = ("", "7 3", "2 2", "8 3 2 3")
"""Dash patterns as SVG writes them, in line widths of about 1.8: solid, dashed, dotted, dash-dotted."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p", "h", "*", "<", ">")
"""Markers by matplotlib's names: circle, square, diamond, triangles, plus, cross, pentagon, hexagon, star."""

LEAST_CONTRAST = 3.0
"""Contrast that WCAG 2.2 (AA, 1.4.11) asks of graphics against their background."""

DARK_PAPER = "#151c24"
"""The background of figures in the dark."""


@dataclass(frozen=True)
class Style:
    """How a solver is drawn.

    Attributes:
        color: On white, `#rrggbb`.
        marker: One of `MARKERS`.
        dash: One of `DASHES`.
    """

    color: str
    marker: str = "o"
    dash: str = ""

    @property
    def dark_color(self) -> str:
        """The color on a dark background: lightened as far as `LEAST_CONTRAST` asks."""
        share = 0.0
        while contrast(mixed := _lightened(self.color, share), DARK_PAPER) < 1.5 * LEAST_CONTRAST:
            share += 0.05
        return mixed

    @property
    def line_style(self) -> str | tuple[int, tuple[float, ...]]:
        """The dashes as matplotlib takes them."""
        return (0, tuple(float(part) / 1.8 for part in self.dash.split())) if self.dash else "-"


_SOLID, _DASHED, _DOTTED, _MIXED = DASHES

_KNOWN = {
    "dance": Style("#d1495b", "o", _SOLID),
    "dance-refined": Style("#8d0f2d", "s", _DASHED),
    "dance-exact": Style("#e0662f", "^", _MIXED),
    "dance-front": Style("#b56576", "v", _DOTTED),
    "dance-conditional": Style("#cf4a74", "D", _DASHED),
    "dance-images": Style("#d1495b", "o", _SOLID),
    "network-evolution": Style("#00798c", "D", _SOLID),
    "network-local-search": Style("#0b4f6c", "P", _DASHED),
    "network-tpe": Style("#3a82d8", "h", _MIXED),
    "network-first": Style("#5b7f95", "<", _DOTTED),
    "accelerator-first": Style("#7d8fa0", ">", _DOTTED),
    "evolution": Style("#c08400", "s", _SOLID),
    "regularized-evolution": Style("#7a4f00", "v", _DASHED),
    "nsga2": Style("#9a7d0a", "p", _MIXED),
    "nsga3": Style("#857040", "h", _DOTTED),
    "cma-es": Style("#b5651d", "D", _DASHED),
    "nevergrad": Style("#a44a3f", "X", _MIXED),
    "ppo": Style("#6a4c93", "^", _SOLID),
    "maskable-ppo": Style("#9b5de5", "v", _DASHED),
    "a2c": Style("#a05195", "s", _MIXED),
    "dqn": Style("#c159a5", "D", _DOTTED),
    "reinforce": Style("#4b2e83", "P", _DASHED),
    "tpe": Style("#3d405b", "p", _SOLID),
    "motpe": Style("#5c6299", "h", _DASHED),
    "gp": Style("#1d4e9e", "X", _MIXED),
    "annealing": Style("#5a8d3c", "^", _SOLID),
    "local-search": Style("#2f6f4f", "P", _DASHED),
    "separate": Style("#7f7f00", "<", _SOLID),
    "separate-flops": Style("#8f8f1f", ">", _DASHED),
    "edd": Style("#0f9aa8", "X", _SOLID),
    "random": Style("#7f7f7f", "X", _DOTTED),
    "exhaustive": Style("#222222", "*", _DASHED),
}
"""Ours. Related solvers have related hues."""

_OTHERS = (
    "#2f6db5", "#d3569f", "#2a8f2a", "#9c6644", "#5f0f40", "#d96a00", "#1b8a78", "#7777e0", "#8338ec", "#606c38",
    "#0077b6", "#bc4749", "#386641", "#7f5539", "#c77d0a", "#3f8f9f",
)  # fmt: skip
"""For plug-ins and variants, by their label."""


def solver_styles(labels: Sequence[str]) -> dict[str, Style]:
    """Return a style for each solver of a comparison.

    A solver of ours has its own style. Any other label starts at a color of the reserve that its text decides, so that it
    keeps its style from figure to figure, and takes the next free one where two labels meet. More than 16 such labels
    repeat colors, under other markers and dashes.
    """
    styles = {label: _KNOWN[label] for label in labels if label in _KNOWN}
    others = [label for label in labels if label not in _KNOWN]
    for number, label in enumerate(others):
        if number % len(_OTHERS) == 0:
            taken: set[int] = set()
        digest = sha256(label.encode("utf-8", "surrogatepass")).digest()
        place = next(each for step in range(len(_OTHERS)) if (each := (digest[0] + step) % len(_OTHERS)) not in taken)
        taken.add(place)
        turn = number // len(_OTHERS)
        marker, dash = MARKERS[(digest[1] + turn) % len(MARKERS)], DASHES[(digest[2] + turn) % len(DASHES)]
        styles[label] = Style(_OTHERS[place], marker, dash)
    return {label: styles[label] for label in labels}


def solver_colors(labels: Sequence[str]) -> dict[str, str]:
    """Return the color of each solver of a comparison, as `solver_styles` gives it."""
    return {label: style.color for label, style in solver_styles(labels).items()}


def contrast(color: str, other: str) -> float:
    """Return the contrast of two colors `#rrggbb`, 1 to 21, as WCAG 2.2 defines it."""
    light, dark = sorted((_luminance(color), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: str) -> float:
    parts = [part / 255 for part in _parts(color)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _lightened(color: str, share: float) -> str:
    return "#" + "".join(f"{round(part + share * (255 - part)):02x}" for part in _parts(color))


def _parts(color: str) -> list[int]:
    return [int(color[start : start + 2], 16) for start in (1, 3, 5)]
