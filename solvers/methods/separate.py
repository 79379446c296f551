"""The separate searches that DANCE is compared with: the network first, then its accelerator."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch

from dance_env.graph import is_additive
from solvers.contract.capabilities import Capabilities
from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.solver import Solver
from solvers.methods.gradient.descent import DescentSettings, Prediction, descend
from solvers.methods.gradient.plan import plan_round
from solvers.methods.gradient.threads import torch_threads

_CAPABILITIES = Capabilities(access="gradients", needs_expectation=True)

Score = Callable[[torch.Tensor], torch.Tensor]
"""From network probabilities (R, O_net) to what the network search minimizes (R,), percentage points."""


@dataclass(frozen=True)
class Separate(Solver):
    """Network search that ignores the accelerator, then the exactly best accelerator of the network found.

    Stage one minimizes the expected error by the gradient search that DANCE uses, with as many searches side by side,
    then climbs from the best network to better neighbors; every network it looks at costs a gradient query. Stage two
    evaluates the network on all accelerators. That ends the run, with most of a large budget unspent: further networks
    would only be found good by their costs.

    Nothing in stage one keeps a limit of the task. Where the network meets them on no accelerator, the next best one
    gets its turn, neighbors of those tried included, until one does or the budget is spent.

    Attributes:
        descent: how architecture parameters are searched.
        evaluations: what the gradient search leaves of the budget for climbing and for stage two, at most; of a small
            one a sixth.
        device: of torch.
    """

    name: ClassVar[str] = "separate"
    capabilities: ClassVar[Capabilities] = _CAPABILITIES
    descent: DescentSettings = field(default_factory=DescentSettings)
    evaluations: int = 512
    device: str = "cpu"

    def __post_init__(self) -> None:
        _check_evaluations(self.evaluations)

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Find the most accurate network, then its accelerator."""
        with torch_threads(self.descent.threads):
            relaxed = problem.relax(device=self.device)

            def error_pct(probs: torch.Tensor) -> torch.Tensor:
                return 100.0 * (1.0 - relaxed.accuracy(probs))

            _in_two_stages(
                problem, rng, error_pct, settings=self.descent, evaluations=self.evaluations, device=self.device
            )


@dataclass(frozen=True)
class SeparateFlops(Solver):
    """`Separate`, with a penalty on multiply-accumulates: what a network search knows of cost by itself.

    The two stages are those of `Separate`; stage one minimizes `error + penalty x share`: where the expected
    multiply-accumulates lie between those of the smallest network (0) and of the largest (1). They are counted from the
    network alone, and cost nothing.

    Attributes:
        penalty: percentage points of error that the largest network is charged more than the smallest.
        descent, evaluations, device: as in `Separate`.
    """

    name: ClassVar[str] = "separate-flops"
    capabilities: ClassVar[Capabilities] = _CAPABILITIES
    penalty: float = 4.0
    descent: DescentSettings = field(default_factory=DescentSettings)
    evaluations: int = 512
    device: str = "cpu"

    def __post_init__(self) -> None:
        _check_evaluations(self.evaluations)
        if not 0 <= self.penalty < np.inf:
            raise ValueError(f"penalty is a number of percentage points, 0 or above; got {self.penalty}")

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Find the network of the least penalized error, then its accelerator."""
        with torch_threads(self.descent.threads):
            relaxed = problem.relax(device=self.device)
            shares = torch.tensor(macs_shares(problem), device=self.device)

            def penalized(probs: torch.Tensor) -> torch.Tensor:
                return 100.0 * (1.0 - relaxed.accuracy(probs)) + self.penalty * (probs @ shares)

            _in_two_stages(
                problem, rng, penalized, settings=self.descent, evaluations=self.evaluations, device=self.device
            )


def macs_shares(problem: MeteredProblem) -> np.ndarray:
    """What each network option (O_net,) adds to the multiply-accumulates, in units of their range over all networks.

    The least option of every choice adds 0, and a network's shares add up to a number between 0 and 1: layers do not
    depend on the options chosen elsewhere, so the count is a sum over choices.

    Raises:
        ValueError: If the network space has layers that depend on several choices.
    """
    if not is_additive(problem.network_space):
        raise ValueError(
            f"{problem.name!r} has layers that depend on several choices, so that their multiply-accumulates are no sums "
            "over choices"
        )
    counts = _network_counts(problem)
    networks = np.zeros((sum(counts), len(counts)), dtype=np.int64)
    networks[np.arange(len(networks)), np.repeat(np.arange(len(counts)), counts)] = np.concatenate(
        [np.arange(count) for count in counts]
    )
    macs = problem.network_space.macs(networks).astype(np.float64)
    blocks = [block - block.min() for block in np.split(macs, np.cumsum(counts)[:-1])]
    span = sum(float(block.max()) for block in blocks)
    return np.concatenate(blocks) / (span or 1.0)


def _in_two_stages(
    problem: MeteredProblem,
    rng: np.random.Generator,
    score: Score,
    *,
    settings: DescentSettings,
    evaluations: int,
    device: str,
) -> None:
    """Search networks by their score, then evaluate them on all accelerators, best first, until one is feasible."""
    counts = _network_counts(problem)
    meter = problem.meter  # a solver's problem is metered
    plan = plan_round(meter.left, settings, evaluations=evaluations, queries=1)

    def predict(probs: torch.Tensor, _: float) -> Prediction:
        value = score(probs)
        return Prediction(error_pct=value, cost=None, cost_value=torch.zeros_like(value))

    start = torch.tensor(rng.normal(0.0, settings.init_std, (plan.restarts, sum(counts))), device=device)
    parameters = descend(
        predict,
        start,
        option_counts=counts,
        objective=problem.objective,
        steps=plan.steps,
        settings=settings,
    )
    ranking = Ranking(score, counts, left=lambda: meter.left, device=device)
    blocks = torch.split(parameters, counts, dim=1)
    ranking.add(torch.stack([block.argmax(dim=1) for block in blocks], dim=1).cpu().numpy())
    ranking.climb()
    while ranking:
        network = ranking.take()
        if problem.evaluate_networks(network[None]).feasible.any():
            return
        ranking.add(neighbors(network, counts))


class Ranking:
    """Networks that were scored and not taken yet, best first; mutable.

    Args:
        score: what they are ranked by, at one query each.
        counts: options of each network choice.
        left: tells what is left of the budget; scoring always leaves one evaluation of it.
        device: of the scores.
    """

    def __init__(self, score: Score, counts: list[int], *, left: Callable[[], int], device: str) -> None:
        self._score, self._counts, self._left, self._device = score, counts, left, device
        self._seen: set[tuple[int, ...]] = set()
        self._waiting: list[tuple[float, tuple[int, ...]]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, networks: np.ndarray) -> None:
        """Score those of `networks` (B, N) that are new, as many as the budget allows.

        Where it allows none and none is waiting, the first new one is taken on unscored: a budget of one evaluation
        still has a network to spend it on.
        """
        fresh = [each for each in dict.fromkeys(map(tuple, networks.tolist())) if each not in self._seen]
        affordable = fresh[: max(0, self._left() - 1)]
        if affordable:
            with torch.no_grad():
                self._push(affordable, self._score(self._one_hot(affordable)).tolist())
        elif not self._waiting:
            self._push(fresh[:1], [np.inf] * len(fresh[:1]))

    def climb(self) -> None:
        """Score the best network's neighbors until none of them is better, or the budget runs out."""
        best = None
        while self._waiting and self._waiting[0] != best and self._left() > 1:
            best = self._waiting[0]
            self.add(neighbors(np.array(best[1], dtype=np.int64), self._counts))

    def take(self) -> np.ndarray:
        """The best network (N,), which leaves the ranking."""
        return np.array(heapq.heappop(self._waiting)[1], dtype=np.int64)

    def _push(self, networks: list[tuple[int, ...]], scores: list[float]) -> None:
        for waiting in zip(scores, networks, strict=True):
            heapq.heappush(self._waiting, waiting)
        self._seen.update(networks)

    def _one_hot(self, networks: list[tuple[int, ...]]) -> torch.Tensor:
        columns = torch.tensor(networks, device=self._device).T
        blocks = [
            torch.nn.functional.one_hot(column, count) for column, count in zip(columns, self._counts, strict=True)
        ]
        return torch.cat(blocks, dim=1).double()


def neighbors(network: np.ndarray, counts: list[int]) -> np.ndarray:
    """The networks (n, N) that differ from `network` (N,) in one choice."""
    rows = [
        np.concatenate([network[:choice], [option], network[choice + 1 :]])
        for choice, count in enumerate(counts)
        for option in range(count)
        if option != network[choice]
    ]
    return np.array(rows, dtype=np.int64).reshape(-1, len(counts))


def _network_counts(problem: MeteredProblem) -> list[int]:
    return [int(count) for count in problem.space.option_counts[problem.space.network]]


def _check_evaluations(evaluations: int) -> None:
    if evaluations < 1:
        raise ValueError(f"stage two needs at least 1 evaluation, not {evaluations}")
