"""The claims by name, each loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from dance_env.suggest import nearest
from experiments.claims.claim import Claim
from experiments.claims.scale import Scale
from experiments.claims.work import Work

Measure = Callable[[Scale, Work], Claim]

PARTS: dict[str, tuple[str, ...]] = {
    "evaluator_accuracy": ("evaluator",),
    "feature_forwarding": ("evaluator",),
    "joint_beats_separate": ("fronts", "search_evaluator"),
    "joint_gain": ("fronts", "search_evaluator"),
    "search_cost": ("search_cost", "search_evaluator"),
    "accelerators_by_objective": ("objectives",),
    "joint_on_images": ("images",),
}
"""Name -> the parts of the scale that the claim depends on, in the order of the report.

A claim's name is the module in this room whose `measure` tests it.
"""


def claim_names() -> list[str]:
    """All claims, in the order of the report."""
    return list(PARTS)


def load_claim(name: str) -> Measure:
    """The function that tests a claim.

    Raises:
        ValueError: an unknown name; the nearest are offered.
    """
    check_names([name])
    measure: Measure = import_module(f"experiments.claims.{name}").measure
    return measure


def check_names(names: list[str]) -> None:
    """Refuse unknown names.

    Raises:
        ValueError: one is unknown; the nearest are offered.
    """
    for name in names:
        if name not in PARTS:
            raise ValueError(f"there is no claim {name!r}. {nearest(name, PARTS)}")


def settings_of(name: str, scale: Scale) -> dict[str, Any]:
    """The settings that a claim depends on, by part."""
    return {part: getattr(scale, part) for part in PARTS[name]}
