"""Rendering: one design as a dashboard ("rgb_array", matplotlib) or as a text card ("ansi").

`snapshot` gathers what there is to show, from tables alone: rendering never evaluates a design, so that it is never on
a solver's bill. `dashboard` composes `network_panel`, `accelerator_panel`, `cost_panel` and `objective_panel` on a
`canvas`.
"""

from __future__ import annotations

from typing import Any

from dance_env.drawing.design.snapshot import Snapshot, snapshots
from dance_env.drawing.design.text_card import text_card

__all__ = ["Snapshot", "render_frame", "snapshots", "text_card"]


def render_frame(view: Snapshot, *, mode: str) -> Any:
    """A `(560, 1000, 3)` uint8 array for "rgb_array", a text for "ansi"."""
    if mode == "ansi":
        return text_card(view)
    from dance_env.drawing.design.dashboard import dashboard  # matplotlib

    return dashboard(view)
