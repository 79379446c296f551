"""The problem as a solver sees it: the same questions, each of them on the meter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from solvers.contract.meter import Meter

if TYPE_CHECKING:
    from dance_env.cost import Cost
    from dance_env.envs import CoDesignEnv, CoDesignVectorEnv
    from dance_env.graph import NetworkSpace
    from dance_env.objective import Objective
    from dance_env.problem import Evaluation, Problem
    from dance_env.space import AcceleratorSpace, DesignSpace


class MeteredProblem:
    """Stands where a `Problem` does, and bills `meter` for what is asked.

    | question | on the bill |
    |---|---|
    | `evaluate(designs)` (batch, choices) | batch evaluations, recorded; bounded by the budget |
    | `relax()(network_probs, hardware_probs)` | one gradient query per row; bounded by the budget |
    | `relax().on_each_accelerator(network_probs)`, | one gradient query per row; and one cost query per row and |
    | `relax().on_all_hardware(network_probs)` | accelerator |
    | `evaluate_networks(networks)` | one evaluation per network, recorded with its best accelerator, bounded by the |
    | | budget; and one cost query per network and accelerator |
    | `best_hardware(networks)` | one cost query per network and accelerator |
    | `costs.lookup(networks, hardware)` | one cost query per row |
    | `costs.on_all_hardware(networks)` | one cost query per network and accelerator |
    | `unmetered` | nothing, but the ledger says `tables_read` |
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

    @property
    def unmetered(self) -> Problem:
        """The problem itself, for solvers that read its tables whole; the ledger says that they did."""
        self.meter.bill_tables()
        return self._problem

    @property
    def costs(self) -> MeteredCosts:
        """The cost table, its look-ups on the meter."""
        return MeteredCosts(self._problem, self.meter)

    def fingerprint(self) -> str | None:
        """Return the problem's fingerprint, or None where it has none."""
        return self._problem.fingerprint()

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
        affordable = self.meter.affordable(len(designs))
        with self._judging():
            evaluation = self._problem.evaluate(designs[:affordable])
        self._record(designs[:affordable], evaluation)
        self.meter.affordable(len(designs) - affordable)
        return evaluation

    def evaluate_networks(self, networks: np.ndarray) -> Evaluation:
        """Evaluate networks (batch, network choices) on every accelerator: leaves (batch, hardware).

        Raises:
            BudgetExhausted: fewer evaluations than networks were left; the affordable ones are evaluated and recorded.
        """
        affordable = self.meter.affordable(len(networks))
        with self._judging():
            evaluation = self._problem.evaluate_networks(networks[:affordable])
        self.meter.bill_costs(evaluation.objective.size)
        hardware = _best_hardware(evaluation)
        designs = self._problem.design(networks[:affordable], hardware)
        self._record(designs, evaluation[np.arange(affordable), hardware])
        self.meter.affordable(len(networks) - affordable)
        return evaluation

    def best_hardware(self, networks: np.ndarray) -> np.ndarray:
        """Index (batch,) of each network's best accelerator."""
        with self._judging():
            best = self._problem.best_hardware(networks)
        self.meter.bill_costs(len(best) * self.accelerator_space.size)
        return best

    def relax(self, *, device: str = "cpu", dtype: str = "float64") -> MeteredRelaxedProblem:
        """The differentiable view, its rows on the meter."""
        with self.meter.oracle():
            relaxed = self._problem.relax(device=device, dtype=dtype)
        return MeteredRelaxedProblem(relaxed, self.meter)

    def env(self, *, episode: str | None = None, horizon: int | None = None) -> CoDesignEnv:
        """The Gymnasium environment of this problem, on the same meter.

        Args:
            episode: a style out of `dance_env.EPISODE_NAMES`; by default that of the env that `solve` was given.
            horizon: steps of a refine episode.
        """
        from dance_env.envs import CoDesignEnv

        return CoDesignEnv(problem=cast(Any, self), **self._style(episode, horizon))

    def vector(self, num_envs: int, *, episode: str | None = None, horizon: int | None = None) -> CoDesignVectorEnv:
        """`num_envs` episodes side by side, on the same meter; arguments as for `env`."""
        from dance_env.envs import CoDesignVectorEnv

        return CoDesignVectorEnv(cast(Any, self), num_envs=num_envs, **self._style(episode, horizon))

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
        """Cost (batch,) of each network on the accelerator of the same row."""
        return self._billed(self._problem.costs.lookup, networks, hardware)

    def on_all_hardware(self, networks: np.ndarray) -> Cost:
        """Cost (batch, hardware) of each network on every accelerator."""
        return self._billed(self._problem.costs.on_all_hardware, networks)

    def _billed(self, ask: Callable[..., Cost], *question: np.ndarray) -> Cost:
        with self._meter.oracle():
            cost = ask(*question)
        self._meter.bill_costs(np.size(cost.latency_s))
        return cost


class MeteredRelaxedProblem:
    """The relaxed problem, one gradient query per row of each question.

    A question of more rows than are left is refused whole (half of a gradient is of no use), and nothing is charged:
    what is left can still be spent on evaluating the design that came out.
    """

    def __init__(self, relaxed: Any, meter: Meter) -> None:
        self._relaxed = relaxed
        self._meter = meter

    def __call__(self, network_probs: Any, hardware_probs: Any) -> Any:
        """Expected cost, accuracy, objective and violation (batch,) of independent probabilities per choice."""
        with self._meter.gradients(_rows(network_probs, hardware_probs)):
            return self._relaxed(network_probs, hardware_probs)

    def accuracy(self, network_probs: Any) -> Any:
        """Expected accuracy (batch,)."""
        with self._meter.gradients(_rows(network_probs)):
            return self._relaxed.accuracy(network_probs)

    def on_all_hardware(self, network_probs: Any) -> Any:
        """Expected latency and energy on each accelerator (batch, hardware), and the areas.

        Billed besides as `batch x hardware` cost queries.
        """
        with self._meter.gradients(_rows(network_probs)):
            cost = self._relaxed.on_all_hardware(network_probs)
            self._meter.bill_costs(cost.latency_s.numel())
        return cost

    def on_each_accelerator(self, network_probs: Any) -> Any:
        """Expected accuracy (batch,), and cost on each accelerator; billed as `on_all_hardware` is."""
        with self._meter.gradients(_rows(network_probs)):
            accuracy, cost = self._relaxed.on_each_accelerator(network_probs)
            self._meter.bill_costs(cost.latency_s.numel())
        return accuracy, cost

    def joint(self, hardware_probs: Any) -> Any:
        """Probability (batch, hardware) of each accelerator under independent choices; asks nothing of the problem."""
        return self._relaxed.joint(hardware_probs)


def _rows(*probs: Any) -> int:
    """Rows of a question.

    Raises:
        TypeError: the rows cannot be counted, since torch.func.vmap hides them.
    """
    from torch._C import _functorch  # torch has no public way to ask

    for tensor in probs:
        inner = tensor
        while _functorch.is_functorch_wrapped_tensor(inner):
            if _functorch.is_batchedtensor(inner):
                raise TypeError(
                    "the differentiable view counts rows, and torch.func.vmap hides them: ask for (rows, options) at once"
                )
            inner = _functorch.get_unwrapped(inner)
    return len(probs[0])
