"""network-local-search: best-first local search over networks."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.solver import Solver
from solvers.contract.tunable import Tunable, TunableRange
from solvers.methods.networks.known import KnownNetworks, Merit


@dataclass(frozen=True)
class NetworkLocalSearch(Solver):
    """Best-first local search over networks, each with its exactly best accelerator.

    After a few random networks, the neighbors of the best network whose neighbors are not all known are evaluated, again
    and again. Where that network is a local optimum, the second best is next: the search widens around what is good and
    needs no restarts. In a space whose networks are all known, it ends.

    Attributes:
        starts: Random networks evaluated first.
    """

    name: ClassVar[str] = "network-local-search"
    tunable: ClassVar[Mapping[str, Tunable]] = {
        "starts": TunableRange(1, 64, log=True),
    }
    starts: int = 8

    def __post_init__(self) -> None:
        if self.starts < 1:
            raise ValueError(f"starts is at least 1, not {self.starts}")

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Expand the best network until the budget is spent or every network is known."""
        known = KnownNetworks(problem)
        frontier: list[tuple[Merit, int, np.ndarray]] = []  # the number makes equal merits first come, first served
        number = 0
        found = known.random(rng, self.starts)
        while found:
            for merit, network in zip(known.evaluate(found), found, strict=True):
                heapq.heappush(frontier, (merit, number, network))
                number += 1
            found = []
            while frontier and not found:
                found = known.neighbors(heapq.heappop(frontier)[2])
            found = [found[index] for index in rng.permutation(len(found))] or known.random(rng, self.starts)
