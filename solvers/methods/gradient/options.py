"""Options as indices and as probabilities; the choices' blocks stand side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from dance_env.problem import Problem
    from solvers.contract.metered_problem import MeteredProblem


def network_option_counts(problem: Problem | MeteredProblem) -> tuple[int, ...]:
    """Return the number of options of each network choice."""
    return tuple(int(count) for count in problem.space.option_counts[problem.space.network])


def hardware_option_counts(problem: Problem | MeteredProblem) -> tuple[int, ...]:
    """Return the number of options of each accelerator choice."""
    return tuple(int(count) for count in problem.space.option_counts[problem.space.hardware])


def most_probable(probs: np.ndarray, option_counts: Sequence[int]) -> np.ndarray:
    """Return the most probable network (B, N) of each row of probabilities or logits (B, O_net)."""
    blocks = np.split(probs, np.cumsum(option_counts)[:-1], axis=1)
    return np.stack([block.argmax(axis=1) for block in blocks], axis=1)


def one_hot(options: np.ndarray, option_counts: Sequence[int]) -> np.ndarray:
    """Return option indices (B, C) as one-hot probabilities (B, O), float64."""
    flat = options + (np.cumsum(option_counts) - np.asarray(option_counts))
    result = np.zeros((len(options), int(sum(option_counts))))
    np.put_along_axis(result, flat, 1.0, axis=1)
    return result
