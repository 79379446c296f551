"""The problem as a solver sees it: the same questions, each of them on the meter."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from dance_env.accuracy import RelaxableAccuracy, RepeatableAccuracy, SampledAccuracy, TrainedLater
from dance_env.envs import CoDesignEnv, CoDesignVectorEnv, Reward
from dance_env.graph import NetworkSpace
from dance_env.objective import Objective
from dance_env.problem import Evaluation, Problem, failed_rows
from dance_env.space import AcceleratorSpace, DesignSpace
from solvers.contract.asking import answered, recalled
from solvers.contract.meter import Meter
from solvers.contract.metered_costs import MeteredCosts

if TYPE_CHECKING:  # torch is loaded only where the differentiable view is asked for
    from solvers.contract.metered_relaxed import MeteredRelaxedProblem


class MeteredProblem:
    """Stands where a `Problem` does, and bills `meter` for what is asked.

    Where evaluations fail (`Problem.failures`), a failed one is billed like any other, and its network is trained: what
    it says is defined by `Problem.failed`. To ask again trains nothing, and may succeed.

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
        self._layer: Layer | None = None
        self._below: MeteredProblem | None = None  # what the layer asks
        self._known: dict[bytes, float] | None = None  # accuracies of networks, where they are remembered
        self._attempts, self._wait_s = 1, 0.0

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
        """What each design violates, by name and amount; billed like `evaluate`, and of what that answered."""
        return self._problem.violations(designs, evaluation=self.evaluate(designs))

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
        if self._layer is not None and self._below is not None:
            return self._layer.evaluate(self._below, designs)
        affordable = self.meter.affordable(designs[:, self.space.network])
        paid = designs[:affordable]
        networks = paid[:, self.space.network]
        evaluation = self._answered(
            self._ask(lambda: self._problem.evaluate(paid, accuracies=self._recalled(networks)))
        )
        self._record(paid, evaluation)
        return evaluation

    def evaluate_networks(self, networks: np.ndarray) -> Evaluation:
        """Evaluate networks (batch, network choices) on every accelerator: leaves (batch, hardware).

        Raises:
            BudgetExhausted: fewer evaluations than networks were left; the affordable ones are evaluated and recorded.
        """
        if self._layer is not None and self._below is not None:
            return self._layer.evaluate_networks(self._below, self.network_space.check(networks))
        affordable = self.meter.affordable(np.asarray(networks))
        paid = networks[:affordable]
        evaluation = self._answered(
            self._ask(lambda: self._problem.evaluate_networks(paid, accuracies=self._recalled(paid)))
        )
        self.meter.bill_costs(paid)
        hardware = evaluation.best_hardware()
        designs = self._problem.design(paid, hardware)
        self._record(designs, evaluation[np.arange(affordable), hardware])
        self.meter.refuse(len(networks) - affordable)
        return evaluation

    def evaluate_mean(self, designs: np.ndarray, repeats: int) -> Evaluation:
        """Evaluate each design (batch, choices) several times, and return what follows from the mean accuracy.

        Every time is billed and recorded. Where the accuracy model declares further trainings (`RepeatableAccuracy`), the
        mean is over these; a row of the trace is always what the problem says of its design, the first training.

        Raises:
            BudgetExhausted: as `evaluate`.
        """
        designs = self.space.check(designs)
        found = self.evaluate(np.repeat(designs, repeats, axis=0))
        accuracies, failed = self._mean(designs[:, self.space.network], found.accuracy, self.failed_rows(found))
        return self.judged(designs, accuracies, failed=failed)

    def evaluate_networks_mean(self, networks: np.ndarray, repeats: int) -> Evaluation:
        """Evaluate each network (batch, network choices) several times on every accelerator; see `evaluate_mean`."""
        found = self.evaluate_networks(np.repeat(networks, repeats, axis=0))
        accuracies, failed = self._mean(networks, found.accuracy[:, 0], self.failed_rows(found))
        return self.judged_networks(networks, accuracies, failed=failed)

    def judged(self, designs: np.ndarray, accuracies: np.ndarray, *, failed: np.ndarray) -> Evaluation:
        """Return what designs would be with other accuracies: costs alone are asked for, so nothing is recorded.

        Args:
            designs: (batch, choices).
            accuracies: (batch,).
            failed: (batch,) whether their evaluation failed; such an accuracy is not used.
        """
        with self.meter.oracle():
            evaluation = self._problem.evaluate(designs, accuracies=accuracies)
        hardware = self.accelerator_space.index(designs[:, self.space.hardware])
        self.meter.bill_costs(designs[:, self.space.network], hardware)
        return self._problem.failed(evaluation, failed)

    def judged_networks(self, networks: np.ndarray, accuracies: np.ndarray, *, failed: np.ndarray) -> Evaluation:
        """Return what networks (batch, network choices) would be on every accelerator, (batch, hardware); as `judged`."""
        with self.meter.oracle():
            evaluation = self._problem.evaluate_networks(networks, accuracies=accuracies)
        self.meter.bill_costs(networks)
        return self._problem.failed(evaluation, failed)

    def failed_rows(self, evaluation: Evaluation) -> np.ndarray:
        """Return (batch,) which of these evaluations failed (`Problem.failures`)."""
        return failed_rows(self._problem.failures, evaluation)

    def through(self, layer: Layer) -> MeteredProblem:
        """Return this problem, on the same meter, whose evaluations pass through a layer."""
        above = copy.copy(self)
        above._layer, above._below = layer, self
        return above

    def remembering(self) -> MeteredProblem:
        """Return this problem, on the same meter, whose accuracy model is asked about each network once."""
        return self._changed(_known={})

    def retrying(self, attempts: int, *, wait_s: float) -> MeteredProblem:
        """Return this problem, on the same meter, which is asked up to `attempts` times where it fails.

        Args:
            attempts: At least 1.
            wait_s: Seconds before the second attempt, twice as many before each further one.
        """
        return self._changed(_attempts=attempts, _wait_s=wait_s)

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
        return self._changed(_problem=judged, _known=None if self._known is None else {})

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

    def _changed(self, **changes: Any) -> MeteredProblem:
        """This problem with other private values, below all its layers."""
        changed = copy.copy(self)
        vars(changed).update(changes)
        if self._below is not None:
            changed._below = self._below._changed(**changes)
        return changed

    def _ask(self, question: Callable[[], Evaluation]) -> Evaluation:
        """The problem's answer; a failure is tried again, as often as it may be."""
        return answered(question, meter=self.meter, judging=self._judging, attempts=self._attempts, wait_s=self._wait_s)

    def _recalled(self, networks: np.ndarray) -> np.ndarray | None:
        """(batch,) accuracies, each network's asked for once; None where they are not remembered."""
        return None if self._known is None else recalled(networks, self._known, self._problem.accuracies)

    def _mean(self, networks: np.ndarray, said: np.ndarray, failed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(batch,) mean accuracies of the evaluations that did not fail, and (batch,) whether all of them did.

        Args:
            networks: (batch, network choices).
            said: (batch x repeats,) what the problem said each time: the first training.
            failed: (batch x repeats,) whether that evaluation failed.
        """
        accuracies, kept = said.reshape(len(networks), -1), ~failed.reshape(len(networks), -1)
        model = self._problem.accuracy
        if isinstance(model, RepeatableAccuracy):
            with self._judging():
                others = [model.repeat(number).evaluate(networks) for number in range(1, accuracies.shape[1])]
            accuracies = np.stack([accuracies[:, 0], *others], axis=1)
        # Deviations from the first: equal accuracies have exactly that mean.
        first = np.take_along_axis(accuracies, kept.argmax(axis=1)[:, None], axis=1)
        deviation = np.where(kept, accuracies - first, 0.0).sum(axis=1) / np.maximum(kept.sum(axis=1), 1)
        return first[:, 0] + deviation, np.logical_not(kept.any(axis=1))

    @contextmanager
    def _judging(self) -> Iterator[None]:
        """Charge the time inside to the oracle, and what accuracies cost that an earlier run has left in a cache."""
        accuracy = self._problem.accuracy
        before = getattr(accuracy, "spared_seconds", 0.0)
        with self.meter.oracle():
            yield
        self.meter.bill_cached_oracle(getattr(accuracy, "spared_seconds", 0.0) - before)

    def _answered(self, evaluation: Evaluation) -> Evaluation:
        """The evaluation as the solver sees it: on some problems a few of a run's evaluations fail."""
        failures = self._problem.failures
        if failures is None:
            return evaluation
        which = failures.which(self.meter.evaluations, len(evaluation), run=self.meter.seed)
        return self._problem.failed(evaluation, which)

    def _record(self, designs: np.ndarray, evaluation: Evaluation) -> None:
        with np.errstate(invalid="ignore"):  # a weight of 0 times the infinite cost of a design without a mapping
            cost = self.objective.cost_function(evaluation.cost)
        self.meter.record(designs, evaluation, cost)


class Layer(ABC):
    """What evaluations pass through on their way from a solver to the problem; mutable, for one run.

    It answers for a problem by asking the one below, or from what it knows.
    """

    @abstractmethod
    def evaluate(self, problem: MeteredProblem, designs: np.ndarray) -> Evaluation:
        """Answer `evaluate(designs)`, (batch, choices) that are checked; `problem` is the one below."""

    @abstractmethod
    def evaluate_networks(self, problem: MeteredProblem, networks: np.ndarray) -> Evaluation:
        """Answer `evaluate_networks(networks)`, (batch, network choices) that are checked; `problem` is the one below."""

    def __deepcopy__(self, _: dict[int, Any]) -> Layer:
        """Return the same: copies of an env are on one meter, and share what is known."""
        return self
