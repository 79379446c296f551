"""What a run may spend, and whether the record of such a run can be held."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from solvers.contract.record.trace import row_bytes

TRACE_LIMIT_GB = 2.0
"""The largest trace that a run may keep, unless the environment variable DANCE_TRACE_GB says otherwise.

While a trace grows and while it is saved, up to three times as much memory is in use.
"""


@dataclass(frozen=True)
class Budget:
    """The most that one run may spend.

    Attributes:
        evaluations: Evaluations plus gradient queries, at least 1.

    Raises:
        TypeError: If it is not a whole number.
        ValueError: If it is below 1.
    """

    evaluations: int

    def __post_init__(self) -> None:
        if isinstance(self.evaluations, bool) or not isinstance(self.evaluations, int | np.integer):
            raise TypeError(f"the budget is a whole number of evaluations, not {self.evaluations!r}")
        if self.evaluations < 1:
            raise ValueError(f"the budget is at least one evaluation, not {self.evaluations}")
        object.__setattr__(self, "evaluations", int(self.evaluations))

    @classmethod
    def of(cls, budget: int | Budget) -> Budget:
        """Return a budget as it is, or one of so many evaluations."""
        return budget if isinstance(budget, Budget) else cls(budget)

    def check_memory(self, num_choices: int) -> None:
        """Refuse a budget whose trace could outgrow the limit, before anything is evaluated.

        Args:
            num_choices: Columns of a design.

        Raises:
            ValueError: If a trace of that many rows is larger than `TRACE_LIMIT_GB` (or DANCE_TRACE_GB).
        """
        limit = _trace_limit_gb()
        needed = self.evaluations * row_bytes(num_choices) / 1e9
        if needed > limit:
            raise ValueError(
                f"a run of {self.evaluations:,} evaluations keeps a trace of {needed:.3g} GB ({row_bytes(num_choices)} "
                f"bytes a row), and the limit is {limit:g} GB. Give a budget of at most "
                f"{int(limit * 1e9 // row_bytes(num_choices)):,}, or set DANCE_TRACE_GB to more if there is memory for "
                "three times the trace"
            )


def _trace_limit_gb() -> float:
    text = os.environ.get("DANCE_TRACE_GB", "")
    try:
        limit = float(text) if text else TRACE_LIMIT_GB
    except ValueError:
        limit = 0.0
    if not limit > 0:
        raise ValueError(f"DANCE_TRACE_GB is a number of gigabytes above 0, not {text!r}")
    return limit
