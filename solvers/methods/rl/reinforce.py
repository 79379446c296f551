"""REINFORCE with a controller, the classic of network search and of co-exploration; ours, on torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from dance_env.problem import Evaluation
from solvers.contract.isolation import isolated_global_state
from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.solver import Solver
from solvers.contract.tunable import Tunable, TunableRange, TunableValues
from solvers.methods.rl.return_scale import spread
from solvers.methods.stalled import stalled

CONTROLLERS = ("lstm", "factorized")
_MOST_SPREADS = 4.0
"""Rewards are clipped to this many spreads around their baseline: a design may cost any amount."""


@dataclass(frozen=True)
class Reinforce(Solver):
    """A controller samples designs, and the policy gradient makes good ones likely (Williams 1992; Zoph & Le 2017).

    The reward of a design is its negated objective, less `penalty` spreads of the objective for a violation of 1. The
    baseline is a moving average of rewards. Rewards are divided by the spread of the objective over the first batch, so
    that the objective's scale does not matter.

    Attributes:
        controller: "lstm": an LSTM chooses option after option, each seen by the next choice, as in network search and
            its co-exploration with accelerators (Jiang et al. 2020); "factorized": one distribution per choice.
        updates: gradient steps over the budget; a batch of designs is sampled before each.
        smallest_batch: the least designs of a batch, however small the budget.
        learning_rate: Adam's.
        entropy: weight of the entropy of the controller's distributions (mean over choices), falling to 0 over the budget.
        decay: of the moving average that is the baseline.
        width: of the LSTM and of its embeddings.
        penalty: weight of the violation, in spreads of the objective.
        penalty_growth: factor on that weight after every batch in which less than half of the designs are feasible.

    Raises:
        ValueError: If the controller is unknown, a count is below one, or `decay` is not in [0, 1).
    """

    name: ClassVar[str] = "reinforce"
    tunable: ClassVar[Mapping[str, Tunable]] = {
        "controller": TunableValues(CONTROLLERS),
        "smallest_batch": TunableRange(1, 16, log=True),
        "learning_rate": TunableRange(1e-3, 0.2, log=True),
        "entropy": TunableRange(1e-3, 0.3, log=True),
    }
    controller: str = "lstm"
    updates: int = 128
    smallest_batch: int = 4
    learning_rate: float = 0.01
    entropy: float = 0.05
    decay: float = 0.9
    width: int = 32
    penalty: float = 10.0
    penalty_growth: float = 1.05

    def __post_init__(self) -> None:
        if self.controller not in CONTROLLERS:
            raise ValueError(f"the controller is {' or '.join(map(repr, CONTROLLERS))}, not {self.controller!r}")
        for name in ("updates", "smallest_batch", "width"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1, not {getattr(self, name)}")
        if not 0 <= self.decay < 1:
            raise ValueError(f"decay is at least 0 and below 1, not {self.decay}")

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Sample, evaluate, update until the budget is spent."""
        meter = problem.meter
        batch = max(self.smallest_batch, meter.planned_evaluations // self.updates)
        evaluation = problem.evaluate(problem.space.sample(rng, max(batch, 4 * self.smallest_batch)))
        scale, penalty = spread(evaluation.objective), self.penalty
        returns = self._returns(evaluation, scale, penalty)
        baseline = float(np.median(returns[np.isfinite(returns)])) if np.isfinite(returns).any() else 0.0
        with isolated_global_state(int(rng.integers(2**31))):
            counts = [int(count) for count in problem.space.option_counts]
            controller: nn.Module = LSTM(counts, self.width) if self.controller == "lstm" else Factorized(counts)
            optimizer = torch.optim.Adam(controller.parameters(), lr=self.learning_rate)
            while not stalled(meter):
                designs, log_probability, entropy = controller(batch)
                evaluation = problem.evaluate(designs.numpy())
                returns = self._returns(evaluation, scale, penalty)
                advantage = np.clip(returns - baseline, -_MOST_SPREADS, _MOST_SPREADS)
                baseline += (1.0 - self.decay) * float(advantage.mean())
                if evaluation.feasible.mean() < 0.5:
                    penalty *= self.penalty_growth
                bonus = self.entropy * (1.0 - meter.fraction) * entropy.mean()
                loss = -(torch.as_tensor(advantage, dtype=torch.float32) * log_probability).mean() - bonus
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

    def _returns(self, evaluation: Evaluation, scale: float, penalty: float) -> np.ndarray:
        """(batch,) rewards in spreads of the objective; -inf where costs are infinite."""
        return -evaluation.objective / scale - penalty * evaluation.violation


class Factorized(nn.Module):
    """One categorical distribution for each choice, independent of the others.

    Args:
        counts: Options of each choice.
    """

    def __init__(self, counts: list[int]) -> None:
        super().__init__()
        self._logits = nn.ParameterList(torch.zeros(count) for count in counts)

    def forward(self, batch: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Sample designs (batch, D), with their log probabilities (batch,) and mean entropies of a choice (batch,)."""
        return _sampled([logits.expand(batch, -1) for logits in self._logits])


class LSTM(nn.Module):
    """A recurrent controller: the option of one choice is the input of the next.

    Args:
        counts: Options of each choice.
        width: Of the LSTM and of the embeddings.
    """

    def __init__(self, counts: list[int], width: int) -> None:
        super().__init__()
        self._cell = nn.LSTMCell(width, width)
        self._start = nn.Parameter(torch.zeros(width))
        self._embeddings = nn.ModuleList(nn.Embedding(count, width) for count in counts[:-1])
        self._heads = nn.ModuleList(nn.Linear(width, count) for count in counts)

    def forward(self, batch: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Sample designs (batch, D), with their log probabilities (batch,) and mean entropies of a choice (batch,)."""
        given, state = self._start.expand(batch, -1), None
        parts = []
        for choice, head in enumerate(self._heads):
            state = self._cell(given, state)
            parts.append(_sampled([head(state[0])]))
            if choice < len(self._embeddings):
                given = self._embeddings[choice](parts[-1][0][:, 0])
        designs, log_probability, entropy = zip(*parts, strict=True)
        return torch.cat(designs, dim=1), sum(log_probability), sum(entropy) / len(parts)


def _sampled(logits: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Options (batch, len(logits)) of each distribution (batch, options), log probability and mean entropy (batch,)."""
    log_probs = [torch.log_softmax(each, dim=1) for each in logits]
    options = [torch.multinomial(each.detach().exp(), 1) for each in log_probs]
    chosen = [each.gather(1, option)[:, 0] for each, option in zip(log_probs, options, strict=True)]
    entropy = [-(each.exp() * each).sum(dim=1) for each in log_probs]
    return torch.cat(options, dim=1), torch.stack(chosen).sum(dim=0), torch.stack(entropy).mean(dim=0)
