"""Refinement at vertices: one gradient at a network predicts the error of every network that differs in one choice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from solvers.contract.metered_problem import MeteredProblem
from solvers.methods.gradient.options import network_option_counts, one_hot


@dataclass(frozen=True, eq=False)
class PredictedDesigns:
    """What a solver predicts for networks (B, N), before any exact evaluation.

    A prediction may be inexact. For each of T tolerances, the design has the accelerator that would be chosen if
    predicted violations up to the tolerance were ignored.

    Attributes:
        designs: each network with its chosen accelerator (T, B, D).
        cost_value: the objective's cost function (T, B).
        violation: of all limits, beyond the tolerance (T, B).
    """

    designs: np.ndarray
    cost_value: np.ndarray
    violation: np.ndarray


PredictDesigns = Callable[[np.ndarray, np.ndarray], PredictedDesigns]
"""From networks (B, N) and their predicted errors (B,), percentage points, to the predicted designs."""


class VertexRefinement:
    """The candidate networks so far and the best of their neighbors; mutable.

    The expected error is linear in the probabilities of each choice, for every accuracy model with exact expectations. Its
    gradient at a network, which is a vertex of the relaxed space, is therefore exactly the difference that each change
    of one choice makes. With the costs that the solver predicts, this gives a predicted objective for all neighbors of
    the network, at the price of one gradient query.

    Candidates are ranked once per tolerance of the prediction, and the rankings are interleaved.

    Args:
        problem: the metered problem.
        relaxed: its differentiable view.
        predict: the solver's predicted accelerators and costs.
        tolerances: T, the number of tolerances of `predict`.
        device: of `relaxed`.
    """

    def __init__(
        self, problem: MeteredProblem, relaxed: Any, predict: PredictDesigns, *, tolerances: int, device: str
    ) -> None:
        self._meter = problem.meter
        self._relaxed = relaxed
        self._predict = predict
        self._weight = problem.objective.weight
        self._device = device
        self._counts = network_option_counts(problem)
        choices = np.repeat(np.arange(len(self._counts)), self._counts)
        self._changes = (choices, np.concatenate([np.arange(count) for count in self._counts]))
        self._rows: dict[bytes, int] = {}
        self._networks = np.empty((0, len(self._counts)), dtype=np.int64)
        self._queried = np.empty(0, dtype=bool)
        self._error_pct = np.empty(0)
        self._predicted = PredictedDesigns(
            designs=np.empty((tolerances, 0, problem.space.num_choices), dtype=np.int64),
            cost_value=np.empty((tolerances, 0)),
            violation=np.empty((tolerances, 0)),
        )

    def refine(self, networks: np.ndarray, *, queries: int, batch: int) -> None:
        """Query the gradient at the given networks (B, N), then, `batch` at a time, at the best candidates.

        Args:
            networks: where to start, the most promising first.
            queries: the most gradient queries.
            batch: gradient queries at a time.
        """
        queries = min(queries, self._meter.left)
        spent = self._query(networks[:queries])
        while spent < queries:
            rows, _ = self._order()
            fresh = list(dict.fromkeys(rows[~self._queried[rows]].tolist()))[: min(batch, queries - spent)]
            if not fresh:
                return
            spent += self._query(self._networks[fresh])

    def ranked(self) -> np.ndarray:
        """Return all candidate designs (n, D): the best by every ranking first, then the second best, and so on."""
        rows, tolerances = self._order()
        return self._predicted.designs[tolerances, rows]

    def with_decoded(self, networks: np.ndarray, *, first: int) -> np.ndarray:
        """Return designs in the order in which to evaluate them: some decoded ones, the `ranked` ones, the rest.

        Args:
            networks: decoded networks (B, N), the most promising first.
            first: how many of them come before the candidates.
        """
        decoded = self._predict(networks, np.zeros(len(networks))).designs[0]
        return np.concatenate([decoded[:first], self.ranked(), decoded[first:]])

    def _order(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the candidates' rows and the tolerance that ranked each (n * T,): the T rankings interleaved."""
        violation = self._predicted.violation
        value = self._error_pct + (self._weight * self._predicted.cost_value if self._weight else 0.0)
        orders = [np.lexsort((np.broadcast_to(value, violation.shape)[t], violation[t])) for t in range(len(violation))]
        return np.stack(orders, axis=1).ravel(), np.tile(np.arange(len(orders)), len(self._networks))

    def _query(self, networks: np.ndarray) -> int:
        """Query the gradients at those networks that were not queried before, and return how many those are."""
        fresh = {
            key: network
            for network in networks
            if (row := self._rows.get(key := network.tobytes())) is None or not self._queried[row]
        }
        if not fresh:
            return 0
        vertices = np.stack(list(fresh.values()))
        error_pct, changes = self._errors(vertices)
        choices, options = self._changes
        neighbors = np.repeat(vertices[:, None, :], len(choices), axis=1)
        neighbors[:, np.arange(len(choices)), choices] = options
        self._add(neighbors.reshape(-1, vertices.shape[1]), (error_pct[:, None] + changes).ravel())
        self._queried[[self._rows[vertex.tobytes()] for vertex in vertices]] = True
        return len(vertices)

    def _errors(self, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the errors (B,) and how each option would change them (B, O_net), percentage points."""
        chosen = one_hot(vertices, self._counts)
        probs = torch.tensor(chosen, device=self._device, requires_grad=True)
        error_pct = 100.0 * (1.0 - self._relaxed.accuracy(probs))
        (gradient,) = torch.autograd.grad(error_pct.sum(), probs)
        slopes = gradient.cpu().numpy()
        own = slopes[chosen > 0].reshape(vertices.shape)  # the slope of the option that each choice has now
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
        new, known = self._predict(networks[rows], error_pct[rows]), self._predicted
        self._networks = np.concatenate([self._networks, networks[rows]])
        self._queried = np.concatenate([self._queried, np.zeros(len(rows), dtype=bool)])
        self._error_pct = np.concatenate([self._error_pct, error_pct[rows]])
        self._predicted = PredictedDesigns(
            designs=np.concatenate([known.designs, new.designs], axis=1),
            cost_value=np.concatenate([known.cost_value, new.cost_value], axis=1),
            violation=np.concatenate([known.violation, new.violation], axis=1),
        )
