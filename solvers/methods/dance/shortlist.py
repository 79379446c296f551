"""Second choices of accelerator: those that the evaluator ranks best for the best networks."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import torch

from solvers.methods.dance.data import hardware_features
from solvers.methods.dance.options import network_option_counts, one_hot

if TYPE_CHECKING:
    from solvers.contract.metered_problem import MeteredProblem
    from solvers.methods.dance.evaluator import Evaluator
    from solvers.methods.dance.finish import Finalists


_LIKELY = 1024
"""Accelerators that the estimator compares for one network: the likeliest by the generator's heads together."""


class Shortlist:
    """Ranks accelerators for a network by the estimator (by the generator, where the estimator does not see them).

    The generator classifies each choice on its own, so that its four answers need not fit each other where two
    accelerators are nearly equal; the estimator judges them together. No question is put to the problem.
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
        self._known: dict[bytes, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
        self._options = problem.accelerator_space.unindex(np.arange(problem.accelerator_space.size))

    def spend(self, finalists: Finalists, evaluations: int) -> None:
        """Evaluate up to `evaluations` more designs: the best networks so far on their best-ranked accelerators, in turns."""
        if evaluations < 1:
            return
        networks = finalists.best_networks(self._networks)
        ranked = []
        for network, tolerance in itertools.product(networks, self._tolerances):
            order = self._ranking(network, tolerance)
            designs = np.concatenate([np.repeat(network[None], len(order), axis=0), self._options[order]], axis=1)
            ranked.append(finalists.unseen(designs, most=evaluations))
        longest = max(len(designs) for designs in ranked)
        turns = [designs[turn] for turn in range(longest) for designs in ranked if turn < len(designs)]
        if turns:
            finalists.evaluate(np.stack(turns), most=evaluations)

    def _ranking(self, network: np.ndarray, tolerance: float) -> np.ndarray:
        """Accelerator indices, the best first: least predicted violation beyond `tolerance`, then least predicted cost."""
        likely, value, violation = self._forecast(network)
        return likely[np.lexsort((value, np.maximum(violation - tolerance, 0.0)))]

    def _forecast(self, network: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The accelerators likeliest by the generator, and their predicted cost and violation; the same each round."""
        key = network.tobytes()
        if key not in self._known:
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
            self._known[key] = (likely.cpu().numpy(), value.cpu().numpy(), violation.cpu().numpy())
        return self._known[key]

    def _log_probs(self, probs: torch.Tensor) -> torch.Tensor:
        generator = self._evaluator.generator
        return torch.cat([torch.log_softmax(head[0], dim=0) for head in generator.split(generator(probs))])
