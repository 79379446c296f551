"""The problem as a solver sees it: the same questions, each of them on the meter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from dance_env.accuracy import RelaxableAccuracy, SampledAccuracy, TrainedLater
from dance_env.cost import Cost
from dance_env.envs import CoDesignEnv, CoDesignVectorEnv, Reward
from dance_env.graph import NetworkSpace
from dance_env.objective import Objective
from dance_env.problem import Evaluation, Problem
from dance_env.space import AcceleratorSpace, DesignSpace
from solvers.contract.meter import Meter

if TYPE_CHECKING:  # torch is loaded only where the differentiable view is asked for
    from solvers.contract.metered_relaxed import MeteredRelaxedProblem


class MeteredProblem:
    """Stands where a `Problem` does, and bills `meter` for what is asked.

    Costs are billed by distinct (layer, accelerator) pairs, whatever question they come through.

    A budget may also limit trained networks or GPU-hours. Each network is trained when it is first evaluated, and a
    supernet before the first gradient query; repeats train nothing.

    | question | counts against the budget | cost pairs |
    |---|---|---|
    | `evaluate(designs)` (batch, choices) | batch evaluations, recorded | each network on its accelerator |
    | `evaluate_networks(networks)` | one evaluation per network, recorded with its best accelerator | on all |
    | `relax()(network_probs, hardware_probs)` | one gradient query per row | all there are |
    | `relax().accuracy(network_probs)` | one gradient query per row | - |
    | `relax().on_each_accelerator(network_probs)` | one gradient query per row | all there are |
    | `relax().on_all_hardware(network_probs)` | - | all there are |
    | `best_hardware(networks)` | - | on all |
    | `costs.lookup(networks, hardware)` | - | each network on its accelerator |
    | `costs.on_all_hardware(networks)` | - | on all |
    | `trainable()`, `judged_by(supernet)` | - (a solver bills what it trains: `meter.bill_training`) | - |
    | `unmetered_costs` | -, but the ledger says `tables_read` | all there are |
    | `unmetered` | -, but the ledger says `tables_read`, `accuracies_read` | all there are |
    """

    def __init__(
        self, problem: Problem, meter: Meter, *, episode: str = "one-shot", horizon: int | None = None
    ) -> None:
        """Put `problem` on `meter`; `episode` and `horizon` are what `env` and `vector` make unless told otherwise."""
        self._problem = problem
        self._episode, self._horizon = episode, horizon
        self.meter = meter
        self.name: str = problem.name
        self.network_space: NetworkSpace = problem.network_space
        self.accelerator_space: AcceleratorSpace = problem.accelerator_space
        self.objective: Objective = problem.objective
        self.space: DesignSpace = problem.space
        self.error_name: str = problem.error_name

    @property
    def unmetered(self) -> Problem:
        """The problem itself, for solvers that read its tables whole; the ledger says that they did."""
        self.meter.bill_tables()
        return self._problem

    @property
    def unmetered_costs(self) -> Problem:
        """The problem without its accuracies, for solvers that read its cost tables whole; the ledger says that they did."""
        self.meter.bill_tables(accuracies=False)
        return replace(self._problem, accuracy=None)

    @property
    def costs(self) -> MeteredCosts:
        """The cost table, its look-ups on the meter."""
        return MeteredCosts(self._problem, self.meter)

    @property
    def offers_expectation(self) -> bool:
        """Whether the accuracy model declares expectations, so that `relax()` can be asked for accuracies."""
        return isinstance(self._problem.accuracy, RelaxableAccuracy)

    def fingerprint(self) -> str | None:
        """Return the problem's fingerprint, or None where it has none."""
        return self._problem.fingerprint()

    def training_gpu_hours(self, networks: np.ndarray) -> np.ndarray | None:
        """Return the GPU-hours (batch,) of one training of each network (batch, network choices), free.

        Evaluating a network that is new to the run would cost that. None where training times are not known.
        """
        return self._problem.training_gpu_hours(networks) if self._problem.is_timed else None

    def violations(self, designs: np.ndarray) -> list[dict[str, float]]:
        """What each design violates, by name and amount; billed like `evaluate`."""
        self.evaluate(designs)
        return self._problem.violations(designs)

    def evaluate(self, designs: np.ndarray) -> Evaluation:
        """Evaluate designs (batch, choices) and record them.

        Raises:
            BudgetExhausted: fewer evaluations than rows were left; the affordable rows are evaluated and recorded.
        """
        designs = self.space.check(designs)
        evaluation = self.evaluate_affordable(designs)
        self.meter.refuse(len(designs) - len(evaluation))
        return evaluation

    def evaluate_affordable(self, designs: np.ndarray) -> Evaluation:
        """Evaluate designs (batch, choices) in their order, as many as the budget pays for, and return these.

        Raises:
            BudgetExhausted: If it pays for none, though some were asked for.
        """
        designs = self.space.check(designs)
        affordable = self.meter.affordable(designs[:, self.space.network])
        with self._judging():
            evaluation = self._problem.evaluate(designs[:affordable])
        self._record(designs[:affordable], evaluation)
        return evaluation

    def evaluate_networks(self, networks: np.ndarray) -> Evaluation:
        """Evaluate networks (batch, network choices) on every accelerator: leaves (batch, hardware).

        Raises:
            BudgetExhausted: fewer evaluations than networks were left; the affordable ones are evaluated and recorded.
        """
        affordable = self.meter.affordable(np.asarray(networks))
        with self._judging():
            evaluation = self._problem.evaluate_networks(networks[:affordable])
        self.meter.bill_costs(networks[:affordable])
        hardware = _best_hardware(evaluation)
        designs = self._problem.design(networks[:affordable], hardware)
        self._record(designs, evaluation[np.arange(affordable), hardware])
        self.meter.refuse(len(networks) - affordable)
        return evaluation

    def best_hardware(self, networks: np.ndarray) -> np.ndarray:
        """Index (batch,) of each network's best accelerator."""
        with self._judging():
            best = self._problem.best_hardware(networks)
        self.meter.bill_costs(networks)
        return best

    def relax(self, *, device: str = "cpu", dtype: str = "float64") -> MeteredRelaxedProblem:
        """Return the differentiable view, its rows on the meter."""
        from solvers.contract.metered_relaxed import MeteredRelaxedProblem

        with self.meter.oracle():
            return MeteredRelaxedProblem(self._problem, self.meter, device=device, dtype=dtype)

    def trainable(self) -> Any:
        """Return the networks and images that a solver can train on, as the accuracy model declares them; free.

        What is trained on them is billed by the solver: `meter.bill_training`, `meter.bill_gradients`.

        Raises:
            TypeError: If the accuracy model does not declare any (`dance_env.accuracy.SampledAccuracy`).
        """
        accuracy = self._problem.accuracy
        if not isinstance(accuracy, SampledAccuracy):
            raise TypeError(f"{type(accuracy).__name__} of problem {self.name!r} has no `trainable` (SampledAccuracy)")
        return accuracy.trainable()

    def judged_by(self, supernet: Any) -> MeteredProblem:
        """Return this problem, on the same meter, judged by a supernet that the solver has trained.

        Only a problem whose networks nothing has judged yet (`dance_env.accuracy.TrainedLater`) is judged so. Any other
        keeps its own accuracy model, so that all solvers are judged alike.
        """
        accuracy = self._problem.accuracy
        if not isinstance(accuracy, TrainedLater):
            return self
        judged = replace(self._problem, accuracy=accuracy.trained(supernet))
        return MeteredProblem(judged, self.meter, episode=self._episode, horizon=self._horizon)

    def env(
        self, *, episode: str | None = None, horizon: int | None = None, reward: Reward | str = "objective"
    ) -> CoDesignEnv:
        """Return the Gymnasium environment of this problem, on the same meter.

        Args:
            episode: a style out of `dance_env.EPISODE_NAMES`; by default that of the env that `solve` was given.
            horizon: steps of a refine episode.
            reward: what the return of an episode is, such as "penalized" or `PenalizedReward(weight=5.0)`. It is the
                solver's choice: the reward of the env that `solve` was given does not matter.
        """
        return CoDesignEnv(cast(Any, self), reward=reward, **self._style(episode, horizon))

    def vector(
        self,
        num_envs: int,
        *,
        episode: str | None = None,
        horizon: int | None = None,
        reward: Reward | str = "objective",
    ) -> CoDesignVectorEnv:
        """Return `num_envs` episodes side by side, on the same meter; arguments as for `env`."""
        style = self._style(episode, horizon)
        return CoDesignVectorEnv(cast(Any, self), num_envs=num_envs, reward=reward, **style)

    def _style(self, episode: str | None, horizon: int | None) -> dict[str, Any]:
        given = episode is None or episode == self._episode
        return {"episode": episode or self._episode, "horizon": horizon or (self._horizon if given else None)}

    def design(self, networks: np.ndarray, hardware: np.ndarray) -> np.ndarray:
        """Designs (batch, choices) from networks (batch, network choices) and hardware indices (batch,)."""
        return self._problem.design(networks, hardware)

    @contextmanager
    def _judging(self) -> Iterator[None]:
        """Charge the time inside to the oracle, and what accuracies cost that an earlier run has left in a cache."""
        accuracy = self._problem.accuracy
        before = getattr(accuracy, "spared_seconds", 0.0)
        with self.meter.oracle():
            yield
        self.meter.bill_cached_oracle(getattr(accuracy, "spared_seconds", 0.0) - before)

    def _record(self, designs: np.ndarray, evaluation: Evaluation) -> None:
        with np.errstate(invalid="ignore"):  # a weight of 0 times the infinite cost of a design without a mapping
            cost = self.objective.cost_function(evaluation.cost)
        self.meter.record(designs, evaluation, cost)


def _best_hardware(evaluation: Evaluation) -> np.ndarray:
    """(batch,) feasible first, then the lowest objective: `Problem.best_hardware` of an evaluation (batch, H)."""
    least = evaluation.violation == evaluation.violation.min(axis=1, keepdims=True)
    best = np.where(least, evaluation.objective, np.inf).argmin(axis=1)
    among_least = np.take_along_axis(least, best[:, None], axis=1)[:, 0]
    return np.where(among_least, best, least.argmax(axis=1))  # all of them infinite: the first of the least


class MeteredCosts:
    """The cost table's look-ups, each on the meter; costs only, so not bounded by the budget."""

    def __init__(self, problem: Problem, meter: Meter) -> None:
        self._problem = problem
        self._meter = meter

    @property
    def area_mm2(self) -> np.ndarray:
        """(hardware,) each accelerator's area, which no network changes; free, and a copy."""
        return np.array(self._problem.costs.area_mm2)

    def lookup(self, networks: np.ndarray, hardware: np.ndarray) -> Cost:
        """Return the cost (batch,) of each network on the accelerator of the same row."""
        with self._meter.oracle():
            cost = self._problem.costs.lookup(networks, hardware)
        self._meter.bill_costs(networks, hardware)
        return cost

    def on_all_hardware(self, networks: np.ndarray) -> Cost:
        """Return the cost (batch, hardware) of each network on every accelerator."""
        with self._meter.oracle():
            cost = self._problem.costs.on_all_hardware(networks)
        self._meter.bill_costs(networks)
        return cost
