"""Local search with restarts, over whole designs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dance_env.space import DesignSpace
from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.solver import Solver
from solvers.contract.tunable import Tunable, TunableRange, TunableValues
from solvers.methods.merit import merit

_TRIES = 50
"""Draws after which a search for designs that are not known yet gives up."""


@dataclass(frozen=True)
class LocalSearch(Solver):
    """First improvement among the designs that differ in one choice; from a local optimum, on from a changed best design.

    Neighbors are evaluated in random order, and the first better one is the next to have neighbors. Where all are known
    and none is better, the search goes on from the best design with `kick` choices changed (iterated local search,
    Lourenço et al. 2003), or from a random one. No design is evaluated twice. A feasible design beats an infeasible one,
    of two infeasible ones the lower violation wins.

    Attributes:
        sample: Random designs evaluated first; the search starts from the best of them.
        kick: Choices of the best design that a restart changes; 0 for restarts at random.
        reach: How far an ordinal choice moves in one step, in options; 0 for any distance.
        batch: Neighbors evaluated at once; more is faster, and evaluates some that come after the first better one.

    Raises:
        ValueError: If `sample` or `batch` is below 1, or `kick` or `reach` is negative.
    """

    name: ClassVar[str] = "local-search"
    tunable: ClassVar[Mapping[str, Tunable]] = {
        "sample": TunableRange(1, 64, log=True),
        "kick": TunableRange(0, 6),
        "reach": TunableValues((0, 1, 2, 4)),
    }
    sample: int = 16
    kick: int = 3
    reach: int = 0
    batch: int = 1

    def __post_init__(self) -> None:
        for name, least in (("sample", 1), ("batch", 1), ("kick", 0), ("reach", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is at least {least}, not {getattr(self, name)}")

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Climb and restart until the budget is spent, or nothing new is found."""
        space = problem.space
        known: set[bytes] = set()

        def evaluate(designs: np.ndarray) -> np.ndarray:
            known.update(row.tobytes() for row in designs)
            return merit(problem.evaluate(designs))

        def unknown(designs: np.ndarray) -> np.ndarray:
            return designs[[row.tobytes() not in known for row in designs]]

        start = np.unique(space.sample(rng, self.sample), axis=0)
        merits = evaluate(start)
        best, best_merit = start[merits.argmin()], float(merits.min())
        here, here_merit = best, best_merit
        while True:
            around = unknown(rng.permutation(neighbors(space, here, self.reach)))
            for first in range(0, len(around), self.batch):
                tried = around[first : first + self.batch]
                merits = evaluate(tried)
                if merits.min() < here_merit:
                    here, here_merit = tried[merits.argmin()], float(merits.min())
                    break
            else:
                if here_merit < best_merit:
                    best, best_merit = here, here_merit
                fresh = unknown(self._restarts(space, best, rng))
                if not len(fresh):
                    return
                here, here_merit = fresh[0], float(evaluate(fresh[:1])[0])

    def _restarts(self, space: DesignSpace, best: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(n, D) designs to go on from, in this order: first changed best ones, then random ones."""
        free = np.flatnonzero(space.option_counts > 1)
        random = space.sample(rng, _TRIES)
        kicked = np.repeat(best[None], _TRIES if self.kick and free.size else 0, axis=0)
        for row in range(len(kicked)):
            changed = rng.choice(free, size=min(self.kick, free.size), replace=False)
            step = 1 + rng.integers(space.option_counts[changed] - 1)
            kicked[row, changed] = (best[changed] + step) % space.option_counts[changed]
        return np.concatenate((kicked, random))


def neighbors(space: DesignSpace, design: np.ndarray, reach: int) -> np.ndarray:
    """Return the designs (n, D) that differ from `design` (D,) in one choice.

    Args:
        space: The space of the design.
        design: (D,) option indices.
        reach: How far an ordinal choice may move; 0 for any distance.
    """
    moves = [
        (column, option)
        for column, choice in enumerate(space.choices)
        for option in range(len(choice))
        if option != design[column]
        and (not reach or choice.kind == "nominal" or abs(option - int(design[column])) <= reach)
    ]
    found = np.repeat(design[None], len(moves), axis=0)
    found[np.arange(len(moves)), [column for column, _ in moves]] = [option for _, option in moves]
    return found
