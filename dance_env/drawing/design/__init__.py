"""One design in an environment, as a dashboard ("rgb_array", matplotlib) or as a text card ("ansi").

- `scene`: gathers what is to be shown, from tables alone: rendering never evaluates a design, so it is never on a
  solver's bill; `snapshot`: what was gathered; `tables`: figures read off a problem's tables.
- `dashboard`: composes `network_panel`, `accelerator_panel`, `cost_panel` and `objective_panel`; `text_card`.
"""

from __future__ import annotations

from typing import Any

from dance_env.drawing.design.scene import Scene
from dance_env.drawing.design.snapshot import Snapshot
from dance_env.drawing.design.text_card import text_card

__all__ = ["Scene", "Snapshot", "render_frame", "text_card"]


def render_frame(view: Snapshot, *, mode: str) -> Any:
    """Return a `(560, 1000, 3)` uint8 array for "rgb_array", a text for "ansi"."""
    if mode == "ansi":
        return text_card(view)
    from dance_env.drawing.design.dashboard import dashboard  # matplotlib

    return dashboard(view)
