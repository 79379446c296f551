"""A design as a card of text."""

from __future__ import annotations

import textwrap

from dance_env.drawing.design.snapshot import AcceleratorView, Snapshot
from dance_env.objective.quantities import METRIC_LABELS, label_of, quantity

_WIDTH = 78
_JOINED = "\N{NO-BREAK SPACE}"


def text_card(view: Snapshot) -> str:
    """Return a framed card, 80 columns wide: episode, network, accelerator, costs, objective."""
    lines = [
        *_field("network", "  ".join(block.operator or "?" for block in view.blocks)),
        *_field("accelerator", _accelerator(view.accelerator)),
    ]
    lines += _verdict(view) if view.values is not None else _field("objective", "not evaluated yet")
    title = f" {textwrap.shorten(view.title, 30, placeholder='…')} "
    place = f" {view.style}, step {view.step} of {view.horizon} "
    rule = "─" * max(1, _WIDTH - 2 - len(title) - len(place))
    body = "\n".join(f"│ {line:<{_WIDTH - 2}} │" for line in lines)
    return f"╭─{title}{rule}{place}─╮\n{body}\n╰{'─' * _WIDTH}╯"


def _verdict(view: Snapshot) -> list[str]:
    assert view.values is not None
    costs = [
        _joined(f"{METRIC_LABELS[name]} {quantity(name, view.values[name])}")
        for name in METRIC_LABELS
        if name != "error_pct"
    ]
    error, objective = view.values["error_pct"], view.values["objective"]
    violation = view.values["violation"]
    labels = {name: view.error_name if name == "error_pct" else label_of(name) for name in view.limits}
    limits = ", ".join(f"{labels[name]} ≤ {quantity(name, limit)}" for name, limit in view.limits.items())
    verdict = "feasible" if violation <= 0 else f"violation {violation:.4g}"
    return [
        *_field("costs", "   ".join(costs)),
        *_field("objective", f"{objective:.4f} points = {error:.4f} {view.error_name} + {objective - error:.4f} cost"),
        *_field("limits", f"{limits}: {verdict}" if limits else verdict),
    ]


def _accelerator(accelerator: AcceleratorView) -> str:
    def shown(value: object) -> str:
        return "?" if value is None else str(value)

    text = (
        f"{shown(accelerator.pe_x)} × {shown(accelerator.pe_y)} PEs, {shown(accelerator.rf_words)} words per register "
        f"file, {shown(accelerator.dataflow)}"
    )
    text = ", ".join([text, *(f"{value} {label}" for value, label in accelerator.memory_facts())])
    return text if accelerator.utilization is None else f"{text}; {accelerator.utilization:.1%} busy"


def _field(label: str, text: str) -> list[str]:
    indent = " " * 13
    lines = textwrap.wrap(f"{label:<13}{text}", _WIDTH - 2, subsequent_indent=indent, break_on_hyphens=False)
    return [line.replace(_JOINED, " ") for line in lines]


def _joined(text: str) -> str:
    """The text with spaces at which no line is broken."""
    return text.replace(" ", _JOINED)
