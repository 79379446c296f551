"""A problem made harder in a stated way."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from dance_env.accuracy import DrawnAccuracy, FactoredAccuracy, SampledAccuracy
from dance_env.accuracy.imperfect import ImperfectAccuracy
from dance_env.graph import macs_sum
from dance_env.perturbations.noisy import noisy
from dance_env.perturbations.permuted import (
    Orders,
    PermutedAccelerators,
    PermutedTimes,
    draw_orders,
    joint_order,
    permuted_accuracy,
    permuted_costs,
    permuted_networks,
)
from dance_env.perturbations.perturbation import Perturbation
from dance_env.problem import Failures, Problem


def perturbed(problem: Problem, perturbation: Perturbation) -> Problem:
    """Return a problem with the same optimum that is harder in a stated way; itself where nothing is perturbed.

    Its name is the problem's, a colon, and the perturbation. Its fingerprint is its own. `original` is the problem.

    Args:
        problem: With accuracies that do not come from a supernet.
        perturbation: What is perturbed.

    Raises:
        ValueError: If the problem's accuracies do not allow it: they come from a supernet or are not known; are noisy
            already (for `noise`); or are no sum of factors (for gradients that err).
    """
    if perturbation == Perturbation(seed=perturbation.seed):
        return problem
    accuracy = problem.accuracy
    if accuracy is None or isinstance(accuracy, SampledAccuracy):
        why = "are not known" if accuracy is None else "come from a supernet"
        raise ValueError(f"problem {problem.name!r} cannot be perturbed: its accuracies {why}")
    changed = replace(
        problem,
        name=f"{problem.name}:{perturbation}",
        original=problem.original or problem,
        failures=Failures(perturbation.dropped, perturbation.seed) if perturbation.dropped else problem.failures,
        training_time=problem.training_time or (ProblemTimes(problem) if problem.is_timed else None),
    )
    changed = _with_erring_gradients(changed, perturbation)
    if perturbation.noise:
        changed = _with_noise(changed, perturbation)
    return changed if perturbation.permuted is None else _permuted(changed, perturbation.permuted)


@dataclass(frozen=True, eq=False)
class ProblemTimes:
    """The training times of a problem whose accuracy model states them."""

    problem: Problem = field(repr=False)

    def gpu_hours(self, networks: np.ndarray) -> np.ndarray:
        """Return the GPU-hours (B,) of one training of each network (B, N)."""
        return self.problem.training_gpu_hours(networks)


def _with_erring_gradients(problem: Problem, perturbation: Perturbation) -> Problem:
    tau, towards = perturbation.gradient_tau, None
    if perturbation.gradient_bias < 1:
        tau, towards = perturbation.gradient_bias, macs_sum(problem.network_space)
    if tau == 1:
        return problem
    if not isinstance(problem.accuracy, FactoredAccuracy):
        raise ValueError(
            f"gradients of problem {problem.name!r} cannot err: its accuracy model, {type(problem.accuracy).__name__}, is "
            "no sum of factors (FactoredAccuracy)"
        )
    seen = ImperfectAccuracy.of(problem.accuracy, rank_correlation=tau, seed=perturbation.seed, towards=towards)
    return replace(problem, accuracy=seen)


def _with_noise(problem: Problem, perturbation: Perturbation) -> Problem:
    assert problem.accuracy is not None
    if isinstance(problem.accuracy, DrawnAccuracy):
        raise ValueError(f"problem {problem.name!r} is noisy already: perturb the task without noise")
    accuracy = noisy(
        problem.accuracy, perturbation.noise / 100.0, seed=perturbation.seed, network_space=problem.network_space
    )
    return replace(problem, accuracy=accuracy)


def _permuted(problem: Problem, seed: int) -> Problem:
    rng = np.random.default_rng(seed)
    networks: Orders = draw_orders(problem.network_space.choices(), rng)
    axes: Orders = draw_orders(problem.accelerator_space.choices(), rng)
    hardware = joint_order(range(len(axes)), axes)
    assert problem.accuracy is not None
    return replace(
        problem,
        network_space=permuted_networks(problem.network_space, networks),
        accelerator_space=PermutedAccelerators.of(problem.accelerator_space, axes),
        costs=permuted_costs(problem.costs, networks, hardware),
        accuracy=permuted_accuracy(problem.accuracy, networks),
        training_time=PermutedTimes(problem.training_gpu_hours, networks) if problem.is_timed else None,
    )
