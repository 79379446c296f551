"""One color for each solver, the same in every figure, whatever else is compared."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

_KNOWN = {
    "dance": "#d1495b",
    "dance-refined": "#8d0f2d",
    "dance-exact": "#f08a5d",
    "dance-front": "#b56576",
    "dance-images": "#d1495b",
    "network-evolution": "#00798c",
    "network-local-search": "#0b4f6c",
    "evolution": "#edae49",
    "regularized-evolution": "#8a5a00",
    "nsga2": "#c9a227",
    "ppo": "#6a4c93",
    "tpe": "#3d405b",
    "network-tpe": "#4895ef",
    "annealing": "#6a994e",
    "separate": "#8c8c00",
    "separate-flops": "#bcbd22",
    "edd": "#17becf",
    "random": "#7f7f7f",
    "exhaustive": "#222222",
}
"""Ours. Related solvers have related hues."""
_OTHERS = ("#2f6db5", "#e377c2", "#2ca02c", "#9c6644", "#5f0f40", "#ff7f0e", "#1b998b", "#a0a0ff", "#8338ec", "#606c38")
"""For plug-ins and variants, by their label."""


def solver_colors(labels: Sequence[str]) -> dict[str, str]:
    """Return a color for each solver of a comparison.

    A solver of ours has its own color. Any other label starts at a place of the reserve that its text decides, so that it
    keeps its color from figure to figure, and takes the next free one where two labels meet. More than ten such labels repeat
    colors.
    """
    colors = {label: _KNOWN[label] for label in labels if label in _KNOWN}
    taken: set[int] = set()
    for label in (each for each in labels if each not in _KNOWN):
        start = sha256(label.encode("utf-8", "surrogatepass")).digest()[0]
        places = [(start + step) % len(_OTHERS) for step in range(len(_OTHERS))]
        place = next((each for each in places if each not in taken), places[0])
        taken.add(place)
        colors[label] = _OTHERS[place]
    return colors
