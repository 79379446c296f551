"""dance-published: DANCE with what we added to it switched off."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from solvers.methods.dance.hdx import HdxSettings
from solvers.methods.dance.rounds import RoundSettings
from solvers.methods.dance.solver import Dance


@dataclass(frozen=True)
class DancePublished(Dance):
    """DANCE as the paper describes it (arXiv 2009.06237): the descent alone, and the generated accelerator as it comes.

    No refinement at the corners, no hard constraints during the search, no comparison of likely accelerators before the
    evaluation. What is left of a budget still goes to further accelerators for the best networks, where the paper stops.

    Attributes:
        hdx: None, as published.
        rounds: all searches from the first round on, no visits.
        accelerators: 1: the generated one.
        tolerances: none.
    """

    name: ClassVar[str] = "dance-published"
    hdx: HdxSettings | None = None
    rounds: RoundSettings = field(default_factory=lambda: RoundSettings(opening=64, visits=0))
    accelerators: int = 1
    tolerances: tuple[float, ...] = (0.0,)
