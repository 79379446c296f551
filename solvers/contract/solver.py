"""The line that every solver signs."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any, ClassVar, final

import gymnasium
import numpy as np

from dance_env.envs import CoDesignEnv, CoDesignVectorEnv
from dance_env.problem import Problem
from dance_env.tasks import UNTRAINED, lacks_supernet
from solvers.contract.budget import Budget
from solvers.contract.capabilities import Capabilities
from solvers.contract.failure import TimeLimit, reason_of, traceback_of
from solvers.contract.ledger import BudgetExhausted
from solvers.contract.meter import Meter
from solvers.contract.metered_problem import MeteredProblem
from solvers.contract.progress import Callback
from solvers.contract.record.trace import Trace
from solvers.contract.result import Result, Status, software_versions
from solvers.contract.settings import json_settings
from solvers.contract.tunable import Tunable


class SolverFailed(RuntimeError):
    """A solver raised: `result` keeps what it had found, the cause is chained."""

    def __init__(self, message: str, result: Result) -> None:
        super().__init__(message)
        self.result = result

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.result)


class Solver(ABC):
    """A search method; concrete solvers are frozen dataclasses whose fields are their settings.

    A subclass sets `name`, writes `search`, and declares its `capabilities` where they differ from those of a solver
    that asks for values alone; it must behave well under `solvers.testing.check_solver`.
    """

    name: ClassVar[str]
    capabilities: ClassVar[Capabilities] = Capabilities()
    """What it needs of a problem and how far it looks; see `Capabilities`."""
    tunable: ClassVar[Mapping[str, Tunable]] = {}
    """Settings that a comparison may tune, and what each may be; every combination is valid. A nested one has a dotted name."""

    @final
    @classmethod
    def why_not(cls, problem: Problem) -> str:
        """Return why this solver cannot work on a problem, in a sentence; empty if it can."""
        return cls.capabilities.why_not(problem, solver=cls.name)

    @final
    def unsuitable(self, problem: Problem) -> str:
        """Return why this very solver cannot work on a problem: a wrapper's capabilities are those of what it wraps."""
        return self.capabilities.why_not(problem, solver=self.name)

    @abstractmethod
    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        """Look for good designs; whatever is evaluated on `problem` is recorded, there is nothing to return.

        Args:
            problem: the problem, on the run's meter: `problem.space`, `problem.evaluate(designs)`, `problem.relax()`;
                `problem.env()` and `problem.vector(num_envs)` give the Gymnasium interface. `problem.meter` tells the
                budget and what is left of it. When that is spent, the next query raises `BudgetExhausted`: let it pass.
            rng: the only source of randomness. For a library that wants a number, draw one from it; give one to
                `reset(seed=...)` as well where an episode starts at random (refine), and to `action_space.seed` where
                you sample from it. Global random state must be left as it was found.
        """

    @final
    def solve(
        self,
        env: CoDesignEnv | Problem | str | Any,
        *,
        budget: int | str | Budget,
        seed: int,
        callback: Callback | None = None,
    ) -> Result:
        """Run the search on a problem, within a budget.

        Args:
            env: a `CoDesignEnv`, single, vector or wrapped; a `Problem`; the name of a task; or a Gymnasium id.
            budget: the most that may be spent. A number: every design evaluated and every row of the differentiable view
                asked for costs one. `Budget(networks=300)` or "300networks" limits trained networks,
                `Budget(gpu_hours=500)` or "500gpuh" their GPU-hours.
            seed: decides every random draw: same seed, same trace, to the bit.
            callback: told the `Progress` after every evaluation; KeyboardInterrupt raised in it ends the run.

        Returns:
            The result; where the run was interrupted, with what was found until then.

        Raises:
            SolverFailed: If the search raised anything but KeyboardInterrupt or BudgetExhausted; the exception holds
                the result until then, with status FAILED (TIMED_OUT for a `TimeLimit`) and the traceback.
            TypeError, ValueError: If env, budget, seed or settings cannot be used, or the problem does not give what
                the solver needs.
        """
        _check_finished(self)
        given = _as_env(env, trains=self.capabilities.trains)
        problem = given.problem
        if isinstance(problem, MeteredProblem):
            raise ValueError("this env is already on a solver's meter; give the solver the env that you made yourself")
        unsuitable = self.unsuitable(problem)
        if unsuitable:
            raise ValueError(unsuitable)
        seed, settings = _check_seed(seed), json_settings(self)
        meter = Meter(budget, problem, solver=self.name, seed=seed, callback=callback)
        episode = given.episode
        metered = MeteredProblem(
            problem, meter, episode=episode.name, horizon=episode.horizon if episode.takes_horizon else None
        )
        status, failure = Status.STOPPED_EARLY, None
        try:
            self.search(metered, np.random.default_rng(seed))
        except BudgetExhausted:
            status = Status.BUDGET_SPENT
        except KeyboardInterrupt:
            status = Status.INTERRUPTED
        except BaseException as error:  # a library's sys.exit or panic ends the run, not the comparison
            status, failure = Status.TIMED_OUT if isinstance(error, TimeLimit) else Status.FAILED, error
        meter.stop()
        trace = meter.trace()
        if status is Status.STOPPED_EARLY and meter.left == 0:
            status = Status.BUDGET_SPENT
        if status.complete and not trace.feasible.any():
            status = Status.NOTHING_FEASIBLE
        best = trace.best()
        result = Result(
            solver=self.name,
            settings=settings,
            seed=seed,
            budget=meter.budget,
            task=problem.name,
            problem_fingerprint=problem.fingerprint() or "",
            status=status,
            reason=_reason(failure, status, trace),
            ledger=meter.ledger(),
            trace=trace,
            best_named={} if best is None else problem.space.decode(trace.designs[[best]])[0],
            software=software_versions(self),
            traceback="" if failure is None else traceback_of(failure),
            deterministic=self.capabilities.deterministic,
            attachments=dict(meter.attachments),
        )
        if failure is not None:
            raise SolverFailed(
                f"{self.name} failed on {problem.name} (seed {seed}) after {len(trace)} evaluations: {result.reason}; "
                "what it had found is in this exception's `result`",
                result,
            ) from failure
        return result


def _reason(failure: BaseException | None, status: Status, trace: Trace) -> str:
    if failure is not None:
        return reason_of(failure)
    return "The solver evaluated no design." if status is Status.NOTHING_FEASIBLE and not len(trace) else ""


def _check_finished(solver: Solver) -> None:
    """What Python does not check of a subclass, before anything is evaluated."""
    kind = type(solver).__name__
    if not isinstance(getattr(solver, "name", None), str):
        raise TypeError(
            f'solver {kind} has no name, which records need: write `name: ClassVar[str] = "..."` in its class'
        )
    if not is_dataclass(solver):
        raise TypeError(
            f"solver {kind} is no dataclass: decorate it with @dataclass(frozen=True), its fields are its settings"
        )


def _check_seed(seed: int) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise TypeError(f"the seed is a whole number, not {seed!r}")
    if seed < 0:
        raise ValueError(f"the seed is not negative, not {seed}")
    return int(seed)


def _as_env(env: Any, *, trains: bool) -> CoDesignEnv | CoDesignVectorEnv:
    """The env behind whatever the caller named."""
    if isinstance(env, str):
        if re.search(r"-v\d+$", env):
            return _as_env(gymnasium.make(env), trains=trains)
        return CoDesignEnv(env, supernet=UNTRAINED if trains and lacks_supernet(env) else None)
    if isinstance(env, Problem):
        return CoDesignEnv(problem=env)
    inner = getattr(env, "unwrapped", env)
    if isinstance(inner, CoDesignEnv | CoDesignVectorEnv):
        return inner
    raise TypeError(
        "a solver runs on a CoDesignEnv (single, vector or wrapped), a Problem, a task's name or a Gymnasium id; "
        f"not on {env!r}"
    )
