"""Networks that a search has evaluated, each with its best accelerator."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np

from solvers.contract.metered_problem import MeteredProblem

Merit = tuple[float, float]
"""Of a network on its best accelerator: (violation, objective). Less is better: feasible first, then the objective."""

_TRIES = 100
"""Draws after which a search for networks that are not known yet gives up."""

_SMALL = 2**16
"""Networks of a space that is listed whole where drawing finds nothing."""


class KnownNetworks:
    """Evaluates networks, each at most once; mutable.

    Args:
        problem: The metered problem.
        judge: Evaluates networks (batch, N) and returns their merits; by default each on its best accelerator.
    """

    def __init__(self, problem: MeteredProblem, judge: Callable[[np.ndarray], list[Merit]] | None = None) -> None:
        self._problem = problem
        self._judge = judge or self._on_the_best_accelerator
        self._merits: dict[bytes, Merit] = {}
        self.option_counts = problem.space.option_counts[problem.space.network]
        """(N,) options of each network choice."""
        self._size = math.prod(int(count) for count in self.option_counts)

    def __contains__(self, network: np.ndarray) -> bool:
        return network.tobytes() in self._merits

    def evaluate(self, networks: list[np.ndarray]) -> list[Merit]:
        """Evaluate networks, each (N,), that are neither known nor equal to each other, and return their merits."""
        if not networks:
            return []
        merits = self._judge(np.stack(networks))
        self._merits.update((network.tobytes(), merit) for network, merit in zip(networks, merits, strict=True))
        return merits

    def _on_the_best_accelerator(self, networks: np.ndarray) -> list[Merit]:
        evaluation = self._problem.evaluate_networks(networks)
        violation = evaluation.violation.min(axis=1)
        least = evaluation.violation == violation[:, None]
        objective = np.where(least, evaluation.objective, np.inf).min(axis=1)
        return list(zip(violation.tolist(), objective.tolist(), strict=True))

    def random(self, rng: np.random.Generator, count: int) -> list[np.ndarray]:
        """Draw up to `count` networks that are not known; fewer where hardly any (in small spaces: no more) are left."""
        drawn: dict[bytes, np.ndarray] = {}
        for _ in range(_TRIES):
            if len(drawn) == count:
                break
            for network in rng.integers(self.option_counts, size=(count - len(drawn), len(self.option_counts))):
                if network not in self:
                    drawn.setdefault(network.tobytes(), network)
        if len(drawn) < count and self._size <= _SMALL:
            every = np.stack(np.unravel_index(rng.permutation(self._size), self.option_counts), axis=1)
            unknown = (network for network in every if network not in self)
            drawn = {network.tobytes(): network for network in itertools.islice(unknown, count)}
        return list(drawn.values())

    def neighbors(self, network: np.ndarray) -> list[np.ndarray]:
        """Return the networks that differ from `network` (N,) in one choice and are not known yet."""
        found = []
        for choice, count in enumerate(self.option_counts):
            for option in range(count):
                neighbor = network.copy()
                neighbor[choice] = option
                if neighbor not in self:  # the network itself is known
                    found.append(neighbor)
        return found
