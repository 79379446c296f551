"""Figures of the statistics as text, alike in Markdown and HTML."""

from __future__ import annotations

import math

from solvers.comparison.statistics import Interval


def interval_text(of: Interval) -> str:
    """Return a figure with its interval in brackets."""
    return f"{regret_text(of.value)} [{regret_text(of.low)}, {regret_text(of.high)}]"


def regret_text(value: float) -> str:
    """Return a regret to three digits; a dash where it is not known."""
    if math.isnan(value):
        return "–"
    return f"{value:.3g}" if math.isfinite(value) else ("∞" if value > 0 else "-∞")


def length_text(value: float) -> str:
    """Return a run length; "never" where it is infinite, a dash where it is not known."""
    if math.isnan(value):
        return "–"
    return "never" if math.isinf(value) else f"{value:,.0f}" if value >= 10 else f"{value:.3g}"


def p_text(value: float) -> str:
    """Return a p value; a dash where there was no test."""
    if math.isnan(value):
        return "–"
    return f"{value:.3f}" if value >= 0.001 else f"{value:.0e}"
