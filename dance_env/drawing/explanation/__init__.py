"""An explanation of a design on one sheet.

- `sheet`: `draw_explanation`, `save_explanation`.
- `roofline_panel`: multiply-accumulates a cycle against operational intensity, a dot for each layer.
- `layers_panel`: cycles and energy of each layer.
- `sums_panel`: what bounds the cycles, and which level takes the energy, in sum.
"""

from dance_env.drawing.explanation.sheet import draw_explanation, save_explanation

__all__ = ["draw_explanation", "save_explanation"]
