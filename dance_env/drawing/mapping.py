"""Draws a mapping: which part of the array works, and how full the memories are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dance_env.cost.mapping.mapping import LEVELS, Mapping
from dance_env.cost.technology import TIMELOOP_45NM, Technology

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TENSORS = {"W": ("weights", "#4c78a8"), "I": ("inputs", "#f58518"), "O": ("outputs", "#54a24b")}


def draw_mapping(
    mapping: Mapping, *, pe_x: int, pe_y: int, rf_words: int, technology: Technology = TIMELOOP_45NM
) -> Figure:
    """A figure of a mapping: the loop nest, the array with the PEs that work, what fills the two memories.

    Args:
        mapping: what to draw.
        pe_x, pe_y, rf_words: the accelerator.
        technology: for the size of the global buffer.

    Returns:
        A matplotlib figure that no window shows; save it with ``figure.savefig(path)``.

    Raises:
        ValueError: when the mapping does not fit the accelerator.
    """
    from matplotlib.figure import Figure

    broken = mapping.violations(pe_x=pe_x, pe_y=pe_y, rf_words=rf_words, glb_words=technology.glb_words)
    if broken:
        raise ValueError(f"mapping: cannot be drawn on this accelerator, it {'; it '.join(broken)}.")
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    nest, array, memories = figure.subplots(1, 3, width_ratios=(2, 1.3, 1))
    nest.text(0, 1, mapping.loop_nest(), family="monospace", fontsize=8, va="top", transform=nest.transAxes)
    nest.set_axis_off()
    _draw_array(array, mapping, pe_x, pe_y)
    _draw_memories(memories, mapping, {"rf": rf_words, "glb": technology.glb_words})
    return figure


def _draw_array(axes: Any, mapping: Mapping, pe_x: int, pe_y: int) -> None:
    used_x, used_y = mapping.pes()
    for x in range(pe_x):
        for y in range(pe_y):
            works = x < used_x and y < used_y
            axes.add_patch(_square(x, y, "#4c78a8" if works else "#e4e4e4"))
    along = {
        level: " ".join(f"{d}{n}" for d, n in zip("CMGRSPQ", row, strict=True) if n > 1) or "nothing"
        for level, row in zip(LEVELS, mapping.factors, strict=True)
    }
    axes.set(xlim=(0, pe_x), ylim=(pe_y, 0), aspect="equal", xticks=[], yticks=[])
    axes.set_xlabel(f"columns: {along['cols']}")
    axes.set_ylabel(f"rows: {along['rows']}")
    axes.set_title(f"{used_x * used_y} of {pe_x * pe_y} PEs work", fontsize=10)


def _square(x: int, y: int, color: str) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((x + 0.05, y + 0.05), 0.9, 0.9, color=color)


def _draw_memories(axes: Any, mapping: Mapping, capacity: dict[str, int]) -> None:
    for i, (level, size) in enumerate(capacity.items()):
        bottom = 0.0
        for tensor, held in mapping.tile_words(level).items():
            label, color = _TENSORS[tensor]
            axes.bar(i, held / size, bottom=bottom, color=color, label=label if i == 0 else None)
            bottom += held / size
    axes.set(ylim=(0, 1), ylabel="part filled")
    axes.set_xticks(range(len(capacity)), [f"{level}\n{size} words" for level, size in capacity.items()])
    axes.legend(fontsize=8, loc="upper right")
