"""Steepest descents under single changes, from many starts at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dance_env.progress import Progress

TOLERANCE = 1e-9
"""Objectives that differ by less, relative to the larger (or to 1), count as equal: sums in another order differ so."""

_STARTS_AT_A_TIME = 512


class Standing(NamedTuple):
    """What orders designs: the violation first, then the objective; leaves `(B,)`."""

    violation: np.ndarray
    objective: np.ndarray


Judge = Callable[[np.ndarray], Standing]
"""From option indices `(B, K)` to their standing."""


@dataclass(frozen=True, eq=False)
class Descents:
    """Where descents ended: at local optima, of which no single change is better.

    Attributes:
        ends: `(S, K)` int64, option indices.
        violation: `(S,)` of each end.
        objective: `(S,)` of each end.
        steps: `(S,)` int64, changes from each start to its end.
    """

    ends: np.ndarray
    violation: np.ndarray
    objective: np.ndarray
    steps: np.ndarray

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def feasible(self) -> np.ndarray:
        """`(S,)` bool: whether each end meets the limits."""
        return self.violation <= 0.0

    def reached(self, objective: float) -> int:
        """Return how many descents ended at a feasible design with this objective, or a lower one."""
        return int((self.feasible & (self.objective <= objective + TOLERANCE * max(1.0, abs(objective)))).sum())

    @property
    def different(self) -> int:
        """Number of different objectives among the feasible ends; designs with equal objectives count once."""
        values = np.sort(self.objective[self.feasible])
        if not len(values):
            return 0
        return 1 + int((np.diff(values) > TOLERANCE * np.maximum(1.0, np.abs(values[1:]))).sum())

    def regret(self, objective: float) -> np.ndarray:
        """Return the objectives of the feasible ends less this one, sorted, never below 0."""
        return np.maximum(np.sort(self.objective[self.feasible]) - objective, 0.0)


def descend(
    starts: np.ndarray, option_counts: Sequence[int], judge: Judge, *, progress: Progress | None = None
) -> Descents:
    """Descend from each start: make the best single change while that is an improvement.

    A change sets one choice to any other of its options. The best change is the one with the least violation, then the
    least objective, then the first choice and option. Equal designs are no improvement, so that a descent ends.

    Args:
        starts: `(S, K)` int64 option indices.
        option_counts: Options of each of the `K` choices.
        judge: What orders the designs.
        progress: Called with (descents ended, descents in all).
    """
    parts, done = [], 0
    for first in range(0, len(starts), _STARTS_AT_A_TIME):

        def ended(count: int, before: int = done) -> None:
            if progress is not None:
                progress(before + count, len(starts))

        part = _descend(starts[first : first + _STARTS_AT_A_TIME], option_counts, judge, ended)
        parts.append(part)
        done += len(part)
    ends, violation, objective, steps = zip(*((p.ends, p.violation, p.objective, p.steps) for p in parts), strict=True)
    return Descents(*(np.concatenate(leaf) for leaf in (ends, violation, objective, steps)))


def _descend(starts: np.ndarray, option_counts: Sequence[int], judge: Judge, ended: Callable[[int], None]) -> Descents:
    now = np.array(starts, dtype=np.int64)
    violation, objective = (np.array(leaf) for leaf in judge(now))
    steps = np.zeros(len(now), dtype=np.int64)
    column = np.repeat(np.arange(len(option_counts)), option_counts)
    option = np.concatenate([np.arange(count) for count in option_counts])
    active = np.arange(len(now))
    while len(active):
        changed = np.repeat(now[active, None], len(column), axis=1)
        changed[:, np.arange(len(column)), column] = option
        found = judge(changed.reshape(-1, now.shape[1]))
        by_violation, by_objective = (leaf.reshape(len(active), -1) for leaf in found)
        best = np.lexsort((by_objective, by_violation), axis=1)[:, 0]
        rows = np.arange(len(active))
        least, value = by_violation[rows, best], by_objective[rows, best]
        better = (least < violation[active]) | ((least == violation[active]) & (value < objective[active]))
        moved, active = rows[better], active[better]
        now[active] = changed[moved, best[moved]]
        violation[active], objective[active] = least[moved], value[moved]
        steps[active] += 1
        ended(len(now) - len(active))
    return Descents(now, violation, objective, steps)
