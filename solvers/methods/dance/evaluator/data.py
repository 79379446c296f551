"""The evaluator's training sets: networks with their best accelerator, and (network, accelerator) pairs with costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from solvers.methods.dance.evaluator.labels import LabelTable
from solvers.methods.dance.evaluator.sampling import SamplingSettings, sample_probs
from solvers.methods.gradient.options import hardware_option_counts, network_option_counts, one_hot

if TYPE_CHECKING:  # not imported: what a problem holds is in the evaluator's key by value, not by code
    from dance_env.problem import Problem
    from solvers.contract.metered_problem import MeteredProblem


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Labeled samples, as float32 and int64 tensors on one device.

    Attributes:
        network_probs: the networks (n, O_net).
        best_options: each network's best accelerator, option indices (n, C).
        best_log_cost: log of latency (s), energy (J) and area (mm2) on it (n, 3).
        pair_network: row of `network_probs` of each pair (m,).
        pair_hardware: accelerator index of each pair (m,).
        pair_log_cost: log costs of each pair (m, 3).
        hardware_features: one-hot features of every accelerator (H, O_hw).
    """

    network_probs: torch.Tensor
    best_options: torch.Tensor
    best_log_cost: torch.Tensor
    pair_network: torch.Tensor
    pair_hardware: torch.Tensor
    pair_log_cost: torch.Tensor
    hardware_features: torch.Tensor

    @property
    def cost_model_queries(self) -> int:
        """(network, accelerator) costs behind the labels: each network on every accelerator, and each pair once."""
        return len(self.network_probs) * len(self.hardware_features) + len(self.pair_network)


def make_data(
    problem: Problem,
    *,
    networks: int,
    pairs: int,
    sampling: SamplingSettings,
    seed: int,
    device: torch.device | str = "cpu",
    held_out: bool = False,
    margin: float = 0.0,
) -> TrainingData:
    """Draw and label samples.

    Half of the pairs' accelerators are uniform, a quarter are the network's best one, and a quarter are that with each
    choice redrawn with probability 1/4: the search mostly predicts good accelerators.

    Args:
        problem: whose cost table labels the samples.
        networks: n.
        pairs: m; each network gets m / n of them, within one.
        sampling: the distribution of networks.
        seed: of the draw.
        device: where the labels are computed and the data put.
        held_out: draw held-out networks instead.
        margin: share by which limits are tightened in the choice of the best accelerator.
    """
    rng = np.random.default_rng([seed, int(held_out)])
    counts = network_option_counts(problem)
    probs = sample_probs(counts, rng, rows=networks, settings=sampling, held_out=held_out)
    table = LabelTable.of(problem, device=device)
    exact_probs = torch.tensor(probs, device=device)
    best = table.best_hardware(exact_probs, margin=margin)
    pair_network = torch.arange(pairs, device=device) % networks
    best_options = problem.accelerator_space.unindex(best.cpu().numpy())
    drawn = _draw_hardware(problem, rng, best_options[pair_network.cpu().numpy()])
    pair_hardware = torch.tensor(drawn, device=device)
    return TrainingData(
        network_probs=exact_probs.float(),
        best_options=torch.tensor(best_options, device=device),
        best_log_cost=_log_cost(table, exact_probs, best),
        pair_network=pair_network,
        pair_hardware=pair_hardware,
        pair_log_cost=torch.cat(
            [
                _log_cost(table, exact_probs[rows], hardware)
                for rows, hardware in zip(pair_network.split(65_536), pair_hardware.split(65_536), strict=True)
            ]
        ),
        hardware_features=hardware_features(problem, device=device),
    )


def hardware_features(problem: Problem | MeteredProblem, *, device: torch.device | str = "cpu") -> torch.Tensor:
    """Return one-hot features (H, O_hw), float32, of every accelerator in the order of its index."""
    space = problem.accelerator_space
    options = space.unindex(np.arange(space.size))
    return torch.tensor(one_hot(options, hardware_option_counts(problem)), dtype=torch.float32, device=device)


def _draw_hardware(problem: Problem, rng: np.random.Generator, best_options: np.ndarray) -> np.ndarray:
    counts = np.asarray(hardware_option_counts(problem))
    uniform = rng.integers(0, counts, size=best_options.shape)
    kind = rng.integers(0, 4, size=(len(best_options), 1))  # 0, 1: uniform; 2: the best; 3: near the best
    redrawn = (kind < 2) | ((kind == 3) & (rng.random(best_options.shape) < 0.25))
    return problem.accelerator_space.index(np.where(redrawn, uniform, best_options))


def _log_cost(table: LabelTable, network_probs: torch.Tensor, hardware: torch.Tensor) -> torch.Tensor:
    cost = table.on(network_probs, hardware)
    return torch.stack([cost.latency_s, cost.energy_j, cost.area_mm2], dim=1).log().float()
