"""Trials of settings, round by round: each is a comparison on tuning seeds, on record, so that tuning resumes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

import numpy as np

from solvers.comparison.compare import compare
from solvers.comparison.execution import own_executor
from solvers.comparison.listener import Listener
from solvers.comparison.plan import plan
from solvers.comparison.processes.isolating import IsolatingExecutor
from solvers.comparison.run import Run
from solvers.comparison.settings import Settings
from solvers.comparison.spec import Contestant, SolverSpec
from solvers.comparison.trials import SolverTuning, Trial, Tuning
from solvers.comparison.tuning.space import optuna, suggested, told, values_in, with_settings
from solvers.contract.budget import Budget
from solvers.contract.tunable import Tunable

TUNING_SEEDS = (1_000_000_000, 1_000_000_001)
"""The seeds of every trial."""

FOLDER = "tuning"
"""Where the records of trials stand, in the run folder."""

_LEAST_TRIALS = 2
_STARTUP = 10


def tune(
    settings: Settings,
    budget: int | str | Budget,
    *,
    executor: Executor | None = None,
    listener: Listener | None = None,
) -> Tuning:
    """Tune each solver of a comparison with the same budget, on all its tasks together.

    The first trial is the solver as given; the others are asked of Optuna's TPE sampler, over what the solver declares
    (`Solver.tunable`), without the settings that were given. A trial is one run on each task with each tuning seed.

    Args:
        settings: What is compared; its solvers are named.
        budget: What the trials of one solver may spend on one task, in the unit of a run's budget.
        executor, listener: As for `compare`.

    Raises:
        ImportError: If Optuna is not installed.
        ValueError: If the budget pays for fewer than two trials, its unit is another one, no solver is named, or a tuning
            seed is to be reported.
    """
    if settings.specs is None:
        raise ValueError("tuning needs the solvers by name: give --solver")
    if set(TUNING_SEEDS) & set(settings.seeds):
        raise ValueError(f"the seeds {TUNING_SEEDS} are those of tuning and cannot be reported; give others")
    run_budget, budget = Budget.of(settings.budget), Budget.of(budget)
    number = _trials(budget, run_budget)
    contestants = [Contestant.of(spec) for spec in settings.specs]
    searches = [_Search.of(each, number) for each in contestants]
    with _executor(settings, executor) as running:
        _rounds(searches, number, settings, running, listener)
    return Tuning(budget, run_budget, TUNING_SEEDS, tuple(search.result() for search in searches))


@contextmanager
def _executor(settings: Settings, executor: Executor | None) -> Iterator[Executor]:
    """The caller's executor, or one of our own for all rounds: its processes load the library once."""
    if executor is not None:
        yield executor
        return
    problems = {problem.name: problem for problem in map(settings.sources.problem, settings.task_list)}
    own = own_executor(settings, plan(settings, problems).cells)
    try:
        yield own
    except BaseException:
        if isinstance(own, IsolatingExecutor):
            own.kill()
        own.shutdown(cancel_futures=True)
        raise
    own.shutdown()


def _rounds(
    searches: Sequence[_Search], number: int, settings: Settings, executor: Executor, listener: Listener | None
) -> None:
    """Run the trials; the executor keeps the time limit."""
    for trial in range(number):
        asked = {search.contestant.label: search.ask(trial) for search in searches if search.space}
        if not asked:
            break
        specs = [search.spec(trial, asked[search.contestant.label]) for search in searches if search.space]
        found = compare(
            dataclasses.replace(settings, solvers=specs, seeds=TUNING_SEEDS, out=settings.out / FOLDER, timeout_s=None),
            executor=executor,
            listener=listener,
        )
        for search in searches:
            if search.space:
                label = search.contestant.label
                search.tell(asked[label], [run for run in found.runs if run.label == f"{label} trial {trial}"])


def tuned_specs(settings: Settings, tuning: Tuning) -> list[SolverSpec]:
    """Return the solvers of a comparison, and after each that was tuned the same with its best settings, billed for it."""
    specs: list[SolverSpec] = []
    for spec, found in zip(settings.specs or (), tuning.solvers, strict=True):
        specs.append(spec)
        if found.trials:
            changed = _changed(spec, found.best.settings, found.tuned_label)
            specs.append(dataclasses.replace(changed, tuning=found.bill))
    return specs


def _trials(budget: Budget, run_budget: Budget) -> int:
    """How many trials a tuning budget pays for."""
    units = [{each.name for each in dataclasses.fields(one) if getattr(one, each.name) is not None}
             for one in (budget, run_budget)]  # fmt: skip
    if len(units[0]) != 1 or units[0] != units[1]:
        raise ValueError(
            f"a tuning budget has the unit of a run's budget, and a single one; got {budget} and a run's {run_budget}"
        )
    (unit,) = units[0]
    each = getattr(run_budget, unit) * len(TUNING_SEEDS)
    number = math.floor(getattr(budget, unit) / each + 1e-9)
    if number < _LEAST_TRIALS:
        raise ValueError(
            f"a tuning budget of {budget} pays for {number} trials of {len(TUNING_SEEDS)} runs of {run_budget}; give at "
            f"least {Budget(**{unit: each * _LEAST_TRIALS})}"
        )
    return number


@dataclasses.dataclass(eq=False)
class _Search:
    """The trials of one contestant."""

    contestant: Contestant
    space: Mapping[str, Tunable]
    reason: str
    study: Any = None
    asked: Any = None
    trials: list[Trial] = dataclasses.field(default_factory=list)
    scale: dict[str, float] = dataclasses.field(default_factory=dict)
    bill: dict[str, dict[str, float]] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, contestant: Contestant, number: int) -> _Search:
        solver, given = contestant.solver, contestant.spec.settings
        space = {name: each for name, each in solver.tunable.items() if not {name, name.partition(".")[0]} & set(given)}
        if not solver.tunable:
            return cls(contestant, {}, f"{solver.name} declares no settings to tune")
        if not space:
            return cls(contestant, {}, f"all settings of {solver.name} that can be tuned were given")
        sampler = optuna().samplers.TPESampler(seed=0, n_startup_trials=min(_STARTUP, max(1, number // 2)))
        return cls(contestant, space, "", optuna().create_study(sampler=sampler))

    def ask(self, trial: int) -> dict[str, Any]:
        """The settings of the next trial; none for the first, which is the contestant as given."""
        if trial == 0:
            return {}
        self.asked = self.study.ask()
        return suggested(self.space, self.asked)

    def spec(self, trial: int, changes: Mapping[str, Any]) -> SolverSpec:
        return _changed(self.contestant.spec, changes, f"{self.contestant.label} trial {trial}")

    def tell(self, changes: Mapping[str, Any], runs: Sequence[Run]) -> None:
        by_task: dict[str, list[float]] = {}
        for run in runs:
            objective = run.result.best_objective if run.result.status.complete else math.inf
            by_task.setdefault(run.task, []).append(objective)
            self._add(run)
        means = {task: float(np.mean(values)) for task, values in by_task.items()}
        if not changes:
            self.scale = {task: abs(mean) if 0 < abs(mean) < math.inf else 1.0 for task, mean in means.items()}
        score = float(np.mean([mean / self.scale[task] for task, mean in means.items()])) if means else math.inf
        self.trials.append(Trial(dict(changes), score))
        if changes:
            self.study.tell(self.asked, score)
        else:
            self._tell_default(score)

    def _tell_default(self, score: float) -> None:
        """Let the sampler know of the first trial, where it lies in the space."""
        trial = told(self.space, values_in(self.space, self.contestant.solver), score)
        if trial is not None:
            self.study.add_trial(trial)

    def _add(self, run: Run) -> None:
        """Bill a run; the final training of its design was never asked for."""
        ledger = run.result.ledger
        bill = self.bill.setdefault(run.task, {"tuning_runs": 0, "tuning_queries": 0, "tuning_gpu_hours": 0.0})
        bill["tuning_runs"] += 1
        bill["tuning_queries"] += ledger.spent
        bill["tuning_gpu_hours"] += ledger.gpu_hours or 0.0

    def result(self) -> SolverTuning:
        return SolverTuning(self.contestant.label, self.reason, tuple(self.trials), self.bill)


def _changed(spec: SolverSpec, changes: Mapping[str, Any], label: str) -> SolverSpec:
    if spec.solver is None:
        return dataclasses.replace(spec, settings={**spec.settings, **changes}, label=label)
    return dataclasses.replace(spec, solver=with_settings(spec.solver, changes), label=label)
