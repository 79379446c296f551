"""The searches that DANCE is compared with: network first, accelerator second; and both at once as if unrelated."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from dance_env.cost.cost import Cost
from dance_env.objective import Objective
from solvers.dance.descent import DescentSettings, Prediction, descend
from solvers.dance.finish import Finalists
from solvers.dance.hdx import HdxSettings
from solvers.dance.options import most_probable, network_option_counts, one_hot
from solvers.dance.rounds import search_round
from solvers.dance.threads import torch_threads
from solvers.solver import Solver

if TYPE_CHECKING:
    from dance_env.envs import CoDesignEnv
    from solvers.meter import Meter


@dataclass(frozen=True)
class NetworkFirst(Solver):
    """Network search with no hardware term, then the exact best accelerator of the one network found.

    The network is the most accurate one that gradient descent on the expected error finds within the budget (as the
    paper's first baseline: ProxylessNAS without a hardware penalty). Only it is evaluated.

    Attributes:
        descent: how architecture parameters are searched.
    """

    name: ClassVar[str] = "network-first"
    descent: DescentSettings = field(default_factory=DescentSettings)

    def search(self, env: CoDesignEnv, rng: np.random.Generator) -> None:
        """Spend all but one of the budget on the network, the last on its design."""
        _two_stages(env, rng, self.descent, (0.0,))


@dataclass(frozen=True)
class MacsFirst(Solver):
    """Network search with a penalty on multiply-accumulates, then the exact best accelerator of each network found.

    The paper's second baseline. It does not say which weight it gives the penalty, and the weight decides everything,
    so several are searched side by side and each contributes one design: the best of them is what a user who tunes the
    weight would get.

    Attributes:
        descent: how architecture parameters are searched.
        penalties: percentage points of error that the largest network's multiply-accumulates weigh, one search family
            for each.
    """

    name: ClassVar[str] = "macs-first"
    descent: DescentSettings = field(default_factory=DescentSettings)
    penalties: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)

    def __post_init__(self) -> None:
        if not self.penalties or not all(np.isfinite(each) and each >= 0 for each in self.penalties):
            raise ValueError(f"penalties are one or more numbers >= 0; got {self.penalties}")

    def search(self, env: CoDesignEnv, rng: np.random.Generator) -> None:
        """Spend all but one evaluation for each penalty on the networks, those on their designs."""
        _two_stages(env, rng, self.descent, self.penalties)


@dataclass(frozen=True)
class Unrelated(Solver):
    """Joint gradient search that ignores how the best accelerator follows from the network (in the manner of EDD).

    The same loss as DANCE's, but the accelerator has parameters of its own, independent of the network's: the cost is
    the expectation over both distributions, and nothing tells the network's gradient that the accelerator will adapt.

    Attributes:
        descent: how all parameters are searched.
        hdx: how hard constraints are enforced during the search.
        evaluations: the most exact evaluations of one round.
    """

    name: ClassVar[str] = "unrelated"
    descent: DescentSettings = field(default_factory=DescentSettings)
    hdx: HdxSettings = field(default_factory=HdxSettings)
    evaluations: int = 128

    def __post_init__(self) -> None:
        if self.evaluations < 1:
            raise ValueError(f"a round needs at least 1 exact evaluation, not {self.evaluations}")

    def search(self, env: CoDesignEnv, rng: np.random.Generator) -> None:
        """Descend, decode and evaluate in rounds until the budget is spent."""
        meter: Meter = env.problem.meter  # type: ignore[attr-defined]  # a solver's env is metered
        boundary = env.space.network_options.stop
        objective = env.problem.objective
        with torch_threads(self.descent.threads):
            relaxed = env.relax()

            def predict(probs: torch.Tensor, weights: torch.Tensor, done: float) -> Prediction:
                found = relaxed(probs[:, :boundary], probs[:, boundary:])
                cost_value = (
                    (found.objective - found.error_pct) / objective.weight
                    if objective.weight
                    else 0.0 * found.objective
                )
                return Prediction(found.error_pct, found.cost, cost_value)

            finalists = Finalists(env, (1.0,))
            while meter.left:
                before = meter.spent
                search_round(
                    env,
                    predict,
                    lambda designs: designs,
                    finalists,
                    rng,
                    settings=self.descent,
                    hdx=self.hdx,
                    lambdas=(1.0,),
                    evaluations=self.evaluations,
                    columns=slice(0, env.space.num_choices),
                )
                if meter.spent == before:
                    return  # nothing new to ask: a space smaller than the budget


def _two_stages(
    env: CoDesignEnv, rng: np.random.Generator, settings: DescentSettings, penalties: tuple[float, ...]
) -> None:
    """Find one network for each penalty on multiply-accumulates, then evaluate each on its best accelerator."""
    meter: Meter = env.problem.meter  # type: ignore[attr-defined]
    penalties = penalties[: meter.left]
    with torch_threads(settings.threads):
        stage = _NetworkStage(env, settings, penalties)
        while meter.left > len(penalties):
            stage.round(rng, meter.left - len(penalties))
    networks = np.unique(stage.best(rng), axis=0)
    env.evaluate(env.problem.design(networks, env.problem.best_hardware(networks)))


class _NetworkStage:
    """Network search by expected error and multiply-accumulates alone; asks nothing about accelerators."""

    def __init__(self, env: CoDesignEnv, settings: DescentSettings, penalties: tuple[float, ...]) -> None:
        self._env = env
        self._settings = settings
        self._penalties = penalties
        self._counts = network_option_counts(env.problem)
        self._relaxed = env.relax()
        self._macs = torch.tensor(relative_macs(env.problem.network_space, self._counts)) if any(penalties) else None
        self._best: list[tuple[float, np.ndarray | None]] = [(math.inf, None)] * len(penalties)

    def round(self, rng: np.random.Generator, allowed: int) -> None:
        """Spend at most `allowed` gradient queries: descents, and one query for each network that comes out of them."""
        steps = min(self._settings.steps, max(0, allowed // len(self._penalties) - 1))
        rows = max(1, min(self._settings.restarts, allowed // (steps + 1)))
        family = np.arange(rows) % len(self._penalties)
        weights = torch.tensor([self._penalties[each] for each in family], dtype=torch.float64)
        start = torch.tensor(rng.normal(0.0, self._settings.spread, (rows, sum(self._counts))))
        logits = descend(
            self._predict,
            start,
            option_counts=self._counts,
            objective=Objective(_no_cost, weight=1.0),
            lambdas=weights,
            steps=steps,
            settings=self._settings,
        )
        networks = most_probable(logits.numpy(), self._counts)
        found = self._predict(torch.tensor(one_hot(networks, self._counts)), weights, 1.0)
        scores = (found.error_pct + weights * found.cost_value).detach().numpy()
        for each, score, network in zip(family, scores, networks, strict=True):
            if score < self._best[each][0]:
                self._best[each] = (float(score), network)

    def best(self, rng: np.random.Generator) -> np.ndarray:
        """The best network (P, N) of each penalty; a random one where nothing could be asked."""
        width = len(self._counts)
        return np.stack([self._env.space.sample(rng, 1)[0, :width] if each is None else each for _, each in self._best])

    def _predict(self, probs: torch.Tensor, weights: torch.Tensor, done: float) -> Prediction:
        error_pct = 100.0 * (1.0 - self._relaxed.accuracy(probs))
        macs = torch.zeros_like(error_pct) if self._macs is None else probs @ self._macs
        return Prediction(error_pct, None, macs)


def relative_macs(network_space: Any, counts: tuple[int, ...]) -> np.ndarray:
    """What each network option (O_net,) adds to the multiply-accumulates, relative to the largest network's.

    Multiply-accumulates are a sum over the choices, so the first option of each choice can stand as zero: only
    differences matter.
    """
    base = np.zeros((1, len(counts)), dtype=np.int64)
    rows = np.repeat(base, sum(counts), axis=0)
    rows[np.arange(sum(counts)), np.repeat(np.arange(len(counts)), counts)] = np.concatenate(
        [np.arange(n) for n in counts]
    )
    macs = np.asarray(network_space.macs(rows), dtype=np.float64)
    smallest = float(np.asarray(network_space.macs(base))[0])
    added = macs - smallest
    largest = smallest + sum(block.max() for block in np.split(added, np.cumsum(counts)[:-1]))
    return added / largest


def _no_cost(cost: Cost) -> Any:
    """The stage's objective has its penalty in the prediction; nothing is costed."""
    raise AssertionError("a network search asks for no costs")
