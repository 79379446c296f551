"""Further accelerators for the best networks: those that the evaluator ranks best."""

from __future__ import annotations

import itertools

import numpy as np
import torch

from solvers.contract.metered_problem import MeteredProblem
from solvers.methods.dance.evaluator import Evaluator
from solvers.methods.dance.evaluator.data import hardware_features
from solvers.methods.gradient.evaluated import EvaluatedDesigns
from solvers.methods.gradient.options import network_option_counts, one_hot

_LIKELY = 1024
"""Accelerators that the estimator compares for one network: the likeliest by the joint probability of the generator's heads."""


class Shortlist:
    """Ranks accelerators for a network by the estimator (by the generator, if the estimator has no feature forwarding).

    The generator classifies each choice on its own, so its four answers need not fit together where two accelerators are
    nearly equal. The estimator predicts the cost of the whole accelerator. The problem is not queried.
    """

    def __init__(
        self, problem: MeteredProblem, evaluator: Evaluator, *, tolerances: tuple[float, ...], networks: int = 4
    ) -> None:
        self._problem = problem
        self._evaluator = evaluator
        self._networks = networks
        self._tolerances = tolerances
        device = next(evaluator.parameters()).device
        self._features = hardware_features(problem, device=device)
        self._cached: dict[bytes, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
        self._options = problem.accelerator_space.unindex(np.arange(problem.accelerator_space.size))

    def spend(self, evaluated: EvaluatedDesigns, evaluations: int) -> None:
        """Evaluate up to `evaluations` more designs: the best networks so far on their best-ranked accelerators.

        The rankings, one per network and tolerance, are interleaved.
        """
        if evaluations < 1:
            return
        networks = evaluated.best_networks(self._networks)
        ranked = []
        for network, tolerance in itertools.product(networks, self._tolerances):
            order = self._ranking(network, tolerance)
            designs = np.concatenate([np.repeat(network[None], len(order), axis=0), self._options[order]], axis=1)
            ranked.append(evaluated.new(designs, most=evaluations))
        longest = max(len(designs) for designs in ranked)
        interleaved = [designs[row] for row in range(longest) for designs in ranked if row < len(designs)]
        if interleaved:
            evaluated.evaluate(np.stack(interleaved), most=evaluations)

    def _ranking(self, network: np.ndarray, tolerance: float) -> np.ndarray:
        """Return accelerator indices, the best first: by predicted violation beyond `tolerance`, then by predicted cost."""
        likely, value, violation = self._predicted(network)
        return likely[np.lexsort((value, np.maximum(violation - tolerance, 0.0)))]

    def _predicted(self, network: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the accelerators likeliest by the generator, with their predicted cost and violation; computed once a network."""
        key = network.tobytes()
        if key not in self._cached:
            counts = network_option_counts(self._problem)
            probs = torch.tensor(one_hot(network[None], counts), device=self._features.device).float()
            with torch.no_grad():
                scores = self._features @ self._log_probs(probs)
                likely = torch.argsort(scores, descending=True, stable=True)[:_LIKELY]
                value = violation = -scores[likely]
                if self._evaluator.feature_forwarding:
                    cost = self._evaluator.estimator.cost(probs.expand(len(likely), -1), self._features[likely])
                    value = self._problem.objective.cost_function(cost)
                    violation = self._problem.objective.violation(torch.zeros_like(cost.latency_s), cost)
            self._cached[key] = (likely.cpu().numpy(), value.cpu().numpy(), violation.cpu().numpy())
        return self._cached[key]

    def _log_probs(self, probs: torch.Tensor) -> torch.Tensor:
        generator = self._evaluator.generator
        return torch.cat([torch.log_softmax(head[0], dim=0) for head in generator.split(generator(probs))])
