"""What `dance export --check` prints: a tool's figures beside ours."""

from __future__ import annotations

from collections.abc import Sequence

from dance_env.command_line import columns
from dance_env.exporting.checking import LayerCheck, ToolCheck

_SHOWN = 8


def check_text(check: ToolCheck, tolerance: float | None) -> str:
    """Return what a tool says of an export as lines: totals, the layers furthest from our costs and why, what it refused.

    Args:
        check: What it says.
        tolerance: In percent; None where any difference will do.
    """
    costed = [each for each in check.layers if not each.error]
    lines = [f"{check.tool} {check.version}, our mappings, theirs against ours:"]
    if costed:
        equal = sum(not each.words for each in costed)
        lines += [
            f"  energy {_change(check.energy_ratio)}, cycles {_change(check.cycles_ratio)} of {_layers(costed)} together",
            f"  the words moved at every level are equal in {equal} of them",
        ]
    differing = sorted((each for each in costed if each.words), key=_distance, reverse=True)
    if differing:
        lines.append("  furthest, with the count that differs most (ours, theirs):")
        lines += [f"    {line}" for line in columns(map(_row, differing[:_SHOWN]))]
        if len(differing) > _SHOWN:
            lines.append(f"    and {len(differing) - _SHOWN} more; --json lists all")
    if costed and check.reasons:
        lines += ["  why, by the tool's rules:", *(f"    {reason}" for reason in check.reasons)]
    lines += [f"  {each.folder}: refused: {each.error}" for each in check.failed]
    if tolerance is not None and not check.within(tolerance):
        lines.append(f"  not within {tolerance:g} % of ours")
    return "\n".join(lines) + "\n"


def _row(layer: LayerCheck) -> tuple[str, ...]:
    name, (ours, theirs) = max(layer.words.items(), key=lambda item: abs(item[1][1] - item[1][0]))
    energy, cycles = _change(layer.energy_ratio), _change(layer.cycles_ratio)
    return layer.folder, f"energy {energy}", f"cycles {cycles}", name, f"{ours:.0f}, {theirs:.0f}"


def _distance(layer: LayerCheck) -> float:
    return max(abs(layer.energy_ratio - 1.0), abs(layer.cycles_ratio - 1.0))


def _change(ratio: float) -> str:
    return f"{100.0 * (ratio - 1.0):+.2f} %"


def _layers(layers: Sequence[LayerCheck]) -> str:
    return "1 different layer" if len(layers) == 1 else f"{len(layers)} different layers"
