"""The contract suite: every solver of ours passes it, and every check of it was seen to fail."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import pickle
import runpy
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import gymnasium
import numpy as np
import pytest
from broken_solvers import CAUGHT_BY, RefusesInfeasible
from installed import installed_solvers

from dance_env.accuracy.model import RelaxableAccuracy
from dance_env.envs import CoDesignEnv
from dance_env.objective import Constraint
from dance_env.tasks import make_problem
from dance_env.testing import synthetic_problem
from solvers import BudgetExhausted, Progress, Solver, SolverFailed, Status, load_solver, make_solver
from solvers.contract.budget import Budget
from solvers.contract.capabilities import Capabilities
from solvers.contract.failure import TimeLimit
from solvers.contract.metered_problem import MeteredProblem
from solvers.methods.random_search import RandomSearch
from solvers.testing import CHECKS, CheckFailed, check_solver, checks

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.usefixtures("forks_other_process")
@pytest.mark.parametrize(
    "name",
    [
        "random",
        "evolution",
        "nsga2",
        "regularized-evolution",
        "annealing",
        "network-evolution",
        "network-local-search",
        "ppo",
        "tpe",
        "network-tpe",
    ],
)
def test_own_solver_keeps_the_contract(name: str) -> None:
    check_solver(make_solver(name)).raise_if_failed()


@pytest.mark.usefixtures("forks_other_process")
def test_ppo_keeps_the_contract_in_the_other_episode_styles() -> None:
    check_solver(make_solver("ppo", episode="sequential", smallest_batch=8)).raise_if_failed()
    refine = make_solver("ppo", episode="refine", smallest_batch=8)
    difference = {"infinite-costs": "a refine episode refuses to subtract infinite objectives"}
    check_solver(refine, expected_failures=difference).raise_if_failed()


def test_example_solver_keeps_the_contract() -> None:
    solver = make_solver(f"{EXAMPLES / 'custom_solver.py'}:HillClimber")
    check_solver(solver).raise_if_failed()


def test_example_runs_as_a_script(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLES / "custom_solver.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert printed.count("ok    ") == len(CHECKS)
    assert "FAIL" not in printed


def test_every_check_has_a_solver_that_it_catches() -> None:
    assert set(CAUGHT_BY) == set(CHECKS)
    assert all(CAUGHT_BY.values())


@pytest.mark.parametrize(
    ("check", "broken"), [(check, broken) for check, solvers in CAUGHT_BY.items() for broken in solvers]
)
def test_check_catches_a_broken_solver(check: str, broken: type[Solver]) -> None:
    report = check_solver(broken(), checks=[check])
    assert not report.passed
    assert report.outcomes[0].failure
    with pytest.raises(CheckFailed, match=check):
        report.raise_if_failed()


def test_declared_failure_is_no_failure_but_one_that_passes_is() -> None:
    declared = {"constraints-are-no-trouble": "it was written for problems without constraints"}
    checks = ["constraints-are-no-trouble"]
    assert check_solver(RefusesInfeasible(), checks=checks, expected_failures=declared).passed
    report = check_solver(RandomSearch(), checks=checks, expected_failures=declared)
    assert not report.passed
    assert "declared to fail, but passes" in str(report)


@dataclass(frozen=True)
class LooksForSomethingNew(Solver):
    """Computes without an end, whatever is raised in it."""

    name: ClassVar[str] = "looks-for-something-new"

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        while True:
            with contextlib.suppress(Exception):
                problem.evaluate(problem.space.sample(rng, 1))


@dataclass(frozen=True)
class Waits(Solver):
    """Waits for an answer that never comes."""

    name: ClassVar[str] = "waits"

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        threading.Event().wait(60.0)


@pytest.mark.parametrize("solver", [LooksForSomethingNew(), Waits()])
def test_solver_without_an_end_has_a_report(solver: Solver) -> None:
    started = time.monotonic()
    report = check_solver(solver, checks=["one-option-choices", "budget-is-spent"], seconds=0.2)
    assert time.monotonic() - started < 60.0, "what `Waits` would take for each check"
    assert ["did not end within 0.2 s" in outcome.failure for outcome in report.outcomes] == [True, True]


def test_a_time_limit_gives_other_timers_back() -> None:
    rung: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    others = signal.setitimer(signal.ITIMER_REAL, 1000.0)
    try:
        check_solver(RandomSearch(), checks=["record-survives"])
        assert 900.0 < signal.getitimer(signal.ITIMER_REAL)[0] < 1000.0
    finally:
        signal.setitimer(signal.ITIMER_REAL, *others)
        signal.signal(signal.SIGALRM, before)
    assert not rung


def test_an_error_in_the_solver_is_shown_once_with_its_line() -> None:
    @dataclass(frozen=True)
    class Misspelled(Solver):
        name: ClassVar[str] = "misspelled"

        def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
            problem.evaluate(problem.space.sample(rng, 1)).objektive  # type: ignore[attr-defined]  # noqa: B018

    seen: list[str] = []
    text = str(check_solver(Misspelled(), on_outcome=lambda outcome: seen.append(outcome.check)))
    assert seen == list(CHECKS)
    assert text.count("has no attribute 'objektive' (test_solver_contract.py, line ") == 1
    assert text.count(": as budget-is-never-exceeded") >= 10


def test_unknown_check_and_tiny_budget_are_refused() -> None:
    with pytest.raises(ValueError, match="Did you mean 'budget-is-spent'"):
        check_solver(RandomSearch(), checks=["budget-is-spend"])
    with pytest.raises(ValueError, match="at least 8"):
        check_solver(RandomSearch(), budget=7)


# ------------------------------------------------------------------------------------------ what `solve` promises


@dataclass(frozen=True)
class Fails(Solver):
    """Finds a little, then fails."""

    name: ClassVar[str] = "fails"

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        problem.evaluate(problem.space.sample(rng, 5))
        raise ZeroDivisionError("of all things")


def test_failure_is_raised_and_loses_nothing() -> None:
    with pytest.raises(SolverFailed, match="after 5 evaluations: ZeroDivisionError: of all things") as caught:
        Fails().solve(synthetic_problem(0), budget=10, seed=0)
    result = caught.value.result
    assert result.status is Status.FAILED
    assert result.reason == "ZeroDivisionError: of all things"
    assert len(result.trace) == 5
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


class _Panic(BaseException):
    """As PyO3's panics are: no Exception."""


class _Unprintable(Exception):
    def __str__(self) -> str:
        raise GeneratorExit


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        (SystemExit(0), r"SystemExit: 0"),
        (GeneratorExit(), r"GeneratorExit: "),
        (_Panic("index out of range"), "_Panic: index out of range"),
        (_Unprintable(), r"_Unprintable: \(its message cannot be shown: GeneratorExit\)"),
    ],
)
def test_whatever_a_solver_raises_fails_the_run(ending: BaseException, reason: str) -> None:
    @dataclass(frozen=True)
    class Leaves(Solver):
        name: ClassVar[str] = "leaves"

        def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
            problem.evaluate(problem.space.sample(rng, 3))
            raise ending

    with pytest.raises(SolverFailed, match=reason) as caught:
        Leaves().solve(synthetic_problem(0), budget=10, seed=0)
    result = caught.value.result
    assert result.status is Status.FAILED
    assert len(result.trace) == 3
    assert f"{Path(__file__).name}" in result.traceback
    assert "in search" in result.traceback
    assert "in solve" not in result.traceback, "our own frames help nobody"


def test_a_time_limit_is_a_status_of_its_own() -> None:
    @dataclass(frozen=True)
    class Slow(Solver):
        name: ClassVar[str] = "slow"

        def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
            problem.evaluate(problem.space.sample(rng, 3))
            raise TimeLimit("2 s")

    with pytest.raises(SolverFailed, match="TimeLimit: 2 s") as caught:
        Slow().solve(synthetic_problem(0), budget=10, seed=0)
    assert caught.value.result.status is Status.TIMED_OUT
    assert not Status.TIMED_OUT.complete


def test_a_long_reason_is_cut_and_a_long_traceback_keeps_its_end() -> None:
    @dataclass(frozen=True)
    class Verbose(Solver):
        name: ClassVar[str] = "verbose"

        def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
            raise ValueError("x" * 1_000_000 + " the end")

    with pytest.raises(SolverFailed) as caught:
        Verbose().solve(synthetic_problem(0), budget=10, seed=0)
    result = caught.value.result
    assert len(result.reason) == 2_000
    assert result.reason.endswith("[...]")
    assert len(result.traceback) < 21_000
    assert result.traceback.rstrip().endswith("the end")


def test_failure_survives_a_process_boundary() -> None:
    with pytest.raises(SolverFailed) as caught:
        Fails().solve(synthetic_problem(0), budget=10, seed=0)
    copied = pickle.loads(pickle.dumps(caught.value))
    assert str(copied) == str(caught.value)
    assert copied.result.trace.same_search(caught.value.result.trace)


@dataclass(frozen=True)
class EndsEarly(Solver):
    """Three designs are enough for it."""

    name: ClassVar[str] = "ends-early"
    evaluations: int = 3

    def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
        problem.evaluate(problem.space.sample(rng, self.evaluations))


def test_statuses() -> None:
    problem = synthetic_problem(0)
    assert EndsEarly().solve(problem, budget=10, seed=0).status is Status.STOPPED_EARLY
    assert EndsEarly().solve(problem, budget=3, seed=0).status is Status.BUDGET_SPENT
    assert EndsEarly().solve(problem, budget=2, seed=0).status is Status.BUDGET_SPENT
    nothing = EndsEarly(0).solve(problem, budget=2, seed=0)
    assert nothing.status is Status.NOTHING_FEASIBLE
    assert nothing.best_design is None
    assert nothing.best_objective == float("inf")
    assert nothing.best_named == {}


def test_interrupt_in_the_solver_keeps_the_result() -> None:
    @dataclass(frozen=True)
    class Interrupted(Solver):
        name: ClassVar[str] = "interrupted"

        def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
            problem.evaluate(problem.space.sample(rng, 5))
            raise KeyboardInterrupt

    result = Interrupted().solve(synthetic_problem(0), budget=10, seed=0)
    assert result.status is Status.INTERRUPTED
    assert len(result.trace) == 5


def test_every_form_of_env_gives_the_same_run() -> None:
    problem = synthetic_problem(0)
    env = CoDesignEnv(problem=problem, episode="sequential")
    forms = [problem, env, gymnasium.wrappers.TimeLimit(env, 100), env.vector(3)]
    results = [RandomSearch().solve(form, budget=20, seed=3) for form in forms]
    assert all(result.trace.same_search(results[0].trace) for result in results)
    assert {result.task for result in results} == {problem.name}


def test_solver_sees_the_episode_style_of_the_env_it_was_given() -> None:
    @dataclass(frozen=True)
    class Looks(Solver):
        name: ClassVar[str] = "looks"

        def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
            episode = problem.env().episode
            assert (episode.name, episode.horizon) == ("refine", 5)
            problem.evaluate(problem.space.sample(rng, 1))

    problem = synthetic_problem(0)
    Looks().solve(CoDesignEnv(problem=problem, episode="refine", horizon=5), budget=1, seed=0)
    Looks().solve(CoDesignEnv(problem=problem, episode="refine", horizon=5).vector(2), budget=1, seed=0)


def test_env_steps_and_vector_steps_are_on_the_meter() -> None:
    @dataclass(frozen=True)
    class Steps(Solver):
        name: ClassVar[str] = "steps"

        def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
            env = problem.env(reward="penalized")
            env.reset(seed=0)
            _, reward, _, _, info = env.step(problem.space.sample(rng, 1)[0])
            assert reward == -(info["objective"] + 10.0 * info["violation"])
            batch = problem.vector(4, reward="metrics")
            batch.reset(seed=0)
            while True:
                batch.step(problem.space.sample(rng, 4))

    result = Steps().solve(synthetic_problem(0), budget=10, seed=0)
    assert result.status is Status.BUDGET_SPENT
    assert result.ledger.evaluations == len(result.trace) == 10


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"budget": 0}, ValueError, "at least one evaluation, not 0"),
        ({"budget": 1.5}, TypeError, "whole number of evaluations, not 1.5"),
        ({"budget": True}, TypeError, "whole number"),
        ({"seed": -1}, ValueError, "not negative"),
        ({"seed": "one"}, TypeError, "the seed is a whole number, not 'one'"),
    ],
)
def test_bad_budget_or_seed_is_refused(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        RandomSearch().solve(synthetic_problem(0), **({"budget": 5, "seed": 0} | changes))


def test_bad_env_is_refused() -> None:
    with pytest.raises(TypeError, match="a task's name or a Gymnasium id; not on 3"):
        RandomSearch().solve(3, budget=5, seed=0)
    with pytest.raises(TypeError, match=r"not on <.*CartPole"):
        RandomSearch().solve(gymnasium.make("CartPole-v1"), budget=5, seed=0)


def test_metered_env_is_not_metered_twice() -> None:
    @dataclass(frozen=True)
    class Nested(Solver):
        name: ClassVar[str] = "nested"

        def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
            RandomSearch().solve(problem.env(), budget=5, seed=0)

    with pytest.raises(SolverFailed, match="already on a solver's meter"):
        Nested().solve(synthetic_problem(0), budget=5, seed=0)


def test_solver_may_catch_the_end_of_its_budget() -> None:
    refusals: list[BudgetExhausted] = []

    @dataclass(frozen=True)
    class Stubborn(Solver):
        name: ClassVar[str] = "stubborn"

        def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
            for _ in range(4):
                try:
                    problem.evaluate(problem.space.sample(rng, 4))
                except BudgetExhausted as error:
                    refusals.append(error)

    result = Stubborn().solve(synthetic_problem(0), budget=10, seed=0)
    assert result.ledger.evaluations == 10
    assert [(each.asked, each.left) for each in refusals] == [(2, 0), (4, 0)]
    assert result.status is Status.BUDGET_SPENT


def test_callback_is_told_the_truth() -> None:
    told: list[Progress] = []
    problem = synthetic_problem(0, constraints=(Constraint("latency_s", 0.004),))
    result = RandomSearch(batch=16).solve(problem, budget=40, seed=1, callback=told.append)
    assert [each.evaluations for each in told] == [16, 32, 40]
    assert told[-1].best_objective == result.best_objective
    assert told[-1].best_violation == result.trace.violation.min()
    assert (told[-1].solver, told[-1].task, told[-1].seed, told[-1].budget) == ("random", problem.name, 1, Budget(40))
    assert told[-1].fraction == 1.0


def test_a_solver_without_a_name_or_settings_is_told_what_to_write() -> None:
    @dataclass(frozen=True)
    class Nameless(Solver):
        def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
            problem.evaluate(problem.space.sample(rng, 1))

    class Plain(Solver):
        name = "plain"

        def search(self, problem: MeteredProblem, rng: np.random.Generator) -> None:
            problem.evaluate(problem.space.sample(rng, 1))

    with pytest.raises(TypeError, match="solver Nameless has no name, which records need: write `name: ClassVar"):
        Nameless().solve(synthetic_problem(0), budget=5, seed=0)
    with pytest.raises(TypeError, match=r"solver Plain is no dataclass: decorate it with @dataclass\(frozen=True\)"):
        Plain().solve(synthetic_problem(0), budget=5, seed=0)


# ------------------------------------------------------------------------------------------------------- capabilities


@dataclass(frozen=True)
class JudgesWholeNetworks:
    """An accuracy model that declares nothing more than values."""

    model: Any

    def evaluate(self, networks: np.ndarray) -> np.ndarray:
        return self.model.evaluate(networks)

    def fingerprint(self) -> str:
        return self.model.fingerprint()


@dataclass(frozen=True)
class CanBeTrained(JudgesWholeNetworks):
    """And one whose networks a solver can train together."""

    def trainable(self) -> Any:
        return None


def test_a_solver_is_refused_where_the_accuracy_model_does_not_declare_what_it_needs() -> None:
    plain = synthetic_problem(0)
    whole = dataclasses.replace(plain, accuracy=JudgesWholeNetworks(plain.accuracy))
    trainable = dataclasses.replace(plain, accuracy=CanBeTrained(plain.accuracy))
    expectation = Capabilities(access="gradients", needs_expectation=True)
    sampled = Capabilities(access="gradients", needs_sampled_gradient=True)
    either = Capabilities(access="gradients", needs_gradients=True)
    refused = {
        (name, problem.accuracy.__class__.__name__)
        for name, wanted in {"expectation": expectation, "sampled": sampled, "either": either}.items()
        for problem in (plain, whole, trainable)
        if wanted.why_not(problem, solver="mine")
    }
    assert refused == {
        ("expectation", "JudgesWholeNetworks"),
        ("expectation", "CanBeTrained"),
        ("sampled", "TensorAccuracy"),
        ("sampled", "JudgesWholeNetworks"),
        ("either", "JudgesWholeNetworks"),
    }
    with pytest.raises(
        ValueError, match=r"dance-exact needs expected accuracies .* JudgesWholeNetworks of synthetic-0"
    ):
        make_solver("dance-exact").solve(whole, budget=10, seed=0)


def test_a_problem_of_costs_alone_is_refused_before_any_work() -> None:
    costs_only = dataclasses.replace(synthetic_problem(0), accuracy=None)
    with pytest.raises(ValueError, match="random evaluates designs, and synthetic-0 has no accuracy model"):
        RandomSearch().solve(costs_only, budget=1, seed=0)


@pytest.mark.parametrize("name", ["dance", "dance-refined", "dance-front"])
def test_a_learned_evaluator_knows_no_single_workload(name: str) -> None:
    """It predicts the cost of all together: refused before it is trained, not after."""
    limited = make_problem("gpt-s/interactive")
    with pytest.raises(
        ValueError, match=r"all workloads together, and gpt-s/interactive limits prefill.latency_s, decode"
    ):
        make_solver(name).solve(limited, budget=10, seed=0)
    assert "minimizes the worst of them" in load_solver(name).why_not(make_problem("gpt-s/worst-case"))
    assert not load_solver(name).why_not(make_problem("gpt-s/edap"))


def test_contradicting_capabilities_are_refused() -> None:
    with pytest.raises(ValueError, match="access is one of 'values', 'gradients', 'white box'; got 'all'"):
        Capabilities(access="all")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="needs gradients has access 'gradients' or 'white box', not 'values'"):
        Capabilities(needs_expectation=True)


@pytest.mark.parametrize(
    "name", [each for each in installed_solvers() if not each.startswith("dance") and each != "cmd"]
)
def test_runs_use_no_more_than_their_declared_access(name: str) -> None:
    solver = make_solver(name)
    used = solver.solve(synthetic_problem(0), budget=40, seed=0).ledger.access
    assert used == solver.capabilities.access


def test_a_counting_accuracy_declares_what_its_model_does_on_every_python() -> None:
    """Since Python 3.12 `isinstance` with a protocol looks members up statically, past `__getattr__`."""
    model = synthetic_problem(0).accuracy
    counting = checks._CountingAccuracy.of(model)
    for name in ("relax", "factor_sum", "fingerprint", "evaluate"):
        assert inspect.getattr_static(model, name)
        assert inspect.getattr_static(counting, name)
    assert isinstance(counting, RelaxableAccuracy)
    assert counting.fingerprint() == model.fingerprint()
    networks = np.zeros((3, synthetic_problem(0).space.num_network_choices), np.int64)
    np.testing.assert_array_equal(counting.evaluate(networks), model.evaluate(networks))
    assert counting.asked == 3
