"""Draw a mapping: its loop nest, which part of the PE array works, and how full the memories are."""

from __future__ import annotations

from matplotlib.figure import Figure

from dance_env.cost.mapping.loops import LEVELS
from dance_env.cost.mapping.mapping import Mapping
from dance_env.cost.technology import TIMELOOP_45NM, Technology
from dance_env.drawing.canvas import Canvas
from dance_env.drawing.palette import BUSY_PE, FAINT, IDLE_PE, MUTED, TENSORS
from dance_env.drawing.pe_array import draw_pe_array

_NAMES = {"W": "weights", "I": "inputs", "O": "outputs"}
_WIDTH, _HEIGHT = 1100, 436
_ARRAY_X, _MEMORY_X, _TOP, _SIDE = 500, 860, 64, 290


def draw_mapping(
    mapping: Mapping, *, pe_x: int, pe_y: int, rf_words: int, technology: Technology = TIMELOOP_45NM
) -> Figure:
    """Draw the loop nest, the array with the PEs that work, and what fills the two memories.

    Args:
        mapping: what to draw.
        pe_x, pe_y, rf_words: the accelerator.
        technology: for the size of the global buffer.

    Returns:
        A matplotlib figure that no window shows; save it with `figure.savefig(path)`.

    Raises:
        ValueError: If the mapping does not fit the accelerator.
    """
    broken = mapping.violations(pe_x=pe_x, pe_y=pe_y, rf_words=rf_words, glb_words=technology.glb_words)
    if broken:
        raise ValueError(f"mapping: cannot be drawn on this accelerator, it {'; it '.join(broken)}.")
    canvas = Canvas.sheet(_WIDTH, _HEIGHT, color="#ffffff")
    for title, x in (("Loop nest", 20), ("PE array", _ARRAY_X), ("Memories", _MEMORY_X)):
        canvas.text(x, 36, title, size=15, color=MUTED, weight="bold")
    nest = mapping.loop_nest().splitlines()
    size = min(12.0, 450 / (0.61 * max(map(len, nest))))  # a deep nest is written smaller, to stay clear of the array
    for index, line in enumerate(nest):
        canvas.text(20, _TOP + 12 + 18 * index, line, size=size, family="monospace")
    _draw_array(canvas, mapping, pe_x, pe_y)
    for index, (level, words) in enumerate({"rf": rf_words, "glb": technology.glb_words}.items()):
        _draw_memory(canvas, mapping, level, words, x=_MEMORY_X + 110 * index)
    for index, (tensor, color) in enumerate(TENSORS.items()):
        canvas.box(_MEMORY_X + 80 * index, _HEIGHT - 22, 12, 12, color=color)
        canvas.text(_MEMORY_X + 80 * index + 17, _HEIGHT - 12, _NAMES[tensor], size=12)
    return canvas.figure


def _draw_array(canvas: Canvas, mapping: Mapping, pe_x: int, pe_y: int) -> None:
    used_x, used_y = mapping.pes()
    cells = [(column, row) for row in range(pe_y) for column in range(pe_x)]
    working = [(column, row) for column, row in cells if column < used_x and row < used_y]
    idle = [(column, row) for column, row in cells if not (column < used_x and row < used_y)]
    groups = [(idle, IDLE_PE), (working, BUSY_PE)]
    draw_pe_array(canvas, groups, columns=pe_x, rows=pe_y, x=_ARRAY_X, y=_TOP, side=_SIDE)
    along = {
        level: " ".join(f"{d}{n}" for d, n in zip("CMGRSPQ", row, strict=True) if n > 1) or "nothing"
        for level, row in zip(LEVELS, mapping.factors, strict=True)
    }
    bottom = _TOP + _SIDE
    canvas.text(_ARRAY_X, bottom + 22, f"{used_x * used_y} of {pe_x * pe_y} PEs work", size=13, weight="bold")
    canvas.text(_ARRAY_X, bottom + 42, f"columns: {along['cols']},  rows: {along['rows']}", size=13, color=MUTED)


def _draw_memory(canvas: Canvas, mapping: Mapping, level: str, words: int, *, x: float) -> None:
    canvas.box(x, _TOP, 80, _SIDE, color=FAINT)
    top = float(_TOP + _SIDE)
    shares = {tensor: held / words for tensor, held in mapping.tile_words(level).items()}
    for tensor, share in shares.items():
        top -= _SIDE * share
        canvas.box(x, top, 80, _SIDE * share, color=TENSORS[tensor])
    canvas.text(x, _TOP + _SIDE + 22, f"{level}, {sum(shares.values()):.0%} full", size=13, weight="bold")
    canvas.text(x, _TOP + _SIDE + 38, f"of {words} words", size=12, color=MUTED)
