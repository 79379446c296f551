"""The separate searches that DANCE is compared with: the network first, then its accelerator."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch

from dance_env.graph import NetworkSpace, is_additive, macs_sum
from dance_env.space import FREE, Factor, FactorSum
from dance_env.space.factors_torch import RelaxedFactorSum
from solvers.contract.capabilities import Capabilities
from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.solver import Solver
from solvers.contract.tunable import Tunable, TunableRange
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
    tunable: ClassVar[Mapping[str, Tunable]] = {
        "penalty": TunableRange(0.5, 16.0, log=True),
    }
    penalty: float = 7.5
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
            share = RelaxedFactorSum(macs_share(problem), device=self.device)

            def penalized(probs: torch.Tensor) -> torch.Tensor:
                return 100.0 * (1.0 - relaxed.accuracy(probs)) + self.penalty * share(probs).squeeze(1)

            _in_two_stages(
                problem, rng, penalized, settings=self.descent, evaluations=self.evaluations, device=self.device
            )


def macs_share(problem: MeteredProblem) -> FactorSum:
    """Where a network's multiply-accumulates lie between the least (0) and the largest (1), as a sum of factors.

    The ends are exact where every factor can take its least and its largest value in one network, which is so where
    layers depend on one choice each. Elsewhere they are bounds, and the shares lie within a smaller range.
    """
    space = problem.network_space
    macs = _macs_by_choice(space, _network_counts(problem)) if is_additive(space) else macs_sum(space)
    least, most = (float(each[0, 0]) for each in macs.bounds(np.full((1, len(macs.option_counts)), FREE)))
    span = (most - least) or 1.0
    factors = [Factor(factor.scope, factor.table / span) for factor in macs.factors]
    return FactorSum(macs.option_counts, (macs.constant - least) / span, factors)


def _macs_by_choice(space: NetworkSpace, counts: list[int]) -> FactorSum:
    """Return the multiply-accumulates as one table a choice, from the space's own count: it need not tell its layers."""
    options = np.concatenate([np.arange(count) for count in counts])
    networks = np.zeros((len(options), len(counts)), dtype=np.int64)
    networks[np.arange(len(options)), np.repeat(np.arange(len(counts)), counts)] = options
    least = float(space.macs(networks[:1])[0])
    return FactorSum.per_choice(counts, [least], space.macs(networks).astype(np.float64)[:, None] - least)


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
