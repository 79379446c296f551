"""How the options of a network are drawn: their color and short name, and which of them are no block at all."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dance_env.drawing.palette import FIXED, HUES, tint
from dance_env.graph import DrawableSpace, NetworkSpace, Operator
from dance_env.graph.operators import MBConv
from dance_env.graph.squeeze import SqueezedMBConv


@dataclass(frozen=True)
class Look:
    """How an option is drawn.

    Attributes:
        color: of the block, `#rrggbb`.
        lines: one or two short lines of text.
    """

    color: str
    lines: tuple[str, ...]


def operator_look(operator: Operator) -> Look | None:
    """Return how an operator is drawn that has a `kernel` and an `expansion`, such as an MBConv; None for others.

    The hue stands for the kernel, the depth of the color for the expansion.
    """
    kernel, expansion = getattr(operator, "kernel", None), getattr(operator, "expansion", None)
    if not isinstance(kernel, int) or not isinstance(expansion, int):
        return None
    depth = min(math.log2(1 + expansion) / math.log2(1 + 6), 1.0)
    squeezed = isinstance(operator, SqueezedMBConv)
    short = f"MB{expansion}" if squeezed or isinstance(operator, MBConv) else operator.name
    second = f"{kernel}×{kernel} SE" if squeezed else f"{kernel}×{kernel}"
    return Look(tint(HUES[(kernel // 2 - 1) % len(HUES)], depth), (short, second))


def looks(options: Iterable[Operator | str], *, pale: Iterable[str] = ()) -> dict[str, Look]:
    """Return how options are drawn, by name. An option without a kernel gets the next hue, each name one of its own.

    Args:
        options: Operators, or names where nothing else is known; repeated ones count once.
        pale: Names of options that do nothing in some place, and get no hue.
    """
    pale_names = set(pale)
    found: dict[str, Look] = {}
    others = 0
    for option in options:
        name = option if isinstance(option, str) else option.name
        if name in found:
            continue
        look = None if isinstance(option, str) else operator_look(option)
        if look is None and name in pale_names:
            look = Look(FIXED, ("id" if name == "identity" else name,))
        elif look is None:
            look = Look(tint(HUES[others % len(HUES)], 1.0 if others < len(HUES) else 0.6), (name,))
            others += 1
        found[name] = look
    return found


def space_looks(space: NetworkSpace) -> dict[str, Look]:
    """Return how the options of all choices of a network space are drawn, by name."""
    pale = {space.choices()[choice].options[option] for choice, option in empty_options(space)}
    if isinstance(space, DrawableSpace):
        return looks(space.operators(), pale=map(str, pale))
    return looks((str(option) for choice in space.choices() for option in choice.options), pale=map(str, pale))


def empty_options(space: NetworkSpace) -> set[tuple[int, int]]:
    """Return the options that add no layer, whatever the other choices are, as (choice, option) indices.

    A choice that no part of the space depends on has no such option: nothing is known of its layers. A whole number, such as
    the fewest layers of several, is not nothing.
    """
    counts = [len(choice) for choice in space.choices()]
    adds: dict[int, np.ndarray] = {}  # by choice: whether each option adds layers, (options,) bool
    for part in space.parts():
        shape = [counts[choice] for choice in part.scope]
        layers = np.array([len(each) for each in part.layers]).reshape(shape)
        for axis, choice in enumerate(part.scope):
            others = tuple(other for other in range(len(shape)) if other != axis)
            adds[choice] = adds.get(choice, np.zeros(counts[choice], dtype=bool)) | (layers.sum(axis=others) > 0)
    options = [choice.options for choice in space.choices()]
    empty = ((choice, int(option)) for choice, added in adds.items() for option in np.flatnonzero(~added))
    return {(choice, option) for choice, option in empty if not isinstance(options[choice][option], int)}
