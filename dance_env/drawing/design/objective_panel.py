"""The objective: its two parts, whether limits are met, and what this environment has evaluated so far."""

from __future__ import annotations

import numpy as np

from dance_env.drawing.canvas import Canvas
from dance_env.drawing.design.snapshot import Snapshot
from dance_env.drawing.palette import (
    ACCENT,
    BAD,
    COST,
    FAINT,
    FEASIBLE_DOT,
    GOOD,
    INFEASIBLE_DOT,
    MUTED,
    TRACE,
)


def draw_objective(canvas: Canvas, view: Snapshot, *, x: float, y: float, width: float, height: float) -> None:
    """Draw the panel into the given rectangle, pixels."""
    canvas.card(x, y, width, height, title="Objective")
    if view.values is None:
        canvas.text(x + width / 2, y + 78, "not evaluated yet", size=14, color=MUTED, ha="center")
    else:
        _draw_parts(canvas, view, view.values, x=x + 16, y=y + 40, width=width - 32)
    _draw_history(canvas, view.history, x=x + 16, y=y + 128, width=width - 32, height=height - 160)


def _draw_parts(canvas: Canvas, view: Snapshot, values: dict[str, float], *, x: float, y: float, width: float) -> None:
    objective, error, violation = values["objective"], values["error_pct"], values["violation"]
    canvas.text(x, y + 22, f"{objective:.3f}", size=25, weight="bold")
    badge, color = ("feasible", GOOD) if violation <= 0 else (f"violation {violation:.3g}", BAD)
    canvas.text(x + width, y + 20, badge, size=13, color=color, weight="bold", ha="right")
    share = error / objective if np.isfinite(objective) and objective > 0 else 1.0
    split = width * min(max(share, 0.0), 1.0)
    canvas.box(x, y + 36, width, 9, color=COST, radius=3)
    canvas.box(x, y + 36, max(split, 7), 9, color=ACCENT, radius=3)
    canvas.text(x, y + 62, f"{view.error_name} {error:.3f}", size=12, color=ACCENT, weight="bold")
    canvas.text(x + width, y + 62, f"cost {objective - error:.3f}", size=12, color=COST, weight="bold", ha="right")


def _draw_history(canvas: Canvas, history: np.ndarray, *, x: float, y: float, width: float, height: float) -> None:
    """Objectives as they were evaluated, and the best feasible one so far; infeasible designs are red."""
    below = y + height + 20
    canvas.line([x, x + width], [y + height, y + height], color=FAINT, width=1)
    objective = np.where(np.isfinite(history[:, 0]), history[:, 0], np.nan)
    feasible = history[:, 1] <= 0
    count = len(history)
    canvas.text(x, below, f"{count} evaluation{'' if count == 1 else 's'}", size=10.5, color=MUTED)
    if np.isfinite(objective).sum() < 2:
        return
    low, high = float(np.nanmin(objective)), float(np.nanmax(objective))
    xs = np.linspace(x + 3, x + width - 3, count)

    def heights(values: np.ndarray) -> np.ndarray:
        return y + height - 6 - (height - 16) * (values - low) / max(high - low, 1e-12)

    canvas.line(xs, heights(objective), color=TRACE, width=1.3)
    for mask, color in ((feasible, FEASIBLE_DOT), (~feasible, INFEASIBLE_DOT)):
        canvas.dots(xs[mask], heights(objective[mask]), color=color, size=3.3)
    best = np.fmin.accumulate(np.where(feasible, objective, np.nan))
    canvas.line(xs, heights(best), color=ACCENT, width=2.2, drawstyle="steps-post")
    text = f"best {best[-1]:.3f}" if np.isfinite(best[-1]) else "none feasible"
    canvas.text(x + width, below, text, size=10.5, color=ACCENT, ha="right", weight="bold")
