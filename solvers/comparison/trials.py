"""What tuning came to: every trial of each solver, and what they cost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from solvers.contract.budget import Budget


@dataclass(frozen=True)
class Trial:
    """Settings that were tried.

    Attributes:
        settings: Those that are not the contestant's own; empty for trial 0, which is the contestant as given.
        score: Mean over tasks and tuning seeds of the best objective, each task's in units of trial 0's mean; lower is
            better, 1 is as good as trial 0; infinite if a run failed or found no feasible design.
    """

    settings: Mapping[str, Any]
    score: float


@dataclass(frozen=True)
class SolverTuning:
    """The tuning of one solver.

    Attributes:
        label: The contestant's label.
        reason: Why it was not tuned; empty where it was.
        trials: In their order; empty where it was not tuned.
        bill: By task, what tuning cost, as fields of `solvers.Ledger`.
    """

    label: str
    reason: str = ""
    trials: tuple[Trial, ...] = ()
    bill: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def tuned_label(self) -> str:
        """What the solver with its best settings is called in the comparison."""
        return f"{self.label} (tuned)"

    @property
    def best(self) -> Trial:
        """The trial with the least score; the earliest of equal ones."""
        return min(self.trials, key=lambda trial: trial.score)

    @property
    def spread(self) -> tuple[float, float, float]:
        """The least, the upper median and the greatest score of all trials: how much settings matter."""
        scores = [trial.score for trial in self.trials]
        return min(scores), float(np.quantile(scores, 0.5, method="higher")), max(scores, default=math.nan)


@dataclass(frozen=True)
class Tuning:
    """The tuning of every solver.

    Attributes:
        budget: What each might spend, on each task.
        run_budget: What one run might spend.
        seeds: The tuning seeds, none of which is reported.
        solvers: In the order of the contestants.
    """

    budget: Budget
    run_budget: Budget
    seeds: tuple[int, ...]
    solvers: tuple[SolverTuning, ...]
