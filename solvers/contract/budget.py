"""What a run may spend."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

_UNITS = {"": "evaluations", "networks": "networks", "gpuh": "gpu_hours"}
_FORMS = (
    "4000 (evaluations + gradient queries), 300networks (trained networks), 500gpuh (GPU-hours), or several with commas"
)


@dataclass(frozen=True)
class Budget:
    """The most that one run may spend; the first limit that is reached ends the run.

    Attributes:
        evaluations: Evaluations plus gradient queries, at least 1.
        networks: Trained networks: the distinct networks evaluated, and once gradients are asked for a supernet's
            trainings (`Problem.supernet_trainings`). At least 1.
        gpu_hours: GPU-hours of these trainings, above 0.

    Raises:
        TypeError: If a count is not a whole number, or the GPU-hours are not a number.
        ValueError: If there is no limit, or one is out of range.
    """

    evaluations: int | None = None
    networks: int | None = None
    gpu_hours: float | None = None

    def __post_init__(self) -> None:
        if self.evaluations is None and self.networks is None and self.gpu_hours is None:
            raise ValueError(f"a budget needs a limit: {_FORMS}")
        for name, unit in (("evaluations", "evaluation"), ("networks", "network")):
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | np.integer):
                raise TypeError(f"the budget is a whole number of {unit}s, not {value!r}")
            if value < 1:
                raise ValueError(f"the budget is at least one {unit}, not {value}")
            object.__setattr__(self, name, int(value))
        hours = self.gpu_hours
        if hours is not None:
            if isinstance(hours, bool) or not isinstance(hours, int | float | np.integer | np.floating):
                raise TypeError(f"the budget is a number of GPU-hours, not {hours!r}")
            if not 0 < hours < math.inf:
                raise ValueError(f"the budget is a number of GPU-hours above 0, not {hours}")
            object.__setattr__(self, "gpu_hours", float(hours))

    @classmethod
    def of(cls, budget: int | str | Budget) -> Budget:
        """Return a budget as it is, one of so many evaluations, or one given as text (see `parse`)."""
        if isinstance(budget, str):
            return cls.parse(budget)
        return budget if isinstance(budget, Budget) else cls(budget)

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Return the budget that a text says: `4000`, `300networks`, `500gpuh`, or several such as `300networks,4000`.

        Raises:
            ValueError: If it says none; the message names the part and the forms that there are.
        """
        limits: dict[str, Any] = {}
        for part in text.split(","):
            found = re.fullmatch(r"\s*([+-]?(?:\d[\d_]*)?\.?\d+(?:e[+-]?\d+)?)\s*([a-z-]*)\s*", part, re.IGNORECASE)
            if found is None:
                raise ValueError(f"the budget {text!r} holds no number in {part!r}; give {_FORMS}")
            number, unit = found[1], found[2].lower()
            if unit not in _UNITS:
                raise ValueError(f"the budget {text!r} has the unknown unit {found[2]!r}; give {_FORMS}")
            name = _UNITS[unit]
            if name in limits:
                raise ValueError(f"the budget {text!r} gives two limits in one unit; give {_FORMS}")
            if name != "gpu_hours" and not re.fullmatch(r"[+-]?\d[\d_]*", number):
                raise ValueError(f"the budget {text!r} is in whole numbers, not {number}; give {_FORMS}")
            limits[name] = float(number) if name == "gpu_hours" else int(number)
        return cls(**limits)

    def __str__(self) -> str:
        """The text that `parse` reads."""
        limits = [f"{getattr(self, name)!r}{unit}" for unit, name in _UNITS.items() if getattr(self, name) is not None]
        return ",".join(limit.replace(".0gpuh", "gpuh") for limit in limits)

    @property
    def described(self) -> str:
        """The limits in words, such as "300 trained networks"."""
        parts = []
        if self.evaluations is not None:
            parts.append(f"{self.evaluations:,} evaluations + gradient queries")
        if self.networks is not None:
            parts.append(f"{self.networks:,} trained networks")
        if self.gpu_hours is not None:
            parts.append(f"{self.gpu_hours:,g} GPU-hours")
        return ", ".join(parts) + (", whichever comes first" if len(parts) > 1 else "")

    @property
    def size(self) -> int:
        """The first of the limits as a whole number, for bars that show how far a run is."""
        return self.evaluations or self.networks or math.ceil(self.gpu_hours or 1)

    @property
    def counts_trainings(self) -> bool:
        """Whether trained networks or GPU-hours are limited."""
        return self.networks is not None or self.gpu_hours is not None
