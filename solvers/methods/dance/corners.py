"""Refinement at the corners: one gradient at a network foretells every network that differs from it in one choice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from dance_env.analysis.exact import non_dominated
from solvers.methods.dance.options import network_option_counts, one_hot

if TYPE_CHECKING:
    from solvers.contract.metered_problem import MeteredProblem


@dataclass(frozen=True, eq=False)
class Appraisal:
    """What a solver foresees of networks (B, N), before any exact evaluation.

    The forecast may be off: for each of T tolerances it names the accelerator that would be chosen if foreseen
    violations up to it were overlooked.

    Attributes:
        designs: each network with the accelerator that it would get (T, B, D).
        cost_value: the objective's cost function (T, B).
        violation: of all limits, beyond the tolerance (T, B).
    """

    designs: np.ndarray
    cost_value: np.ndarray
    violation: np.ndarray


Appraise = Callable[[np.ndarray, np.ndarray], Appraisal]
"""From networks (B, N) and their foreseen errors (B,), percentage points, to an appraisal."""


class Corners:
    """Networks foreseen so far; mutable.

    The expected error is linear in the probabilities of each choice, for any error that is known in expectation. Its
    gradient at a network, a corner of the relaxed space, is therefore the difference that each change of one choice
    makes, exactly; what the solver knows of costs makes an objective of it. A visit to a network costs one gradient
    query, and foretells all its neighbours.

    Networks are compared from several points of view: each lambda with each tolerance of the forecast, and in a sweep
    the foreseen Pareto front besides, which no lambda finds where it is not convex. Every point of view has its turn.

    Args:
        problem: the metered problem.
        relaxed: its differentiable view.
        appraise: what the solver knows of costs.
        lambdas: factors on lambda2.
        tolerances: T, of `appraise`.
        device: of `relaxed`.
    """

    def __init__(
        self,
        problem: MeteredProblem,
        relaxed: Any,
        appraise: Appraise,
        *,
        lambdas: tuple[float, ...],
        tolerances: int,
        device: str,
    ) -> None:
        self._meter = problem.meter
        self._relaxed = relaxed
        self._appraise = appraise
        weights: list[float | None] = [factor * problem.objective.weight for factor in lambdas]
        weights += [None] if len(lambdas) > 1 else []  # None: the front
        self._views = [(weight, slack) for weight in weights for slack in range(tolerances)]
        self._device = device
        self._counts = network_option_counts(problem)
        choices = np.repeat(np.arange(len(self._counts)), self._counts)
        self._change = (choices, np.concatenate([np.arange(count) for count in self._counts]))
        self._rows: dict[bytes, int] = {}
        self._networks = np.empty((0, len(self._counts)), dtype=np.int64)
        self._visited = np.empty(0, dtype=bool)
        self._error_pct = np.empty(0)
        self._forecast = Appraisal(
            designs=np.empty((tolerances, 0, problem.space.num_choices), dtype=np.int64),
            cost_value=np.empty((tolerances, 0)),
            violation=np.empty((tolerances, 0)),
        )

    def refine(self, networks: np.ndarray, *, visits: int, width: int) -> None:
        """Visit the given networks (B, N), then, `width` at a time, the best of all that is foreseen.

        Args:
            networks: where to start, the most promising first.
            visits: the most gradient queries.
            width: visits at a time.
        """
        visits = min(visits, self._meter.left)
        spent = self._visit(networks[:visits])
        while spent < visits:
            rows, _ = self._order()
            new = list(dict.fromkeys(rows[~self._visited[rows]].tolist()))[: min(width, visits - spent)]
            if not new:
                return
            spent += self._visit(self._networks[new])

    def ranked(self) -> np.ndarray:
        """All designs foreseen (n, D), the best from every point of view first, then the second best, and so on."""
        rows, views = self._order()
        slacks = np.array([slack for _, slack in self._views])
        return self._forecast.designs[slacks[views], rows]

    def with_decoded(self, networks: np.ndarray, *, first: int) -> np.ndarray:
        """Designs in the order in which to evaluate them: some that a search ended with, the `ranked` ones, the rest.

        Args:
            networks: decoded networks (B, N), the most promising first.
            first: how many of them come before all that was foreseen.
        """
        decoded = self._appraise(networks, np.zeros(len(networks))).designs[0]
        return np.concatenate([decoded[:first], self.ranked(), decoded[first:]])

    def _order(self) -> tuple[np.ndarray, np.ndarray]:
        """Networks' rows (n * views,) and the point of view of each: all in turns, each from its best on."""
        orders = [self._by_weight(weight, slack) for weight, slack in self._views]
        return np.stack(orders, axis=1).ravel(), np.tile(np.arange(len(orders)), len(self._networks))

    def _by_weight(self, weight: float | None, slack: int) -> np.ndarray:
        error, cost = self._error_pct, self._forecast.cost_value[slack]
        if weight is None:
            value = front_layers(error, np.where(self._forecast.violation[slack] > 0, np.inf, cost))
        else:
            value = error + (weight * cost if weight else 0.0)
        return np.lexsort((value, self._forecast.violation[slack]))

    def _visit(self, networks: np.ndarray) -> int:
        """Ask for the gradients at those networks that were not visited; how many those are."""
        fresh = {
            key: network
            for network in networks
            if (row := self._rows.get(key := network.tobytes())) is None or not self._visited[row]
        }
        if not fresh:
            return 0
        corners = np.stack(list(fresh.values()))
        error, changes = self._errors(corners)
        choices, options = self._change
        around = np.repeat(corners[:, None, :], len(choices), axis=1)
        around[:, np.arange(len(choices)), choices] = options
        self._add(around.reshape(-1, corners.shape[1]), (error[:, None] + changes).ravel())
        rows = [self._rows[corner.tobytes()] for corner in corners]
        self._visited[rows] = True
        return len(corners)

    def _errors(self, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Errors (B,) and what each option would change of them (B, O_net), percentage points."""
        probs = torch.tensor(one_hot(corners, self._counts), device=self._device, requires_grad=True)
        error_pct = 100.0 * (1.0 - self._relaxed.accuracy(probs))
        (gradient,) = torch.autograd.grad(error_pct.sum(), probs)
        slopes, chosen = gradient.cpu().numpy(), probs.detach().cpu().numpy() > 0
        own = slopes[chosen].reshape(corners.shape)  # the slope of each choice's own option
        return error_pct.detach().cpu().numpy(), slopes - np.repeat(own, self._counts, axis=1)

    def _add(self, networks: np.ndarray, error_pct: np.ndarray) -> None:
        fresh: dict[bytes, int] = {}
        for row, network in enumerate(networks):
            key = network.tobytes()
            if key not in self._rows:
                fresh.setdefault(key, row)
        if not fresh:
            return
        self._rows.update(zip(fresh, range(len(self._networks), len(self._networks) + len(fresh)), strict=True))
        rows = np.fromiter(fresh.values(), dtype=np.int64)
        seen = self._appraise(networks[rows], error_pct[rows])
        self._networks = np.concatenate([self._networks, networks[rows]])
        self._visited = np.concatenate([self._visited, np.zeros(len(rows), dtype=bool)])
        self._error_pct = np.concatenate([self._error_pct, error_pct[rows]])
        self._forecast = Appraisal(
            designs=np.concatenate([self._forecast.designs, seen.designs], axis=1),
            cost_value=np.concatenate([self._forecast.cost_value, seen.cost_value], axis=1),
            violation=np.concatenate([self._forecast.violation, seen.violation], axis=1),
        )


def front_layers(error: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Of each point (n,): 0 on the Pareto front, 1 on that of the rest, up to `_LAYERS` for all others; int64."""
    layers = np.full(len(error), _LAYERS)
    left = np.arange(len(error))
    for layer in range(_LAYERS):
        front = non_dominated(error[left], cost[left])
        layers[left[front]] = layer
        left = np.delete(left, front)
    return layers


_LAYERS = 3
