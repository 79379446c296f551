"""The best accelerator of a network by the evaluator: the estimator compares those that the generator finds likeliest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from solvers.contract.metered_problem import MeteredProblem
from solvers.methods.dance.evaluator import Evaluator
from solvers.methods.dance.refined.vertices import PredictDesigns, PredictedDesigns
from solvers.methods.gradient.options import hardware_option_counts, network_option_counts, one_hot

_PER_HEAD = 3
"""Options of each head that candidate accelerators are combined from."""


def best_candidates(
    problem: MeteredProblem, evaluator: Evaluator, *, tolerances: tuple[float, ...], most: int
) -> PredictDesigns:
    """Return a function that gives each network the best, by the estimator, of its likeliest accelerators.

    The generator's heads are independent classifiers, so the generated accelerator may narrowly exceed a limit, or mix
    two good accelerators. The estimator compares some combinations as whole accelerators. The problem is not queried.

    Args:
        problem: whose objective ranks the candidates.
        evaluator: the trained evaluator.
        tolerances: T tolerances of predicted violations.
        most: how many accelerators are compared for a network.
    """
    counts, hardware_counts = network_option_counts(problem), hardware_option_counts(problem)
    device = next(evaluator.parameters()).device

    def predict(networks: np.ndarray, error_pct: np.ndarray) -> PredictedDesigns:
        probs = torch.tensor(one_hot(networks, counts), dtype=torch.float32, device=device)
        with torch.no_grad():
            options = _likeliest(evaluator, probs, hardware_counts, most=most)
            features = [torch.nn.functional.one_hot(options[..., i], count) for i, count in enumerate(hardware_counts)]
            forwarded = torch.cat(features, dim=2).flatten(0, 1).float()
            repeated = probs.repeat_interleave(options.shape[1], dim=0)
            cost = evaluator.estimator.cost(repeated, forwarded if evaluator.feature_forwarding else None)
        errors = torch.tensor(error_pct, device=device).repeat_interleave(options.shape[1])
        shape = options.shape[:2]
        value = problem.objective.cost_function(cost).reshape(shape).cpu().numpy()
        violation = problem.objective.violation(errors, cost).reshape(shape).cpu().numpy()
        return _best(networks, options.cpu().numpy(), value, violation, tolerances=tolerances)

    return predict


def _likeliest(evaluator: Evaluator, probs: torch.Tensor, hardware_counts: Sequence[int], *, most: int) -> torch.Tensor:
    """Return the options (B, A, C) of the accelerators of highest joint probability, the generated one first."""
    kept = [min(_PER_HEAD, count) for count in hardware_counts]
    combinations = torch.cartesian_prod(*(torch.arange(count, device=probs.device) for count in kept))
    heads = evaluator.generator.split(evaluator.generator(probs))
    tops = [torch.log_softmax(head, dim=1).topk(count, dim=1) for head, count in zip(heads, kept, strict=True)]
    parts = [top.values[:, combinations[:, choice]] for choice, top in enumerate(tops)]
    options = torch.stack([top.indices[:, combinations[:, choice]] for choice, top in enumerate(tops)], dim=2)
    rows = torch.arange(len(probs), device=probs.device)[:, None]
    return options[rows, torch.stack(parts).sum(dim=0).topk(min(most, len(combinations)), dim=1).indices]


def _best(
    networks: np.ndarray,
    options: np.ndarray,
    value: np.ndarray,
    violation: np.ndarray,
    *,
    tolerances: tuple[float, ...],
) -> PredictedDesigns:
    """Choose, for each tolerance, the accelerator with the least violation beyond it, then the least cost, of (B, A)."""
    beyond = np.maximum(violation - np.array(tolerances)[:, None, None], 0.0)  # (T, B, A)
    least = beyond == beyond.min(axis=2, keepdims=True)
    best = np.where(least, value, np.inf).argmin(axis=2)  # (T, B)
    rows = np.arange(len(networks))
    designs = np.stack([np.concatenate([networks, options[rows, each]], axis=1) for each in best])
    return PredictedDesigns(designs, value[rows, best], np.take_along_axis(beyond, best[:, :, None], axis=2)[:, :, 0])
