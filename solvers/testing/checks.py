"""The checks that every solver has to pass, one function each; `solvers.testing.check_solver` runs them."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import Any, get_args

import cloudpickle
import numpy as np
import torch

from dance_env.envs import EPISODE_NAMES, CoDesignEnv
from dance_env.objective import Constraint
from dance_env.space import AcceleratorSpace
from dance_env.testing import synthetic_problem
from dance_env.testing.report import CheckFailed
from solvers.comparison.threads import ONE_THREAD_EACH
from solvers.contract.capabilities import Access
from solvers.contract.progress import Progress
from solvers.contract.result import Result, Status
from solvers.contract.settings import json_settings
from solvers.contract.solver import Solver


@dataclass(frozen=True)
class Trial:
    """One solver under check.

    Attributes:
        solver: the solver.
        budget: what it may spend in a run.
    """

    solver: Solver
    budget: int

    def run(self, problem: Any = None, **changes: Any) -> Result:
        """Solve a small problem, seed 0 and the full budget unless told otherwise."""
        env = synthetic_problem(0) if problem is None else problem
        return self.solver.solve(env, **({"budget": self.budget, "seed": 0} | changes))

    @cached_property
    def plain(self) -> Result:
        """The run of seed 0 on the problem as it is: made once, for all checks that look at nothing but its result."""
        return self.run()


def settings_are_recorded(trial: Trial) -> None:
    """The solver is a frozen dataclass, and its recorded settings make an equal solver."""
    solver = trial.solver
    parameters = getattr(type(solver), "__dataclass_params__", None)
    _require(parameters is not None and parameters.frozen, "it is no frozen dataclass: @dataclass(frozen=True)")
    settings = json.loads(json.dumps(json_settings(solver)))
    try:
        same = _rebuilt(settings, solver) == solver
    except (TypeError, ValueError) as error:
        raise CheckFailed(f"its recorded settings {settings} do not make a solver: {error}") from error
    _require(
        same, f"its recorded settings {settings} make another solver; settings are numbers, texts and tuples of them"
    )


def budget_is_never_exceeded(trial: Trial) -> None:
    """The problem is asked for no more designs than the budget, and every one of them is in the trace."""
    for budget in (1, 7, trial.budget):
        accuracy = _CountingAccuracy.of(synthetic_problem(0).accuracy)
        result = trial.run(dataclasses.replace(synthetic_problem(0), accuracy=accuracy), budget=budget)
        _require(
            result.ledger.spent <= budget, f"it spent {result.ledger.spent} of a budget of {budget}, {result.ledger}"
        )
        _require(
            accuracy.asked <= len(result.trace) == result.ledger.evaluations,
            f"with a budget of {budget} the problem was asked for {accuracy.asked} evaluations, the trace holds "
            f"{len(result.trace)} and the ledger {result.ledger.evaluations}",
        )


def budget_is_spent(trial: Trial) -> None:
    """In a space of more networks than the budget the run ends when the budget is spent, to the last evaluation."""
    choices = 2
    while 3**choices <= 2 * trial.budget:
        choices += 1
    for budget in (1, 7, trial.budget):
        result = trial.run(synthetic_problem(0, option_counts=(3,) * choices), budget=budget)
        _require(
            result.ledger.spent == budget and result.status is Status.BUDGET_SPENT,
            f"it spent {result.ledger.spent} of {budget}: {result.status.value}",
        )


def same_seed_same_trace(trial: Trial) -> None:
    """Two runs of one seed evaluate the same designs in the same order, whatever the global random state is."""
    first = trial.plain
    with _GlobalState() as state:
        state.disturb()
        second = trial.run()
    _require(len(first.trace) > 0, "it evaluated nothing")
    _require(first.trace.same_search(second.trace), f"two runs of seed 0 differ, {_first_difference(first, second)}")


def another_process_same_trace(trial: Trial) -> None:
    """A process of its own, with one thread and other hashes (so other orders of sets), makes the same trace."""
    here, there = trial.plain, _run_in_another_process(trial)
    _require(
        here.trace.same_search(there.trace),
        f"a run of seed 0 in another process differs, {_first_difference(here, there)}; do not let the order of a set, "
        "the number of threads or anything kept from earlier runs decide",
    )


def seeds_decide_as_declared(trial: Trial) -> None:
    """Runs of different seeds evaluate different designs; those of a solver that is declared deterministic, the same."""
    designs = [trial.plain.trace.designs, *(trial.run(seed=seed).trace.designs for seed in (1, 2))]
    same = [np.array_equal(designs[0], other) for other in designs[1:]]
    if trial.solver.capabilities.deterministic:
        _require(all(same), "it is declared deterministic, but seeds 0, 1 and 2 evaluate different designs")
    else:
        _require(
            not all(same),
            "seeds 0, 1 and 2 evaluate the same designs in the same order; draw from `rng`, or declare "
            "`Capabilities(deterministic=True)`",
        )


def access_is_as_declared(trial: Trial) -> None:
    """The run makes use of no more than the declared access: values, gradients, or the problem's tables."""
    declared = trial.solver.capabilities.access
    used = trial.plain.ledger.access
    order = get_args(Access)
    _require(
        order.index(used) <= order.index(declared),
        f"it used {used!r} with declared access {declared!r}; declare `Capabilities(access={used!r})`",
    )


def global_state_is_untouched(trial: Trial) -> None:
    """The random states of `random`, NumPy and torch, and torch's threads and default dtype, are as before the run."""
    with _GlobalState() as state:
        trial.run()
        changed = state.changed()
    _require(not changed, f"it changed the global state of {' and '.join(changed)}; draw from `rng`, or restore it")


def objectives_re_evaluate(trial: Trial) -> None:
    """Every row of the trace is what the problem says of its design, to the bit."""
    trace = trial.plain.trace
    evaluation = synthetic_problem(0).evaluate(trace.designs)
    for name in ("objective", "violation", "accuracy", "latency_s", "energy_j", "area_mm2"):
        source = evaluation if hasattr(evaluation, name) else evaluation.cost
        wrong = np.flatnonzero(getattr(trace, name) != getattr(source, name))
        _require(
            not wrong.size,
            f"the trace's {name} differs from the problem's in {wrong.size} of {len(trace)} rows, first in row "
            f"{wrong[0] if wrong.size else None}",
        )


def one_option_choices(trial: Trial) -> None:
    """Choices with a single option are no trouble, nor is a space with a single design."""
    fixed = AcceleratorSpace(pe_x=(8, 16), pe_y=(8,), rf_words=(8,), dataflow=("WS", "OS"))
    trial.run(synthetic_problem(0, option_counts=(1, 3, 1), accelerators=fixed))
    single = AcceleratorSpace(pe_x=(8,), pe_y=(8,), rf_words=(8,), dataflow=("WS",))
    result = trial.run(synthetic_problem(0, option_counts=(1, 1), accelerators=single), budget=min(5, trial.budget))
    _require(len(result.trace) > 0, "in a space of one design it did not evaluate that one")


def nothing_feasible_is_a_status(trial: Trial) -> None:
    """Where no design meets the constraints the run ends with that status, and names the least violating design."""
    impossible = (Constraint("latency_s", 1e-9), Constraint("area_mm2", 1e-9))
    result = trial.run(synthetic_problem(0, constraints=impossible))
    _require(result.status is Status.NOTHING_FEASIBLE, f"its status is {result.status}")
    _require(result.best_design is not None, "it evaluated nothing")


def infinite_costs(trial: Trial) -> None:
    """Designs that no mapping fits have infinite cost; the run takes them like any other infeasible design."""
    trial.run(synthetic_problem(0, unmappable=120))


def constraints_are_no_trouble(trial: Trial) -> None:
    """Where designs meet the constraints the run goes through, and a solver that declares to handle them finds one."""
    problem = synthetic_problem(0, constraints=(Constraint("latency_s", 0.005), Constraint("error_pct", 17.0)))
    trial.run(problem)
    if trial.solver.capabilities.handles_constraints:
        # 44 % of all designs: random search misses them all once in 10^16 runs of 64 evaluations.
        easy = synthetic_problem(0, constraints=(Constraint("latency_s", 0.006),))
        _require(
            bool(trial.run(easy, budget=max(64, trial.budget)).trace.feasible.any()),
            "it is declared to handle constraints, but found no feasible design where 44 % of all designs are",
        )


def interrupt_keeps_what_was_found(trial: Trial) -> None:
    """KeyboardInterrupt ends the run at once, and what was evaluated until then is in the result."""
    seen: list[int] = []

    def interrupt(progress: Progress) -> None:
        seen.append(progress.evaluations)
        if progress.evaluations + progress.gradient_queries >= trial.budget // 2:
            raise KeyboardInterrupt

    result = trial.run(callback=interrupt)
    _require(result.status is Status.INTERRUPTED, f"an interrupted run ended with {result.status}")
    _require(len(result.trace) == seen[-1], f"{seen[-1]} designs were evaluated, the trace holds {len(result.trace)}")


def any_episode_style(trial: Trial) -> None:
    """The solver runs on an env of any episode style."""
    for style in EPISODE_NAMES:
        result = trial.run(CoDesignEnv(problem=synthetic_problem(0), episode=style))
        _require(len(result.trace) > 0, f"on an env of style {style!r} it evaluated nothing")


def record_survives(trial: Trial) -> None:
    """The result is saved and loaded without loss."""
    result = trial.plain
    with tempfile.TemporaryDirectory() as folder:
        loaded = Result.load(result.save(Path(folder) / "run.npz"))
    _require(
        loaded.trace.same_search(result.trace)
        and loaded.settings == result.settings
        and loaded.ledger == result.ledger,
        "the loaded record differs from the saved one",
    )


CHECKS: dict[str, Callable[[Trial], None]] = {
    check.__name__.replace("_", "-"): check
    for check in (
        settings_are_recorded,
        budget_is_never_exceeded,
        budget_is_spent,
        same_seed_same_trace,
        another_process_same_trace,
        seeds_decide_as_declared,
        access_is_as_declared,
        global_state_is_untouched,
        objectives_re_evaluate,
        one_option_choices,
        nothing_feasible_is_a_status,
        infinite_costs,
        constraints_are_no_trouble,
        interrupt_keeps_what_was_found,
        any_episode_style,
        record_survives,
    )
}
"""Every check by name."""


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise CheckFailed(message)


def _rebuilt(value: Any, like: Any) -> Any:
    """What a JSON value was before, by the type of a value like it: a dataclass, a tuple or the value itself."""
    if dataclasses.is_dataclass(like) and not isinstance(like, type) and isinstance(value, dict):
        fields = [each for each in dataclasses.fields(like) if each.init]
        return type(like)(**{each.name: _rebuilt(value[each.name], getattr(like, each.name)) for each in fields})
    if isinstance(value, list) and isinstance(like, tuple):
        return tuple(map(_rebuilt, value, like))
    return value


_IN_ANOTHER_PROCESS = """
import json, pickle, sys
sys.path[:] = json.loads(sys.argv[1])
from dance_env.testing import synthetic_problem
pickle.load(sys.stdin.buffer).solve(synthetic_problem(0), budget=int(sys.argv[2]), seed=0).save(sys.argv[3])
"""


def _run_in_another_process(trial: Trial) -> Result:
    """What `trial.run()` gives in a Python of its own."""
    hashes = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.npz"
        ended = subprocess.run(
            [sys.executable, "-c", _IN_ANOTHER_PROCESS, json.dumps(sys.path), str(trial.budget), str(path)],
            input=_pickled(trial.solver),
            capture_output=True,
            env=os.environ | dict.fromkeys(ONE_THREAD_EACH, "1") | {"PYTHONHASHSEED": hashes},
            check=False,
        )
        if ended.returncode:
            raise CheckFailed(f"it does not run in another process: {ended.stderr.decode(errors='replace')[-500:]}")
        return Result.load(path)


def _pickled(solver: Solver) -> bytes:
    """The solver; with its code, where another process cannot import that by name (a file given by its path)."""
    module = sys.modules[type(solver).__module__]
    package = module.__name__.partition(".")[0]
    if any(finder.find_spec(package, None) for finder in sys.meta_path):
        return cloudpickle.dumps(solver)
    module = sys.modules.get(package, module)  # a file's folder: the modules beside it go along
    cloudpickle.register_pickle_by_value(module)
    try:
        return cloudpickle.dumps(solver)
    finally:
        cloudpickle.unregister_pickle_by_value(module)


def _first_difference(first: Result, second: Result) -> str:
    rows = min(len(first.trace), len(second.trace))
    different = np.flatnonzero((first.trace.designs[:rows] != second.trace.designs[:rows]).any(axis=1))
    return f"first in row {different[0]}" if different.size else f"in length or cost: {first.ledger}, {second.ledger}"


class _CountingAccuracy:
    """An accuracy model that counts how many networks it was asked for.

    Everything else is the model's own, as members of a class: from Python 3.12 on, `isinstance` with a protocol, which
    tells what a model can do, does not see what `__getattr__` answers.
    """

    @staticmethod
    def of(model: Any) -> Any:
        """Return a model that counts in the place of another."""
        names = [name for name in dir(model) if not name.startswith("_") and name != "evaluate"]
        members = {name: property(attrgetter(f"_model.{name}")) for name in names}
        return type("_CountingAccuracy", (_CountingAccuracy,), members)(model)

    def __init__(self, model: Any) -> None:
        self._model = model
        self.asked = 0

    def evaluate(self, networks: np.ndarray) -> np.ndarray:
        self.asked += len(networks)
        return self._model.evaluate(networks)


class _GlobalState:
    """Notes the process's global random state and torch's settings, and restores them at the end."""

    def __enter__(self) -> _GlobalState:
        self._before = self._states()
        return self

    def __exit__(self, *_: object) -> None:
        random.setstate(self._before["random"])
        np.random.set_state(self._before["numpy.random"])  # noqa: NPY002
        torch.set_rng_state(self._before["torch's random state"])
        torch.set_num_threads(self._before["torch's threads"])
        torch.set_default_dtype(self._before["torch's default dtype"])

    def disturb(self) -> None:
        """Seed every global generator with something else."""
        random.seed(123)
        np.random.seed(123)  # noqa: NPY002
        torch.manual_seed(123)

    def changed(self) -> list[str]:
        """What differs from the state at the start."""
        now = self._states()
        return [name for name, before in self._before.items() if not _equal(before, now[name])]

    @staticmethod
    def _states() -> dict[str, Any]:
        return {
            "random": random.getstate(),
            "numpy.random": np.random.get_state(),  # noqa: NPY002
            "torch's random state": torch.get_rng_state(),
            "torch's threads": torch.get_num_threads(),
            "torch's default dtype": torch.get_default_dtype(),
        }


def _equal(first: Any, second: Any) -> bool:
    if isinstance(first, tuple):
        return len(first) == len(second) and all(map(_equal, first, second))
    return bool(np.array_equal(first, second)) if hasattr(first, "shape") else first == second
